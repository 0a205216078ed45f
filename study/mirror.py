"""A study's trials in a worker's memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from storage import CohortStorage

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Finished:
    """What a worker keeps of a finished trial, by the names of Optuna's `FrozenTrial`, in a quarter of its memory.

    Attributes:
        number: Its number.
        state: How it ended.
        params: Its parameters.
        values: Its values; None where it has none.
        constraints: Those that it violates.
        system_attrs: Empty, but for a trial without parameters.
    """

    number: int
    _trial_id: int
    state: TrialState
    params: Mapping[str, Any]
    values: tuple[float, ...] | None
    constraints: Mapping[str, float]
    system_attrs: Mapping[str, Any]

    @classmethod
    def of(cls, trial: FrozenTrial) -> Finished:
        """Of a trial as it was read."""
        return cls(
            trial.number,
            trial._trial_id,
            trial.state,
            trial.params,
            None if trial.values is None else tuple(trial.values),
            {name: value for name, value in trial.constraints.items() if not value <= 0} or _NOTHING,
            _NOTHING if trial.params else trial.system_attrs,
        )

    @property
    def value(self) -> float | None:
        """Its value, where it has one alone."""
        return None if self.values is None else self.values[0]


Trial = FrozenTrial | Finished


class Mirror:
    """A study's trials in memory, in number order, kept up to date by reading what is new.

    Attributes:
        trials: As stock Optuna reads them, without what was measured; of finished ones what a search needs.
        unfinished: Numbers of those that are running or wait.
        leased: Ids of the trials that a worker holds a lease on.
    """

    def __init__(self, storage: CohortStorage, study_id: int) -> None:
        self._storage, self._study_id = storage, study_id
        self.trials: list[Trial] = []
        self.unfinished: set[int] = set()
        self.leased: set[int] = set()

    @property
    def done(self) -> int:
        """How many trials have ended."""
        return len(self.trials) - len(self.unfinished)

    def unfinished_below(self, below: int) -> list[Trial]:
        """The unfinished trials with numbers below a bound."""
        return [self.trials[number] for number in sorted(self.unfinished) if number < below]

    def refresh(self) -> None:
        """Reads new trials, and again those that were unfinished."""
        open_ids = [self.trials[number]._trial_id for number in sorted(self.unfinished)]
        known = len(self.trials)
        changed, self.leased = self._storage.read_changes(self._study_id, from_number=known, trial_ids=open_ids)
        for trial in changed:
            (self.unfinished.discard if trial.state.is_finished() else self.unfinished.add)(trial.number)
            kept = Finished.of(trial) if trial.state.is_finished() else trial
            if trial.number < known:
                self.trials[trial.number] = kept
            else:
                self.trials.append(kept)
