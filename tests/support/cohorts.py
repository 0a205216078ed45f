"""A cohort of every activation and two shapes, and a keeper that remembers."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces import ACTIVATIONS, Hyperparameters
from study.training import Replicate, SlotState, Snapshot

COHORT = [
    Hyperparameters(
        activation=name,
        initialization="lsuv" if number % 3 == 0 else "kaiming_normal",
        dropout=0.3 * (number % 2),
        learning_rate=(0.01, 0.003)[number % 2],
        weight_decay=(0.0, 1e-3)[number % 2],
        hidden=((24, 17), (33,))[number % 2],
    )
    for number, name in enumerate([*sorted(ACTIVATIONS), "prelu", "sigmoid"])
]


class Remembers:
    """Knows states and results of slots, and remembers those that it is given."""

    def __init__(self, known: dict[tuple[int, int], SlotState | Replicate] | None = None) -> None:
        self._known = known or {}
        self.states: dict[tuple[int, int], dict[int, SlotState]] = {}
        self.given: dict[tuple[int, int], Replicate] = {}

    def known(self, trial: int, replicate: int) -> SlotState | Replicate | None:
        return self._known.get((trial, replicate))

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Snapshot) -> None:
        for slot, state in zip(slots, states(), strict=True):
            self.states.setdefault(slot, {})[state.epoch] = state

    def finished(self, slots: Sequence[tuple[int, int]], replicates: Sequence[Replicate]) -> None:
        self.given.update(zip(slots, replicates, strict=True))
