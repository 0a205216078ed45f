"""The multilayer perceptron, with normalization and residual connections where they are asked for."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from torch import Tensor, nn

from search_spaces.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from search_spaces.architectures import Place


class Residual(nn.Sequential):
    """Modules whose output is added to their input (He et al. 2016, equation 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """`[N, F]` in and out."""
        h = x
        for module in self:
            h = module(h)
        return x + h


def layer_sizes(hidden: tuple[int, ...], inputs: int, outputs: int) -> list[tuple[int, int]]:
    """(fan-in, fan-out) of every layer of a multilayer perceptron, first to last.

    Example:
        >>> layer_sizes((64, 32), 30, 2)
        [(30, 64), (64, 32), (32, 2)]
    """
    return list(pairwise([inputs, *hidden, outputs]))


def shifted(norm: nn.Module, hyperparameters: Hyperparameters) -> nn.Module:
    """A new normalization whose shift starts at the trial's `bias`, which that of the layer before it would undo."""
    nn.init.constant_(norm.get_parameter("bias"), hyperparameters.bias)
    return norm


def dense_layer(
    hyperparameters: Hyperparameters, fan_in: int, fan_out: int, activation: Place, dropout: Place
) -> dict[str, nn.Module]:
    """The modules of one hidden layer by kind: linear, norm, activation and, where the trial has it, dropout."""
    kind = hyperparameters.normalization
    # Batch normalization has a shift of its own.
    modules: dict[str, nn.Module] = {"linear": nn.Linear(fan_in, fan_out, bias=kind != "batch")}
    if kind != "none":
        norm = nn.BatchNorm1d(fan_out) if kind == "batch" else nn.LayerNorm(fan_out)
        modules["norm"] = shifted(norm, hyperparameters)
    modules["activation"] = activation()
    if hyperparameters.dropout > 0:
        modules["dropout"] = dropout()
    return modules


def perceptron(
    hyperparameters: Hyperparameters, input_shape: tuple[int, ...], outputs: int, activation: Place, dropout: Place
) -> nn.Module:
    """Hidden layers of linear, normalization, activation and dropout, then linear; see `Architecture.build`.

    With `residual` the output of a hidden layer is added to its input where both have the same width.
    """
    modules: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
    *hidden, last = layer_sizes(hyperparameters.hidden, prod(input_shape), outputs)
    for number, (fan_in, fan_out) in enumerate(hidden):
        layer = dense_layer(hyperparameters, fan_in, fan_out, activation, dropout).values()
        modules += [Residual(*layer)] if hyperparameters.residual and number and fan_in == fan_out else layer
    return nn.Sequential(*modules, nn.Linear(*last))
