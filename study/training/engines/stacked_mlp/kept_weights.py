"""The weights of the best epoch of each slot of a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from study.training.engines.stacked_mlp.stack import Stack
from study.training.patience import kept_name


class KeptWeights:
    """A copy of the parameters of S slots, on their device.

    Args:
        stack: The stack of all S slots.
    """

    def __init__(self, stack: Stack) -> None:
        self._names = list(stack.state(0))
        self._parameters = [torch.zeros_like(parameter) for parameter in _parameters(stack)]

    def keep(self, stack: Stack, places: Sequence[int], slots: Sequence[int]) -> None:
        """Keeps the present parameters of some slots.

        Args:
            stack: Where they are trained.
            places: Their places in that stack.
            slots: Their numbers here.
        """
        if not slots:
            return
        device = self._parameters[0].device
        there, here = (torch.tensor(numbers, device=device) for numbers in (places, slots))
        for kept, parameter in zip(self._parameters, _parameters(stack), strict=True):
            kept[here] = parameter[there]

    def state(self, slot: int) -> dict[str, Tensor]:
        """Copies of one slot's kept parameters, by their names in its state."""
        return {
            kept_name(name): kept[slot].to("cpu", copy=True)
            for name, kept in zip(self._names, self._parameters, strict=True)
        }

    def restore(self, slot: int, tensors: Mapping[str, Tensor]) -> None:
        """Puts back what `state` gave."""
        for name, kept in zip(self._names, self._parameters, strict=True):
            kept[slot].copy_(tensors[kept_name(name)])

    def blank(self, shape: torch.Size) -> Tensor:
        """A tensor of 0, of the dtype of the parameters, on the processor."""
        return torch.zeros(shape, dtype=self._parameters[0].dtype)

    def load_into(self, stack: Stack) -> None:
        """Gives a stack of all S slots the kept parameters."""
        for kept, parameter in zip(self._parameters, _parameters(stack), strict=True):
            parameter.copy_(kept)


def _parameters(stack: Stack) -> list[Tensor]:
    """`[S, ...]` all parameters, in the order of the names of a slot's state."""
    return [*stack.weights, *stack.biases, *stack.slopes]
