"""Where a slot's training starts: its weights and biases, from the streams that all trials share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from search_spaces import ACTIVATIONS, INITIALIZATIONS, Hyperparameters
from study.training.streams import Streams

LSUV_SAMPLES = 256
"""Training samples that a data-dependent initialization reads."""


def draws(sizes: Sequence[tuple[int, int]], streams: Streams, replicate: int) -> list[Tensor]:
    """`[F_in + 1, F_out]` float64 standard normal draws of every layer of a replicate."""
    return [
        torch.from_numpy(streams.initial(replicate, layer, fan_in, fan_out))
        for layer, (fan_in, fan_out) in enumerate(sizes)
    ]


def initial_layer(
    hyperparameters: Hyperparameters, normal: Tensor, *, positions: int = 1, last: bool = False
) -> tuple[Tensor, Tensor]:
    """`[F_in, F_out]` weights and `[F_out]` biases of one layer, from its draws and without looking at data.

    Every layer has the activation's gain, the output layer too, as the usual loop over `net.modules()` gives it.

    Args:
        hyperparameters: Initialization, activation and slope.
        normal: `[F_in + 1, F_out]` draws of the layer.
        positions: Positions of a convolution's kernel; 1 for a linear layer.
        last: Whether it is the output layer, to which `bias` is not added.
    """
    rule = INITIALIZATIONS[hyperparameters.initialization]
    activation = ACTIVATIONS[hyperparameters.activation]
    gain = activation.gain(hyperparameters.negative_slope) if rule.uses_gain else 1.0
    weights = rule.weights(normal[:-1], gain, normal.shape[1] * positions)
    biases = rule.bias(normal[-1], normal.shape[0] - 1)
    shifts = not last and hyperparameters.normalization == "none"  # a normalization has a shift of its own
    return weights, biases + hyperparameters.bias if shifts else biases


def initial_parameters(
    hyperparameters: Hyperparameters, normal: Sequence[Tensor], samples: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of a multilayer perceptron before training.

    Args:
        hyperparameters: Initialization, activation and slope.
        normal: What `draws` gave.
        samples: `[N, F]` first training samples in the replicate's order; only LSUV reads them.

    Returns:
        `[F_in, F_out]` weights and `[F_out]` biases of every layer, float64.
    """
    parameters = [initial_layer(hyperparameters, z, last=z is normal[-1]) for z in normal]
    if INITIALIZATIONS[hyperparameters.initialization].unit_variance:
        module = ACTIVATIONS[hyperparameters.activation].module(hyperparameters.negative_slope).double().eval()
        h = samples[:LSUV_SAMPLES].double()
        with torch.no_grad():
            for weight, bias in parameters:
                deviation = (h @ weight + bias).std(correction=0)
                if deviation > 0:
                    weight /= deviation
                h = module(h @ weight + bias)
    return parameters
