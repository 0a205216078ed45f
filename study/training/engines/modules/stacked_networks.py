"""The networks of several slots, called as one by `torch.func.vmap`: their tensors lie in common ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from search_spaces import Hyperparameters
from study.training.engines.modules.places import SearchedActivation, activation_places, dropout_places, leaky
from study.training.engines.modules.training_loss import Batch, LossOf, training_loss


class StackingError(Exception):
    """Networks that cannot be stacked; the text is the reason."""


class StackedNetworks:
    """The networks of S slots of one replicate, which have the same parameters but for their values.

    From then on the parameters and buffers of each network are views of the common tensors: what trains these trains
    all, and each network can be used by itself. Activations, constant slopes and dropout rates may differ; learned
    slopes are parameters, which all of the networks have or none.

    Args:
        networks: The networks, all of one dtype and on one device.
        slots: Their hyperparameters; neighbours of equal activation are called together.

    Attributes:
        template: The network of them whose modules are called.
        parameters: `[S, ...]` by name.
        buffers: `[S, ...]` by name.

    Raises:
        StackingError: The networks have other places, parameters or buffers.
    """

    def __init__(self, networks: Sequence[nn.Module], slots: Sequence[Hyperparameters]) -> None:
        self._networks = networks
        # A network whose rate is 0 may lack its dropouts; at that rate they change nothing.
        self.template = max(zip(networks, slots, strict=True), key=lambda pair: pair[1].dropout)[0]
        self.parameters = self._stacked([list(network.named_parameters()) for network in networks])
        self.buffers = self._stacked([list(network.named_buffers()) for network in networks])
        first = next(iter(self.parameters.values()))
        self._of_slots = {
            name: torch.tensor([getattr(slot, name) for slot in slots], dtype=first.dtype, device=first.device)
            for name in ("dropout", "l1", "l2")
        }
        self._penalties = [name for name in ("l1", "l2") if any(getattr(slot, name) > 0 for slot in slots)]
        slopes = torch.tensor([slot.negative_slope for slot in slots], dtype=first.dtype, device=first.device)
        self._activations = activation_places(self.template)
        self._dropouts = dropout_places(self.template) if any(slot.dropout > 0 for slot in slots) else []
        places = [activation_places(network) for network in networks]
        if len({len(of_network) for of_network in places}) > 1:
            raise StackingError("their networks have different numbers of activations")
        self._places = [
            _Place(own, of_slots, slopes) for own, *of_slots in zip(self._activations, *places, strict=True)
        ]

    def _stacked(self, tensors: Sequence[Sequence[tuple[str, Tensor]]]) -> dict[str, Tensor]:
        """`[S, ...]` common tensors by the template's names; the networks' own become views of them."""
        names = [name for name, _ in tensors[self._networks.index(self.template)]]
        if len({tuple(tensor.shape for _, tensor in of_network) for of_network in tensors}) > 1:
            raise StackingError("their networks have parameters or buffers of different shapes")
        found = {}
        for name, *of_slots in zip(names, *([each for _, each in of_network] for of_network in tensors), strict=True):
            whole = stacked(of_slots)
            for tensor, view in zip(of_slots, whole, strict=True):
                tensor.data = view
            found[name] = whole.requires_grad_(of_slots[0].requires_grad)
        return found

    def train(self, mode: bool = True) -> None:
        """Puts all networks into training mode, or into eval mode."""
        for network in self._networks:
            network.train(mode)

    def losses(self, loss_of: LossOf, batch: Batch) -> tuple[Tensor, Tensor]:
        """`[S]` losses with their penalties, and `[S, N, C]` outputs; running statistics are updated."""
        batch = (batch[0].contiguous(), *batch[1:])

        def of_slot(tensors: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
            with self._as_one(values):
                factors: dict[str, Any] = {"l1": 0.0, "l2": 0.0} | {name: values[name] for name in self._penalties}
                return training_loss(self.template, self._called_with(tensors), loss_of, batch, **factors)

        losses, outputs = self._vmapped(of_slot)
        return losses, outputs

    def outputs(self, x: Tensor) -> Tensor:
        """`[S, N, C]` outputs for `[N, ...]` features."""

        def of_slot(tensors: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Tensor:
            with self._as_one(values):
                return self._called_with(tensors)(x)

        x = x.contiguous()
        outputs: Tensor = self._vmapped(of_slot)
        return outputs

    def _vmapped(self, of_slot: Callable[..., Any]) -> Any:
        # Networks' own random numbers are the same for all slots, as where each slot is trained by itself.
        return vmap(of_slot, randomness="same")(self.parameters | self.buffers, self._of_slots)

    def _called_with(self, tensors: Mapping[str, Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: functional_call(self.template, dict(tensors), (x,))

    @contextmanager
    def _as_one(self, values: Mapping[str, Tensor]) -> Iterator[None]:
        """Lets the places of the template serve all slots."""
        for activation, place in zip(self._activations, self._places, strict=True):
            activation.of_slots = place.of(values["dropout"])
        for dropout in self._dropouts:
            dropout.rate_of_slot = values["dropout"]
        try:
            yield
        finally:
            for activation in self._activations:
                activation.of_slots = None
            for dropout in self._dropouts:
                dropout.rate_of_slot = None


def stacked(tensors: Sequence[Tensor]) -> Tensor:
    """`[S, ...]` a contiguous copy of S tensors, whatever their layout in memory.

    Nothing is laid out channels last here: a convolution of several networks on a single image that is laid out so
    may have wrong gradients (torch 2.13, on the processor).
    """
    return torch.stack([tensor.detach() for tensor in tensors]).contiguous()


class _Place:
    """The activations of S networks at one place.

    Args:
        template: The activation whose streams are used.
        of_slots: The activation of each network.
        slopes: `[S]` constant slopes.
    """

    def __init__(self, template: SearchedActivation, of_slots: Sequence[SearchedActivation], slopes: Tensor) -> None:
        self._template, self._slopes = template, slopes
        self._learned = template.activation.slope == "learned"
        numbered = groupby(enumerate(of_slots), key=lambda pair: pair[1].activation.name)
        groups = [list(group) for _, group in numbered]
        self._runs = [(group[0][0], group[-1][0] + 1, group[0][1]) for group in groups]

    def of(self, marker: Tensor) -> Callable[[Tensor], Tensor] | None:
        """What is called in the template's place within vmap; None where that is a module with parameters.

        Args:
            marker: A scalar that differs between the slots.
        """
        return None if self._learned else lambda z: _OfAllSlots.apply(z, marker, self)  # type: ignore[no-untyped-call]

    def __call__(self, z: Tensor) -> Tensor:
        """`[S, N, ...]` pre-activations in, activations out."""
        drawn: Tensor | None = None
        parts = []
        for start, stop, place in self._runs:
            part, bounds = z[start:stop], place.activation.drawn_slope
            if place.activation.slope == "fixed":
                parts.append(leaky(part, self._slopes[start:stop].reshape(-1, *[1] * (z.dim() - 1))))
            elif bounds is not None and place.training:
                drawn = self._template.draw_slopes(bounds, z[0]) if drawn is None else drawn
                parts.append(leaky(part, drawn))
            else:
                parts.append(place.module(part))
        return torch.cat(parts)


class _OfAllSlots(torch.autograd.Function):
    """Hands the tensor of all slots to a place; only within vmap, beneath which autograd records what that does."""

    @staticmethod
    def forward(z: Tensor, marker: Tensor, place: _Place) -> Tensor:
        """Is not called: `marker` differs between slots, so that vmap always comes first."""
        raise RuntimeError("a place of several networks was called outside of vmap")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], z: Tensor, marker: Tensor, place: _Place) -> tuple[Tensor, int]:
        """`z` is that of all slots, or one for all of them."""
        axis = in_dims[0]
        return place(z.expand(info.batch_size, *z.shape) if axis is None else z.movedim(axis, 0)), 0
