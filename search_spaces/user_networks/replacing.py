"""Replaces activations and dropouts of any `nn.Module`, with torch alone: exported models carry a copy of this file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


class InTurn(nn.Module):
    """Modules that take turns in a forward pass: the first call goes to the first of them, the next to the second.

    It stands for one module that a forward pass uses several times, where each use is to be a module of its own.

    Args:
        uses: The modules, in the order of the calls.
    """

    def __init__(self, uses: Iterable[nn.Module]) -> None:
        super().__init__()
        self.uses = nn.ModuleList(uses)
        self._called = 0

    def begin(self) -> None:
        """The next call is the first of a forward pass."""
        self._called = 0

    def forward(self, x: Tensor) -> Tensor:
        """What the module whose turn it is gives."""
        if self._called >= len(self.uses):
            raise RuntimeError(
                f"an activation that was used {len(self.uses)} times in a forward pass is used once more; each use "
                "is searched by itself, so that their number must be the same in every pass"
            )
        self._called += 1
        found: Tensor = self.uses[self._called - 1](x)
        return found


class WholeChannels(nn.Module):
    """Dropout of whole channels, as `nn.Dropout2d` does it, by a dropout of single values.

    Args:
        dropout: Dropout of single values.
    """

    def __init__(self, dropout: nn.Module) -> None:
        super().__init__()
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """`[N, C, ...]` in and out."""
        if not self.training:
            return x
        kept: Tensor = self.dropout(torch.ones_like(x[(slice(None), slice(None), *[slice(1)] * (x.dim() - 2))]))
        return x * kept


def replace_modules(
    network: nn.Module,
    activations: Mapping[str, int],
    dropouts: Mapping[str, bool],
    activation: Callable[[], nn.Module],
    dropout: Callable[[], nn.Module],
) -> nn.Module:
    """A network with other activations and dropouts; it is changed in place, and returned.

    Args:
        network: The network.
        activations: How often a forward pass uses each activation, by its path in the network. A module that has
            several paths is named by one of them.
        dropouts: Whether each dropout drops whole channels, by its path.
        activation: Makes the activation of one use.
        dropout: Makes the dropout of one path; it drops single values.
    """
    make = in_turn(activation, list(activations.values()))
    new: dict[str, nn.Module] = {path: make() for path in activations}
    new |= {path: WholeChannels(dropout()) if channels else dropout() for path, channels in dropouts.items()}
    _put(network, new)
    for module in network.modules():
        if isinstance(module, nn.TransformerEncoderLayer) and isinstance(module.activation, nn.Module):
            module.activation_relu_or_gelu = 0  # else evaluation takes a shortcut past its modules
    return begin_each_pass(network)


def in_turn(activation: Callable[[], nn.Module], uses: Sequence[int]) -> Callable[[], nn.Module]:
    """Makes activations of which a forward pass may use each several times.

    Args:
        activation: Makes the activation of one use.
        uses: How often a forward pass uses the first module that is made, the second, and so on.
    """
    left = iter(uses)

    def make() -> nn.Module:
        count = max(1, next(left, 1))
        return activation() if count == 1 else InTurn(activation() for _ in range(count))

    return make


def begin_each_pass(network: nn.Module) -> nn.Module:
    """Lets modules that take turns start anew with every forward pass of a network, which is returned."""
    if any(isinstance(module, InTurn) for module in network.modules()):
        network.register_forward_pre_hook(_begin_pass)
    return network


def set_small_activations_to_zero(network: nn.Module, thresholds: Mapping[str, float]) -> None:
    """Sets outputs of activations to 0 where they are small, as `nn.Hardshrink` does; the state dict stays as it is.

    Args:
        network: The network, which is changed in place.
        thresholds: The magnitude up to which outputs of each activation become 0, by its path.
    """
    for path, threshold in thresholds.items():
        network.get_submodule(path).register_forward_hook(partial(_shrink, threshold))


def _shrink(threshold: float, activation: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return nn.functional.hardshrink(output, threshold)


def _begin_pass(network: nn.Module, inputs: Sequence[Any]) -> None:
    for module in network.modules():
        if isinstance(module, InTurn):
            module.begin()


def _put(network: nn.Module, new: Mapping[str, nn.Module]) -> None:
    """Puts modules at paths; a module that has several paths is replaced at all of them."""
    replaced = {}
    for path, module in new.items():
        parent, _, name = path.rpartition(".")
        owner = network.get_submodule(parent)
        if name in owner._modules:
            replaced[id(owner._modules[name])] = module
        else:  # a function
            setattr(owner, name, module)
    for owner in list(network.modules()):
        for name, child in list(owner._modules.items()):
            if id(child) in replaced:
                setattr(owner, name, replaced[id(child)])
