"""Networks of plain torch modules, as they are kept and exported."""

from __future__ import annotations

import torch
from torch import nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.architectures import Architecture


def plain_network(
    architecture: Architecture,
    hyperparameters: Hyperparameters,
    input_shape: tuple[int, ...],
    outputs: int,
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """An untrained network of an architecture, with torch's own activation and dropout modules, in eval mode.

    Args:
        architecture: What is built.
        hyperparameters: Activation, slope, dropout rate and widths.
        input_shape: Shape of one sample's features.
        outputs: C, number of outputs.
        dtype: Of its parameters.

    Example:
        >>> from search_spaces.architectures import ARCHITECTURES
        >>> plain_network(ARCHITECTURES["mlp"], Hyperparameters(hidden=(8,)), (4,), 3)
        Sequential(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): ReLU()
          (2): Linear(in_features=8, out_features=3, bias=True)
        )
    """
    activation = ACTIVATIONS[hyperparameters.activation]
    network = architecture.build(
        hyperparameters,
        input_shape,
        outputs,
        lambda: activation.module(hyperparameters.negative_slope),
        lambda: nn.Dropout(hyperparameters.dropout),
    )
    return network.to(dtype).eval()
