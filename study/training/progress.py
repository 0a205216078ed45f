"""Where training stands between two epochs: kept by whoever wants to go on from there later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from study.training.outcome import Replicate


@dataclass(frozen=True, eq=False)
class SlotState:
    """One slot between two epochs: all that its training needs to go on, to the bit.

    Attributes:
        epoch: Epochs behind it.
        tensors: Parameters, optimizer state and curves by name, of the slot alone, padding included.
    """

    epoch: int
    tensors: Mapping[str, Tensor]


class Keeper(Protocol):
    """Keeps the progress of one cohort; blocks in several threads call it at the same time.

    Slots are named by the index of their trial in the cohort, and their replicate.
    """

    def known(self, trial: int, replicate: int) -> SlotState | Replicate | None:
        """Where a slot stood, or what it gave; None: it starts from the beginning."""

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Callable[[], list[SlotState]]) -> None:
        """Told after every epoch of a block but the last; `states()` copies where each of its slots stands."""

    def finished(self, slots: Sequence[tuple[int, int]], replicates: Sequence[Replicate]) -> None:
        """Told what the slots of a block gave."""
