"""The oracle: a slot of the stack ends with the weights that torch's own layers and optimizers give."""

from __future__ import annotations

import itertools

import pytest
import torch
from plain_loop import build, fit_solo
from problems import block_data
from torch import nn

from search_spaces import ACTIVATIONS, INITIALIZATIONS, Hyperparameters
from search_spaces.architectures import layer_sizes
from study.data.split import Split
from study.training import Budget, Streams
from study.training.engines.stacked_mlp.block import start_stack, train
from study.training.engines.stacked_mlp.evaluate import gradient_norms
from study.training.engines.stacked_mlp.stack import Stack
from study.training.start import draws, initial_parameters

TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}


def trained_stack(slots: list[Hyperparameters], split: Split, budget: Budget, dtype: torch.dtype) -> Stack:
    data = block_data(split, dtype)
    with torch.inference_mode():
        stack = start_stack(slots, 1, data, Streams(7))
        assert train(stack, 1, data, budget, Streams(7), lambda: False) is not None
    return stack


def assert_slot_equals(stack: Stack, slot: int, network: nn.Sequential, tolerance: float) -> None:
    linear = [module for module in network if isinstance(module, nn.Linear)]
    for (weight, bias), module in zip(stack.parameters(slot), linear, strict=True):
        for ours, theirs in ((weight.T, module.weight), (bias, module.bias)):
            torch.testing.assert_close(
                ours, theirs.detach(), rtol=0, atol=tolerance * float(theirs.detach().abs().max())
            )
    learned = [module.weight for module in network if isinstance(module, nn.PReLU)]
    for layer, theirs in enumerate(learned):
        torch.testing.assert_close(stack.slopes[layer][slot, :1], theirs.detach(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_every_activation_equals_solo(initialization: str, optimizer: str, dtype: torch.dtype, problem: Split) -> None:
    budget = Budget(epochs=4, seeds=2, batch_size=24, optimizer=optimizer)
    rates = itertools.cycle([0.0, 0.2, 0.5])
    slots = [
        Hyperparameters(
            activation=name,
            negative_slope=0.15,
            initialization=initialization,
            dropout=next(rates),
            learning_rate=0.003,
            weight_decay=1e-3,
            hidden=(20, 33),
        )
        for name in sorted(ACTIVATIONS)
    ]
    stack = trained_stack(slots, problem, budget, dtype)
    for slot, hyperparameters in enumerate(slots):
        network = fit_solo(hyperparameters, problem.training, 5, budget, Streams(7), replicate=1, dtype=dtype)
        assert_slot_equals(stack, slot, network, TOLERANCE[dtype])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_mixed_rates_decays_penalties_and_slopes_equal_solo(optimizer: str, problem: Split) -> None:
    budget = Budget(epochs=3, seeds=2, batch_size=40, optimizer=optimizer)
    slots = [
        Hyperparameters(
            activation=activation,
            negative_slope=slope,
            dropout=dropout,
            learning_rate=rate,
            weight_decay=decay,
            l1=l1,
            hidden=(48, 16, 16),
        )
        for activation in ("leaky_relu", "prelu", "sigmoid", "tanh")
        for slope, dropout, rate, decay, l1 in (
            (0.01, 0.0, 0.001, 0.0, 0.0),
            (0.3, 0.4, 0.001, 0.0, 1e-3),
            (0.7, 0.1, 0.01, 0.01, 1e-4),
        )
    ]
    stack = trained_stack(slots, problem, budget, torch.float64)
    for slot, hyperparameters in enumerate(slots):
        network = fit_solo(hyperparameters, problem.training, 5, budget, Streams(7), replicate=1, dtype=torch.float64)
        assert_slot_equals(stack, slot, network, 1e-8)


def test_gradient_norms_equal_autograd(problem: Split) -> None:
    slots = [Hyperparameters(activation=name, hidden=(20, 33), dropout=0.3) for name in sorted(ACTIVATIONS)]
    data = block_data(problem, torch.float64)
    with torch.inference_mode():
        stack = start_stack(slots, 0, data, Streams(7))
        norms = gradient_norms(stack, data.validation)
    sizes = layer_sizes((20, 33), 13, 5)
    for slot, hyperparameters in enumerate(slots):
        network = build(
            hyperparameters, initial_parameters(hyperparameters, draws(sizes, Streams(7), 0), torch.empty(0))
        )
        network.eval()
        loss = nn.functional.cross_entropy(network(problem.validation.x.double()), problem.validation.y)
        loss.backward()
        for layer, module in enumerate(module for module in network if isinstance(module, nn.Linear)):
            assert float(norms[layer][slot]) == pytest.approx(float(module.weight.grad.norm()), rel=1e-8)
