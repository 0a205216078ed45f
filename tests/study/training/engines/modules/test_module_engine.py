"""A module of one's own, with a normalization and a residual sum, trained as the plain loop trains it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import fmean

import pytest
import torch
from cohorts import Remembers
from plain_loop import StreamDropout, train_alone
from problems import make_problem
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.architectures import ARCHITECTURES, Architecture
from study.training import Block, Budget, Replicate, Streams, TrainedBlock, engine_of, fit
from study.training.engines import EngineError
from study.training.measures import layer_measures

SPLIT = make_problem(rows=83, features=13, classes=5)
STREAMS = Streams(3)


class Residual(nn.Module):
    """Two hidden layers, the second beside a residual sum."""

    def __init__(
        self, width: int, activation: Callable[[], nn.Module], dropout: Callable[[], nn.Module], *, drawn: bool = False
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(13, width)
        self.norm = nn.LayerNorm(width)
        self.first = activation()
        self.drop = dropout()
        self.inner = nn.Linear(width, width)
        self.second = activation()
        self.leave = nn.Linear(width, 5)
        self.shift = nn.Parameter(torch.randn(width) if drawn else torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """`[N, F]` in, `[N, C]` out."""
        h = self.drop(self.first(self.norm(self.enter(x))))
        return self.leave(h + self.second(self.inner(h + self.shift)))


RESIDUAL = Architecture(
    name="residual",
    engine="modules",
    build=lambda hyperparameters, input_shape, outputs, activation, dropout: Residual(
        hyperparameters.hidden[0], activation, dropout
    ),
)
DRAWN = replace(
    RESIDUAL,
    build=lambda hyperparameters, input_shape, outputs, activation, dropout: Residual(
        hyperparameters.hidden[0], activation, dropout, drawn=True
    ),
)
TRIALS = [
    Hyperparameters(activation="relu", dropout=0.3, learning_rate=0.01, weight_decay=1e-3, hidden=(24,)),
    Hyperparameters(activation="prelu", negative_slope=0.2, learning_rate=0.01, weight_decay=1e-3, hidden=(17,)),
    Hyperparameters(activation="tanh", dropout=0.1, learning_rate=0.003, l1=1e-3, hidden=(24,)),
]


def trained_alone(trial: Hyperparameters, budget: Budget, replicate: int) -> tuple[Residual, Residual, list[float]]:
    """The network before training, after it, and its loss curve, by torch alone on the study's draws."""

    def start() -> Residual:
        network = Residual(
            trial.hidden[0],
            lambda: ACTIVATIONS[trial.activation].module(trial.negative_slope),
            lambda: StreamDropout(trial.dropout),
        ).double()
        gain = nn.init.calculate_gain(
            {"prelu": "leaky_relu"}.get(trial.activation, trial.activation), trial.negative_slope
        )
        with torch.no_grad():
            for place, layer in enumerate((network.enter, network.inner, network.leave)):
                normal = torch.from_numpy(STREAMS.initial(replicate, place, layer.in_features, layer.out_features))
                layer.weight.copy_(normal[:-1].T * gain / math.sqrt(layer.in_features))
                layer.bias.zero_()
        return network

    network = start()
    curve = train_alone(
        network, [network.first, network.second], trial, SPLIT.training, budget, STREAMS, replicate=replicate
    )
    return start().eval(), network, curve


def norms(network: Residual) -> list[float]:
    """Gradient norms of the three weights on the validation part."""
    network.zero_grad()
    torch.autograd.backward(nn.functional.cross_entropy(network(SPLIT.validation.x.double()), SPLIT.validation.y))
    return [float(layer.weight.grad.norm()) for layer in (network.enter, network.inner, network.leave)]


