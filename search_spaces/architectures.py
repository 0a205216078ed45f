"""The architectures: how hyperparameters and shapes become a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from torch import nn

from reluctant.errors import ReluctantError, unknown
from search_spaces.convolutional import convolutional
from search_spaces.hyperparameters import Hyperparameters
from search_spaces.network_names import is_of_user
from search_spaces.perceptron import perceptron
from search_spaces.user_networks import Source, UserNetwork

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
        options: The options of a study that say how its networks are built, with their defaults; it refuses the
            others.
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
    options: Mapping[str, Any] = field(default_factory=lambda: {"hidden": (64, 64)})
    user: UserNetwork | None = None


ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            name="mlp",
            engine="stacked_mlp",
            build=perceptron,
            inputs="features",
            options={"hidden": (64, 64), "normalization": "none", "residual": False},
        ),
        Architecture(
            name="cnn",
            engine="modules",
            build=convolutional,
            inputs="images",
            options={"channels": (16, 32), "hidden": (64,), "head": "flatten", "normalization": "batch"},
        ),
    )
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
    return Architecture(name=source.text, engine="modules", build=network.build, options={}, user=network)
