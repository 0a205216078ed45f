"""What a suspect gave that was trained alone, as text, until its bracket is decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from study.training import Keeper, Outcome, Replicate
from study.training.progress import SlotState, Snapshot
from study.workers.checkpoint_files import replicate_of


def text_of(outcome: Outcome) -> str:
    """An outcome as text, with what its replicates had at the rungs.

    Example:
        >>> outcome = Outcome((Replicate(diverged=False, scores={"accuracy": 0.9}),))
        >>> outcome_of(text_of(outcome)) == outcome
        True
    """
    return json.dumps([asdict(replicate) for replicate in outcome.replicates])


def outcome_of(text: str) -> Outcome:
    """The inverse of `text_of`."""
    return Outcome(tuple(replicate_of(values) for values in json.loads(text)))


class SetAsideKeeper:
    """Knows the results of trials that were trained alone, beside what another keeper knows; see `Keeper`.

    Args:
        keeper: Keeps the progress of all other trials; None where nobody does.
        outcomes: What they gave, by the trial's index in its cohort.
    """

    def __init__(self, keeper: Keeper | None, outcomes: Mapping[int, Outcome]) -> None:
        self._keeper, self._outcomes = keeper, outcomes

    def known(self, trial: int, replicate: int) -> SlotState | Replicate | None:
        """The result of a trial that was trained alone, or what the other keeper knows."""
        if trial in self._outcomes:
            replicates = self._outcomes[trial].replicates
            return replicates[min(replicate, len(replicates) - 1)]  # what cannot be trained has one for all
        return None if self._keeper is None else self._keeper.known(trial, replicate)

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Snapshot) -> None:
        """Hands the states of a block on."""
        if self._keeper is not None:
            self._keeper.between_epochs(slots, states)

    def finished(self, slots: Sequence[tuple[int, int]], replicates: Sequence[Replicate]) -> None:
        """Hands the results of a block on."""
        if self._keeper is not None:
            self._keeper.finished(slots, replicates)