def check(replicate: Replicate, trial: Hyperparameters, budget: Budget, number: int) -> None:
    """Holds a result against the plain loop."""
    before, after, curve = trained_alone(trial, budget, number)
    x, y = SPLIT.validation.x.double(), SPLIT.validation.y
    with torch.no_grad():
        z = [after.norm(after.enter(x))]
        a = [after.first(z[0])]
        z.append(after.inner(a[0] + after.shift))
        a.append(after.second(z[1]))
        logits = after(x)
    assert replicate.scores["accuracy"] == float((logits.argmax(1) == y).double().mean())
    assert replicate.scores["log_loss"] == pytest.approx(float(nn.functional.cross_entropy(logits, y)), rel=1e-8)
    assert replicate.curves["training_loss"] == pytest.approx(curve, rel=1e-8)
    assert replicate.curves["validation_accuracy"][-1] == replicate.scores["accuracy"]
    slope = [float(m.weight.detach()) if isinstance(m, nn.PReLU) else 0.0 for m in (after.first, after.second)]
    expected = [
        layer_measures(a[layer], ACTIVATIONS[trial.activation].saturated(z[layer], a[layer], slope[layer]))
        for layer in range(2)
    ]
    at_start, at_end = norms(before), norms(after)
    for layer, measures in enumerate([*expected, {}]):
        expected_layer = measures | {"gradient_norm_start": at_start[layer], "gradient_norm_end": at_end[layer]}
        assert replicate.layers[layer] == pytest.approx(expected_layer, rel=1e-8, abs=1e-12)
    for name in expected[0]:
        assert replicate.scores[name] == pytest.approx(fmean(layer[name] for layer in expected), rel=1e-8, abs=1e-12)
    assert replicate.scores["gradient_ratio_end"] == pytest.approx(at_end[0] / at_end[-1], rel=1e-8)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_residual_network_equals_the_plain_loop(optimizer: str) -> None:
    """Scores, measures at the places, gradient norms and curves."""
    budget = Budget(epochs=4, seeds=2, batch_size=19, optimizer=optimizer)  # type: ignore[arg-type]
    outcomes = fit(TRIALS, SPLIT, budget, STREAMS, architecture=RESIDUAL, dtype=torch.float64, read_test=True)
    for trial, outcome in zip(TRIALS, outcomes, strict=True):
        for number, replicate in enumerate(outcome.replicates):
            check(replicate, trial, budget, number)
            assert len(replicate.test_layers) == 2


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_it_resumes_from_every_epoch_to_the_bit(optimizer: str) -> None:
    budget = Budget(epochs=4, seeds=2, batch_size=19, optimizer=optimizer)  # type: ignore[arg-type]
    keeper = Remembers()
    whole = fit(TRIALS, SPLIT, budget, STREAMS, architecture=DRAWN, keeper=keeper)
    assert whole == fit(TRIALS, SPLIT, budget, STREAMS, architecture=DRAWN, threads=2)
    for epoch in (1, 2, 3):
        known = {slot: states[epoch] for slot, states in keeper.states.items()}
        resumed = Remembers(dict(known))
        assert fit(TRIALS, SPLIT, budget, STREAMS, architecture=DRAWN, keeper=resumed) == whole
        assert all(min(states) == epoch + 1 for states in resumed.states.values())


def first_parameters(architecture: Architecture, trials: list[Hyperparameters], seeds: int) -> list[list[nn.Module]]:
    """`[trial][replicate]` networks after a training that changes next to nothing."""
    networks: dict[tuple[int, int], nn.Module] = {}

    def keep(block: Block, trained: TrainedBlock) -> None:
        networks.update({(trial, block.replicate): trained.network(place) for place, trial in enumerate(block.trials)})

    still = [replace(trial, learning_rate=1e-30, weight_decay=0.0) for trial in trials]
    budget = Budget(epochs=1, seeds=seeds, optimizer="sgd")
    fit(still, SPLIT, budget, STREAMS, architecture=architecture, dtype=torch.float64, on_trained=keep)
    return [[networks[trial, replicate] for replicate in range(seeds)] for trial in range(len(trials))]


def test_other_parameters_are_torchs_own_shared_by_trials_and_drawn_anew_in_replicates() -> None:
    state = torch.random.get_rng_state()
    first, second = first_parameters(DRAWN, [TRIALS[0], TRIALS[2]], seeds=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one.shift, other.shift)
        torch.testing.assert_close(one.norm.weight, torch.ones_like(one.norm.weight))
    assert not torch.allclose(first[0].shift, first[1].shift)


def test_lsuv_gives_every_linear_layer_outputs_of_unit_variance() -> None:
    """Also behind a normalization and a sum, layer by layer in the order of execution."""
    trial = Hyperparameters(activation="relu", initialization="lsuv", hidden=(24,))
    [[network]] = first_parameters(RESIDUAL, [trial], seeds=1)
    outputs: dict[nn.Module, Tensor] = {}
    layers = [network.enter, network.inner, network.leave]
    for layer in layers:
        layer.register_forward_hook(lambda module, inputs, output: outputs.update({module: output}))
    with torch.no_grad():
        network(SPLIT.training.x.double())
    assert [float(outputs[layer].std(correction=0)) for layer in layers] == pytest.approx([1.0] * 3)


def test_a_module_without_searched_places_has_scores_and_no_measures() -> None:
    linear = Architecture(
        name="linear", engine="modules", build=lambda hyperparameters, shape, outputs, *places: nn.Linear(13, 5)
    )
    [outcome] = fit([Hyperparameters()], SPLIT, Budget(epochs=2, seeds=1), STREAMS, architecture=linear)
    [replicate] = outcome.replicates
    assert 0 < replicate.scores["accuracy"] <= 1
    assert [sorted(layer) for layer in replicate.layers] == [["gradient_norm_end", "gradient_norm_start"]]


def test_an_unknown_engine_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(EngineError, match=r"unknown engine 'warp'.*stacked_mlp"):
        engine_of(replace(ARCHITECTURES["mlp"], engine="warp"))
