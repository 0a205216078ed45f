"""The stack's gradients, against autograd; that it trains as the plain loop is held for all engines together."""

from __future__ import annotations

import pytest
import torch
from plain_loop import build
from problems import block_data
from torch import nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.perceptron import layer_sizes
from study.data.split import Split
from study.training import Streams
from study.training.engines.stacked_mlp.block import start_stack
from study.training.engines.stacked_mlp.evaluate import gradient_norms
from study.training.start import draws, initial_parameters


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
