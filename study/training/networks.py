"""Trained networks to take away: one trial's replicates as plain `nn.Sequential`s."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from study.data.split import Split
from study.training.budget import Budget
from study.training.engines.stacked_mlp.plan import Block
from study.training.engines.stacked_mlp.stack import Stack
from study.training.fit import fit
from study.training.outcome import Outcome
from study.training.streams import Streams


def fit_networks(
    hyperparameters: Hyperparameters, split: Split, budget: Budget, streams: Streams, **options: Any
) -> tuple[Outcome, list[nn.Sequential]]:
    """Trains one trial as `fit` does, to the same bits, and keeps its networks.

    Args:
        hyperparameters: The trial.
        split: Data.
        budget: Epochs, replicates, batch size, optimizer.
        streams: The study's random numbers.
        options: Of `fit`.

    Returns:
        The outcome, and one network a replicate, in eval mode on the CPU.

    Raises:
        Interrupted: `stop` said so.
    """
    kept: dict[int, tuple[list[tuple[Tensor, Tensor]], list[float]]] = {}

    def keep(block: Block, stack: Stack) -> None:
        kept[block.replicate] = stack.parameters(0), [float(slope[0, 0]) for slope in stack.slopes]

    (outcome,) = fit([hyperparameters], split, budget, streams, take=keep, **options)
    # Built here, for a stack trains in inference mode, and what is made there cannot be trained on.
    return outcome, [sequential(hyperparameters, *kept[replicate]) for replicate in range(budget.seeds)]


def sequential(
    hyperparameters: Hyperparameters, parameters: Sequence[tuple[Tensor, Tensor]], slopes: Sequence[float]
) -> nn.Sequential:
    """A plain network of Linear, activation and, where the trial has it, Dropout.

    Args:
        hyperparameters: Activation and dropout rate.
        parameters: `[F_in, F_out]` weights and `[F_out]` biases of each layer.
        slopes: Negative slope after each hidden layer: what PReLU learned, or leaky ReLU's constant.

    Returns:
        `[N, F]` features in, `[N, C]` logits out.
    """
    modules: list[nn.Module] = []
    with torch.no_grad():
        for index, (weight, bias) in enumerate(parameters):
            linear = nn.Linear(*weight.shape)
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias)
            modules.append(linear)
            if index < len(slopes):
                activation = ACTIVATIONS[hyperparameters.activation]
                # A constant slope is written as the user knows it, not as its float32 neighbour.
                slope = slopes[index] if activation.slope == "learned" else hyperparameters.negative_slope
                modules.append(activation.module(slope).float())
                if hyperparameters.dropout > 0:
                    modules.append(nn.Dropout(hyperparameters.dropout))
    return nn.Sequential(*modules).eval()
