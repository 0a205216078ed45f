"""The engine on a GPU, against torch's own layers on the processor: run where there is one."""

from __future__ import annotations

import pytest
import torch
from plain_loop import fit_plain
from problems import block_data
from torch import nn

from search_spaces import ACTIVATIONS, INITIALIZATIONS, Hyperparameters
from study.data.split import Split
from study.training import Budget, Streams, fit
from study.training.engines.stacked_mlp.block import start_stack, train
from study.training.engines.stacked_mlp.block_training import BlockTraining

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")

SLOTS = [
    Hyperparameters(
        activation=name,
        negative_slope=0.15,
        initialization=list(INITIALIZATIONS)[place % len(INITIALIZATIONS)],
        dropout=(0.0, 0.2, 0.5)[place % 3],
        learning_rate=0.003,
        weight_decay=1e-3,
        hidden=(20, 33),
    )
    for place, name in enumerate(sorted(ACTIVATIONS))
]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_every_activation_equals_the_plain_loop(optimizer: str, problem: Split) -> None:
    budget = Budget(epochs=4, seeds=2, batch_size=24, optimizer=optimizer)
    data = block_data(problem, torch.float64, "cuda")
    with torch.inference_mode():
        stack = start_stack(SLOTS, 1, data, Streams(7))
        assert train(BlockTraining(stack, 1, data, budget, Streams(7)), budget.epochs, lambda: False)
    for slot, hyperparameters in enumerate(SLOTS):
        network = fit_plain(hyperparameters, problem.training, 5, budget, Streams(7), replicate=1, dtype=torch.float64)
        linear = [module for module in network if isinstance(module, nn.Linear)]
        for (weight, bias), module in zip(stack.parameters(slot), linear, strict=True):
            for ours, theirs in ((weight.T, module.weight.detach()), (bias, module.bias.detach())):
                # Torch's hardswish on a GPU has its sixth in float32.
                tolerance = 1e-6 if hyperparameters.activation == "hardswish" else 1e-8
                torch.testing.assert_close(
                    ours.cpu(),
                    theirs,
                    rtol=0,
                    atol=tolerance * float(theirs.abs().max()),
                    msg=lambda text: f"{hyperparameters.activation}: {text}",  # noqa: B023 - called at once
                )


def test_every_measure_is_that_of_the_processor(problem: Split) -> None:
    budget = Budget(epochs=4, seeds=2, batch_size=24)
    here, there = (
        fit(SLOTS, problem, budget, Streams(7), dtype=torch.float64, device=device, read_test=True)
        for device in ("cpu", "cuda")
    )
    for outcome, other in zip(here, there, strict=True):
        for replicate, same in zip(outcome.replicates, other.replicates, strict=True):
            assert same.scores == pytest.approx(replicate.scores, rel=1e-6, abs=1e-9)
            for curves in ("training_loss", "validation_accuracy"):
                assert same.curves[curves] == pytest.approx(replicate.curves[curves], rel=1e-6)
            for layers in ("layers", "test_layers"):
                for layer, again in zip(getattr(replicate, layers), getattr(same, layers), strict=True):
                    assert again == pytest.approx(layer, rel=1e-6, abs=1e-9)


def test_a_training_repeats_to_the_bit(problem: Split) -> None:
    budget = Budget(epochs=3, seeds=2, batch_size=24)
    assert fit(SLOTS, problem, budget, Streams(7), device="cuda") == fit(
        SLOTS, problem, budget, Streams(7), device="cuda"
    )
