"""The state of a stack's slots between two epochs: copied, put back, and its shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from study.training.engines.stacked_mlp.optimizer import Optimizer
from study.training.engines.stacked_mlp.stack import Stack
from study.training.progress import SlotState


def snapshot(stack: Stack, optimizer: Optimizer, curves: Mapping[str, Sequence[Tensor]]) -> list[SlotState]:
    """Copies the state of each slot between two epochs."""
    states = []
    for slot in range(len(stack.slots)):
        tensors = stack.state(slot) | optimizer.state(slot)
        # Copies of the slot alone: a view would keep the whole stack.
        copied = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        copied |= {
            f"curve.{name}": torch.stack([point[slot].cpu() for point in points]) for name, points in curves.items()
        }
        states.append(SlotState(len(next(iter(curves.values()))), copied))
    return states


def restore(
    stack: Stack, optimizer: Optimizer, curves: dict[str, list[Tensor]], states: Sequence[SlotState], *, steps: int
) -> None:
    """Puts each slot into its state; the reverse of `snapshot`.

    Args:
        stack: The stack.
        optimizer: Its optimizer.
        curves: Empty curves, which are filled.
        states: One state a slot.
        steps: Number of steps that the slots have made.
    """
    for slot, state in enumerate(states):
        for name, tensor in (stack.state(slot) | optimizer.state(slot)).items():
            tensor.copy_(state.tensors[name])
    optimizer.begin_after(steps)
    device = stack.weights[0].device
    for name, points in curves.items():
        points += torch.stack([state.tensors[f"curve.{name}"] for state in states], dim=1).to(device).unbind(0)
