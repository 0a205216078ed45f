"""The places at which a module is searched: its activations and dropouts, what is recorded and replaced there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Activation, Hyperparameters
from search_spaces.user_networks import is_initialized

WeightLayer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
"""Layers whose weights, `[F_out, F_in, ...]`, are initialized by the searched rule."""


class SearchedActivation(nn.Module):
    """The searched activation at one place; the units behind it are a hidden layer.

    Args:
        hyperparameters: Activation and slope.

    Attributes:
        module: Torch's own layer.
        generator: Yields the uniforms that become slopes in the next training passes, where the activation draws them
            from a study's streams instead of torch's generator.
        threshold: Activations of at most this magnitude are set to 0; None: all stay as they are.
        of_slots: Called in its place while the networks of several slots are called as one; else None.
        unit_axis: The axis of its units: 1 for the channels of a convolution, which has positions too, else the last.
    """

    def __init__(self, hyperparameters: Hyperparameters) -> None:
        super().__init__()
        self.activation: Activation = ACTIVATIONS[hyperparameters.activation]
        self.module = self.activation.module(hyperparameters.negative_slope)
        self._constant_slope = hyperparameters.negative_slope
        self.threshold: float | None = None
        self.of_slots: Callable[[Tensor], Tensor] | None = None
        self.unit_axis = -1
        self.generator = np.random.default_rng(0)

    def forward(self, z: Tensor) -> Tensor:
        """`[N, ..., F]` or `[N, F, ...]` pre-activations in, activations out."""
        if self.of_slots is not None:
            return self.of_slots(z)
        if self.training and self.activation.drawn_slope is not None:
            return leaky(z, self.draw_slopes(self.activation.drawn_slope, z))
        activations: Tensor = self.module(z)
        return activations if self.threshold is None else nn.functional.hardshrink(activations, self.threshold)

    def draw_slopes(self, bounds: tuple[float, float], z: Tensor) -> Tensor:
        """As `z`: the next draws, uniformly between two bounds."""
        low, high = bounds
        return low + (high - low) * _uniforms(self.generator, z).to(z)

    @property
    def slope(self) -> Tensor | float:
        """Negative slope in eval mode: learned, constant, or the mean of those that are drawn."""
        if isinstance(self.module, nn.PReLU):
            return self.module.weight.detach()
        return self.activation.slope_in_eval(self._constant_slope)


class SearchedDropout(nn.Module):
    """Inverted dropout at the searched rate, with uniforms from a study's streams instead of torch's generator.

    Args:
        rate: Share of units that are dropped in training.

    Attributes:
        generator: Yields the uniforms of the next training passes.
        rate_of_slot: A scalar, the rate in its place while the networks of several slots are called as one; else None.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.rate_of_slot: Tensor | None = None
        self.generator = np.random.default_rng(0)

    def forward(self, h: Tensor) -> Tensor:
        """`[N, ...]` in and out; the identity in eval mode, and at rate 0."""
        if not self.training or (self.rate_of_slot is None and self.rate == 0):
            return h
        rate = self.rate if self.rate_of_slot is None else self.rate_of_slot
        return h * (_uniforms(self.generator, h).to(h) >= rate).to(h.dtype) / (1.0 - rate)


def leaky(z: Tensor, slopes: Tensor) -> Tensor:
    """Leaky ReLU with a slope for each number, or any that broadcast."""
    return torch.where(z > 0, z, slopes * z)


def _uniforms(generator: np.random.Generator, h: Tensor) -> Tensor:
    """As `h`: the next draws from U[0, 1); images are drawn as they lie in memory, channels last."""
    if h.dim() == 4:
        samples, channels, *positions = h.shape
        return torch.from_numpy(generator.random((samples, *positions, channels), dtype=np.float32)).permute(0, 3, 1, 2)
    return torch.from_numpy(generator.random(tuple(h.shape), dtype=np.float32))


def activation_places(network: nn.Module) -> list[SearchedActivation]:
    """The activations of a network, in the order of its modules."""
    return [module for module in network.modules() if isinstance(module, SearchedActivation)]


def dropout_places(network: nn.Module) -> list[SearchedDropout]:
    """The dropouts of a network, in the order of its modules."""
    return [module for module in network.modules() if isinstance(module, SearchedDropout)]


def weight_layers(network: nn.Module) -> list[WeightLayer]:
    """The layers whose weights are initialized by the searched rule, in the order of the network's modules.

    Of several layers that share their weights there is the first alone. Frozen weights, as of pretrained layers, and
    parametrized ones, as of spectral normalization, keep the values that the network gives them.
    """
    layers = [module for module in network.modules() if isinstance(module, WeightLayer) and is_initialized(module)]
    return list({id(layer.weight): layer for layer in reversed(layers)}.values())[::-1]


@contextmanager
def recorded_calls(*modules: nn.Module) -> Iterator[list[tuple[nn.Module, Tensor, Tensor]]]:
    """Records each call of some modules whose first argument and output are tensors, in the order of execution.

    Args:
        modules: The modules.

    Yields:
        Module, input and output of each call so far.
    """
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def record(module: nn.Module, inputs: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
        first = next(iter((*inputs, *named.values())), output)  # a module without arguments has its output alone
        if isinstance(first, Tensor) and isinstance(output, Tensor):
            calls.append((module, first, output))

    handles = [module.register_forward_hook(record, with_kwargs=True) for module in modules]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def clamped_places(places: Sequence[SearchedActivation], thresholds: Sequence[float]) -> Iterator[None]:
    """Sets activations at some places to 0 where they are of at most a threshold's magnitude, one for each place."""
    for place, threshold in zip(places, thresholds, strict=True):
        place.threshold = threshold
    try:
        yield
    finally:
        for place in places:
            place.threshold = None


def unit_rows(x: Tensor, unit_axis: int = -1) -> Tensor:
    """`[N × …, F]` contiguous activations, one row a sample and position, from those of a place.

    Args:
        x: `[N, ..., F]`, or `[N, F, ...]` where the units are channels.
        unit_axis: The axis of the units.
    """
    return x.movedim(unit_axis, -1).reshape(-1, x.shape[unit_axis]).contiguous()


def channels_last(x: Tensor) -> Tensor:
    """Images `[N, C, H, W]` with the channels of a pixel side by side in memory, on which convolutions are faster.

    Also images of one channel are copied, whose strides would else be those of the other order, by which torch chooses.
    """
    return torch.empty_like(x, memory_format=torch.channels_last).copy_(x) if x.dim() == 4 else x


@contextmanager
def running_statistics_where_needed(network: nn.Module) -> Iterator[None]:
    """Lets batch normalization of a single sample use its running statistics where it has no positions.

    The last batch of an epoch may be a single sample. Where a channel has a single value, that has no variance, and
    torch refuses it; `nn.BatchNorm1d` always uses its running statistics then.
    """
    changed: list[nn.Module] = []

    def prepare(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if not module.training or not inputs:
            return
        x = inputs[0]
        if isinstance(module, nn.BatchNorm1d) or (x.dim() > 1 and x.numel() == x.shape[1]):
            module.eval()
            changed.append(module)

    handles = [
        module.register_forward_pre_hook(prepare)
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for module in changed:
            module.train()


def plain_places(module: nn.Module) -> None:
    """Replaces every searched place inside a module by torch's own activation or dropout."""
    for name, child in list(module._modules.items()):  # a module may be there under two names
        if child is None:
            continue
        if isinstance(child, SearchedActivation):
            setattr(module, name, child.module)
        elif isinstance(child, SearchedDropout):
            setattr(module, name, nn.Dropout(child.rate))
        else:
            plain_places(child)
