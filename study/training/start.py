"""Where a slot's training starts: its weights and biases, from the streams that all trials share."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from search_spaces import ACTIVATIONS, INITIALIZATIONS, Hyperparameters
from study.training.streams import Streams

LSUV_SAMPLES = 256


def layer_sizes(hidden: Sequence[int], features: int, classes: int) -> list[tuple[int, int]]:
    """(fan-in, fan-out) of every layer, first to last.

    Example:
        >>> layer_sizes((64, 32), 30, 2)
        [(30, 64), (64, 32), (32, 2)]
    """
    widths = [features, *hidden, classes]
    return list(itertools.pairwise(widths))


def draws(sizes: Sequence[tuple[int, int]], streams: Streams, replicate: int) -> list[Tensor]:
    """`[F_in + 1, F_out]` float64 standard normal draws of every layer of a replicate."""
    return [
        torch.from_numpy(streams.initial(replicate, layer, fan_in, fan_out))
        for layer, (fan_in, fan_out) in enumerate(sizes)
    ]


def initial_parameters(
    hyperparameters: Hyperparameters, normal: Sequence[Tensor], samples: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of one slot before training.

    Args:
        hyperparameters: Initialization, activation and slope.
        normal: What `draws` gave.
        samples: `[N, F]` first training samples in the replicate's order; only LSUV reads them.

    Returns:
        `[F_in, F_out]` weights and `[F_out]` biases of every layer, float64. Every layer takes the activation's
        gain, the output layer too, as the usual loop over `net.modules()` has it.
    """
    rule = INITIALIZATIONS[hyperparameters.initialization]
    activation = ACTIVATIONS[hyperparameters.activation]
    gain = activation.gain(hyperparameters.negative_slope) if rule.uses_gain else 1.0
    parameters = [(rule.weights(z[:-1], gain), rule.bias(z[-1], z.shape[0] - 1)) for z in normal]
    if rule.unit_variance:
        module = activation.module(hyperparameters.negative_slope).double()
        h = samples[:LSUV_SAMPLES].double()
        with torch.no_grad():
            for weight, bias in parameters:
                deviation = (h @ weight + bias).std(correction=0)
                if deviation > 0:
                    weight /= deviation
                h = module(h @ weight + bias)
    return parameters
