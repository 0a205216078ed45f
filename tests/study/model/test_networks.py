"""The networks that a trial leaves are those that were measured, and torch's own layers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from problems import make_problem
from torch import nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.architectures import ARCHITECTURES
from study.model.layers import layers_of
from study.training import Budget, Streams, fit, fit_networks
from study.training.plain_network import plain_network

SPLIT = make_problem(rows=150)
BUDGET = Budget(epochs=6, seeds=2, batch_size=16)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "prelu", "softplus"])
def test_they_score_what_the_study_recorded(activation: str) -> None:
    trial = Hyperparameters(activation=activation, negative_slope=0.3, dropout=0.2, learning_rate=0.02, hidden=(24, 13))
    beside = [trial, replace(trial, activation="tanh"), replace(trial, dropout=0.0)]
    recorded = fit(beside, SPLIT, BUDGET, Streams(5), threads=2)[0]
    outcome, networks = fit_networks(trial, SPLIT, BUDGET, Streams(5), read_test=True)
    assert outcome.values("accuracy") == recorded.values("accuracy")
    assert len(networks) == 2
    for network, replicate in zip(networks, outcome.replicates, strict=True):
        assert not network.training
        for part, name in ((SPLIT.validation, "accuracy"), (SPLIT.test, "test_accuracy")):
            logits = network(part.x)
            assert float((logits.argmax(1) == part.y).double().mean()) == replicate.scores[name]
        loss = nn.functional.cross_entropy(network(SPLIT.validation.x), SPLIT.validation.y).item()
        assert loss == pytest.approx(replicate.scores["log_loss"], rel=1e-5)
    assert not torch.equal(networks[0][0].weight, networks[1][0].weight)


def test_prelu_keeps_the_slope_that_it_learned() -> None:
    trial = Hyperparameters(activation="prelu", negative_slope=0.25, learning_rate=0.05, hidden=(8, 8))
    _, (network, _) = fit_networks(trial, SPLIT, BUDGET, Streams(0))
    slopes = [float(module.weight.detach()) for module in network if isinstance(module, nn.PReLU)]
    assert len(slopes) == 2
    assert all(abs(slope - 0.25) > 1e-3 for slope in slopes)


@pytest.mark.parametrize("activation", [name for name, each in ACTIVATIONS.items() if each.is_torch_layer])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_every_layer_is_built_again_from_its_name_and_arguments(activation: str, dropout: float) -> None:
    trial = Hyperparameters(activation=activation, dropout=dropout, negative_slope=0.07, hidden=(5,))
    network = plain_network(ARCHITECTURES["mlp"], trial, (3,), 2)
    again = nn.Sequential(*(getattr(nn, name)(**options) for name, options in layers_of(network))).eval()
    again.load_state_dict(network.state_dict())
    x = torch.randn(64, 3)
    assert torch.equal(again(x), network(x))
    assert [type(module) for module in again] == [type(module) for module in network]
    assert sum(isinstance(module, nn.Dropout) and module.p == dropout for module in again) == (dropout > 0)
    expected = network[-1](ACTIVATIONS[activation].module(0.07).float().eval()(network[0](x)))
    torch.testing.assert_close(again(x), expected)
