"""The layers of a model as names and arguments, and back: what `config.json` holds of a network."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from search_spaces import ACTIVATIONS
from search_spaces.perceptron import Residual

Value = bool | int | float | str | tuple[int, ...]
Layer = tuple[str, dict[str, Any]]

RESIDUAL, LAYERS = "Residual", "layers"
"""The name of a residual connection, and its argument: the layers whose output is added to their input."""
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "Linear": ("in_features", "out_features"),
    "Conv2d": ("in_channels", "out_channels", "kernel_size", "padding"),
    "BatchNorm1d": ("num_features",),
    "BatchNorm2d": ("num_features",),
    "LayerNorm": ("normalized_shape",),
    "GroupNorm": ("num_groups", "num_channels"),
    "MaxPool2d": ("kernel_size",),
    "AdaptiveAvgPool2d": ("output_size",),
    "Flatten": (),
    "Dropout": ("p",),
    "Hardshrink": ("lambd",),
}
"""The arguments of the layers that networks of ours have beside activations, but for `bias` where there is none."""
_MOST_LAYERS = 1000


def layers_of(network: nn.Sequential) -> list[Layer]:
    """Name in `torch.nn` and arguments of every layer; those of a residual connection hold the layers inside.

    Example:
        >>> layers_of(nn.Sequential(nn.Linear(3, 2), nn.ReLU()))
        [('Linear', {'in_features': 3, 'out_features': 2}), ('ReLU', {})]
    """
    return [layer_of(module) for module in network]


def layer_of(module: nn.Module) -> Layer:
    """Name in `torch.nn` and arguments of one layer."""
    if isinstance(module, Residual):
        return RESIDUAL, {LAYERS: layers_of(module)}
    name = type(module).__name__
    # What torch's activations call their constants is what their constructors take; ReLU6 inherits some and takes none.
    taken = inspect.signature(type(module)).parameters.keys() - {"inplace"}
    constants = [each for each in getattr(module, "__constants__", ()) if each in taken]
    options = {each: getattr(module, each) for each in _ARGUMENTS.get(name, constants)}
    return name, options | ({"bias": False} if getattr(module, "bias", True) is None else {})


def network_of(layers: Sequence[Layer]) -> nn.Sequential:
    """An untrained network on the device `meta`, in eval mode.

    Args:
        layers: What `layers_of` gave, which may have been encoded as JSON.

    Raises:
        ValueError: They are not those of a network of ours.
    """
    if len(layers) > _MOST_LAYERS:
        raise ValueError(f"{len(layers)} layers")
    with torch.device("meta"):
        return nn.Sequential(*(_module(name, options, nested=False) for name, options in layers)).eval()


def _module(name: str, options: dict[str, Any], *, nested: bool) -> nn.Module:
    if name == RESIDUAL and not nested and options.keys() == {LAYERS} and len(options[LAYERS]) <= _MOST_LAYERS:
        return Residual(*(_module(inner, of_inner, nested=True) for inner, of_inner in options[LAYERS]))
    activations = {type(each.module(0.0)).__name__ for each in ACTIVATIONS.values() if each.is_torch_layer}
    if name not in {*_ARGUMENTS, *activations}:
        raise ValueError(f"unknown layers {name}")
    kind = getattr(nn, name)
    known = {*_ARGUMENTS.get(name, getattr(kind, "__constants__", ())), "bias"}
    if unusual := options.keys() - known:
        raise ValueError(f"a {name} has arguments that no layer of ours has: {', '.join(sorted(unusual))}")
    module: nn.Module = kind(**options)
    return module
