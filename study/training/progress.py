"""The state of a training between two epochs, from which it can be resumed later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from study.training.outcome import Replicate


@dataclass(frozen=True, eq=False)
class SlotState:
    """One slot between two epochs: all that its training needs to resume, to the bit.

    Attributes:
        epoch: Number of epochs that are completed.
        tensors: Parameters, optimizer state and curves by name, of this slot alone. The curves' names begin with
            `curve.`; the other names are the engine's own.
        rungs: What the slot gave at the rungs that it reached, by epoch.
    """

    epoch: int
    tensors: Mapping[str, Tensor]
    rungs: Mapping[int, Replicate] = field(default_factory=dict)


Snapshot = Callable[[], list[SlotState]]
"""Copies the state of each slot of a block; valid until the call that it was handed to returns."""

OnEpoch = Callable[[Snapshot], None]
"""Called after every epoch of a block but the last."""


class Keeper(Protocol):
    """Keeps the progress of one cohort; blocks in several threads call it at the same time.

    Slots are named by the index of their trial in the cohort, and their replicate.
    """

    def known(self, trial: int, replicate: int) -> SlotState | Replicate | None:
        """The state that a slot resumes from, or its result; None where it starts from the beginning."""

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Snapshot) -> None:
        """Is called after every epoch of a block but its last, and when it has reached a rung.

        Args:
            slots: The slots of the block.
            states: Copies the state of each of them.
        """

    def finished(self, slots: Sequence[tuple[int, int]], replicates: Sequence[Replicate]) -> None:
        """Is called with the results of a block's slots."""
