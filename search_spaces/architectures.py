"""The architectures: how hyperparameters and shapes become a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import Literal

from torch import nn

from reluctant.errors import ReluctantError, unknown
from search_spaces.hyperparameters import Hyperparameters
from search_spaces.user_networks import Source, UserNetwork, is_of_user

Place = Callable[[], nn.Module]
Build = Callable[[Hyperparameters, tuple[int, ...], int, Place, Place], nn.Module]


class ArchitectureError(ReluctantError, ValueError):
    """There is no such architecture, or it cannot be built."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One kind of network.

    Attributes:
        name: Name in `ARCHITECTURES`.
        engine: Name in `study.training.engines.ENGINES` of what trains it; `modules` trains any `nn.Module`.
        build: `build(hyperparameters, input_shape, outputs, activation, dropout)` makes a network that maps
            `[N, *input_shape]` features to `[N, C]` outputs. It calls `activation()` and `dropout()` for a new module
            at every place where the searched activation, or dropout at the searched rate, belongs. The units behind an
            `activation()` are a hidden layer: there sparsity is measured. Each module serves one place. A forward pass
            draws no random numbers but by `dropout()`.
        inputs: What `input_shape` is: `features`, always (F,), images as one row of pixels; `images`, always (C, H, W),
            so that other data are refused; `either`, whatever the data are.
        user: The network of a user that `build` builds; it may draw from torch's generator in training, and what it
            raises fails its trial.

    Example:
        >>> import torch
        >>> def normalized(hyperparameters, input_shape, outputs, activation, dropout):
        ...     width = hyperparameters.hidden[0]
        ...     return nn.Sequential(nn.Linear(*input_shape, width), nn.LayerNorm(width), activation(),
        ...                          dropout(), nn.Linear(width, outputs))
        >>> architecture = Architecture(name="normalized", engine="modules", build=normalized)
        >>> network = architecture.build(Hyperparameters(hidden=(8,)), (4,), 3, nn.ReLU, nn.Dropout)
        >>> network(torch.zeros(2, 4)).shape
        torch.Size([2, 3])
    """

    name: str
    engine: str
    build: Build
    inputs: Literal["features", "images", "either"] = "either"
    user: UserNetwork | None = None


def layer_sizes(hidden: tuple[int, ...], inputs: int, outputs: int) -> list[tuple[int, int]]:
    """(fan-in, fan-out) of every layer of a multilayer perceptron, first to last.

    Example:
        >>> layer_sizes((64, 32), 30, 2)
        [(30, 64), (64, 32), (32, 2)]
    """
    return list(pairwise([inputs, *hidden, outputs]))


def _mlp(
    hyperparameters: Hyperparameters, input_shape: tuple[int, ...], outputs: int, activation: Place, dropout: Place
) -> nn.Module:
    """Linear, activation and, where the trial has it, dropout for each hidden layer; then Linear."""
    modules: list[nn.Module] = [nn.Flatten()] if len(input_shape) > 1 else []
    *hidden, last = layer_sizes(hyperparameters.hidden, prod(input_shape), outputs)
    for fan_in, fan_out in hidden:
        modules += [nn.Linear(fan_in, fan_out), activation()]
        if hyperparameters.dropout > 0:
            modules.append(dropout())
    return nn.Sequential(*modules, nn.Linear(*last))


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (Architecture(name="mlp", engine="stacked_mlp", build=_mlp, inputs="features"),)
}


def architecture_of(name: str) -> Architecture:
    """The architecture that `--network` names.

    Args:
        name: A key of `ARCHITECTURES`; or `FILE.py:NAME` or `package.module:NAME` of a user's own.

    Raises:
        ArchitectureError: There is none of that name; the text has the nearest one.
        NetworkError: A user's network cannot be used; the text says why.

    Example:
        >>> architecture_of("mlp").engine
        'stacked_mlp'
    """
    if is_of_user(name):
        return _of_user(Source.of(name))
    if name not in ARCHITECTURES:
        raise ArchitectureError(unknown("network", name, ARCHITECTURES))
    return ARCHITECTURES[name]


@lru_cache(maxsize=16)
def _of_user(source: Source) -> Architecture:
    """The architecture of a user's network; one for a source, so that the network is checked once."""
    network = UserNetwork(source)
    return Architecture(name=source.text, engine="modules", build=network.build, user=network)
