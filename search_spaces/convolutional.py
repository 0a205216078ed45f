"""The convolutional network: blocks of 3×3 convolutions, then hidden layers as in a perceptron."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from torch import nn

from search_spaces.hyperparameters import Hyperparameters
from search_spaces.perceptron import dense_layer, layer_sizes, shifted

if TYPE_CHECKING:
    from search_spaces.architectures import Place

KERNEL = 3
POOLED_BLOCKS = 2
"""Blocks that end in 2×2 max pooling; further ones keep the size of the image, so that depth is free."""


def convolutional(
    hyperparameters: Hyperparameters, input_shape: tuple[int, ...], outputs: int, activation: Place, dropout: Place
) -> nn.Module:
    """Blocks of convolution, normalization, activation and dropout, a head, hidden layers; see `Architecture.build`.

    Layer normalization of a convolution is over the channels and positions of each image (`nn.GroupNorm` of one
    group). Images that are too small are not pooled.
    """
    modules = nn.Sequential()
    channels, *size = input_shape
    kind = hyperparameters.normalization
    for number, width in enumerate(hyperparameters.channels, start=1):
        bias = kind != "batch"  # Batch normalization has a shift of its own.
        modules.add_module(f"conv{number}", nn.Conv2d(channels, width, KERNEL, padding=KERNEL // 2, bias=bias))
        if kind != "none":
            norm = nn.BatchNorm2d(width) if kind == "batch" else nn.GroupNorm(1, width)
            modules.add_module(f"norm{number}", shifted(norm, hyperparameters))
        modules.add_module(f"activation{number}", activation())
        if hyperparameters.dropout > 0:
            modules.add_module(f"dropout{number}", dropout())
        if number <= POOLED_BLOCKS and min(size) > 1:
            modules.add_module(f"pool{number}", nn.MaxPool2d(2))
            size = [each // 2 for each in size]
        channels = width
    if hyperparameters.head == "average":
        modules.add_module("average", nn.AdaptiveAvgPool2d(1))
        size = [1, 1]
    modules.add_module("flatten", nn.Flatten())
    *hidden, last = layer_sizes(hyperparameters.hidden, channels * prod(size), outputs)
    for number, (fan_in, fan_out) in enumerate(hidden, start=1):
        for name, module in dense_layer(hyperparameters, fan_in, fan_out, activation, dropout).items():
            modules.add_module(f"hidden{number}_{name}", module)
    modules.add_module("output", nn.Linear(*last))
    return modules
