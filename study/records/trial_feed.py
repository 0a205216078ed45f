"""A study's trials in a worker's memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial, TrialState

from storage import CohortStorage
from study.objectives import pareto
from study.records.own_trials import is_feasible


class Mirror:
    """What a worker knows of a study's trials, kept up to date by reading what is new.

    Finished trials are passed on and not kept, so that a study may have any number of them.

    Args:
        storage: Where the study is.
        study_id: The study.
        see: Told of every trial that is new or was unfinished, in number order.

    Attributes:
        count: How many trials there are, in whatever state.
        unfinished: Those that are running or wait, by number, without what was measured.
        leased: Ids of the trials that a worker holds a lease on.
        best: Values of the feasible trials that no other beats, the best by the first objective first.
    """

    def __init__(
        self, storage: CohortStorage, study_id: int, see: Callable[[FrozenTrial], None] = lambda trial: None
    ) -> None:
        self._storage, self._study_id, self._see = storage, study_id, see
        self.count = 0
        self.unfinished: dict[int, FrozenTrial] = {}
        self.leased: set[int] = set()
        self.best: list[list[float]] = []

    @property
    def done(self) -> int:
        """How many trials have ended."""
        return self.count - len(self.unfinished)

    def unfinished_below(self, below: int) -> list[FrozenTrial]:
        """The unfinished trials with numbers below a bound, in number order."""
        return [self.unfinished[number] for number in sorted(self.unfinished) if number < below]

    def refresh(self) -> None:
        """Reads new trials, and again those that were unfinished."""
        open_ids = [trial._trial_id for trial in self.unfinished.values()]
        self.leased = self._storage.read_changes(
            self._study_id, from_number=self.count, trial_ids=open_ids, on_trials=self._take
        )

    def _take(self, trials: Sequence[FrozenTrial]) -> None:
        for trial in trials:
            if trial.state.is_finished():
                self.unfinished.pop(trial.number, None)
            else:
                self.unfinished[trial.number] = trial
            self._see(trial)
            self.count = max(self.count, trial.number + 1)
        self._compete(trials)

    def _compete(self, trials: Sequence[FrozenTrial]) -> None:
        """Updates `best` by the values of new feasible trials."""
        points = [list(trial.values) for trial in trials if trial.state is TrialState.COMPLETE and is_feasible(trial)]
        self.best = pareto([*self.best, *points], lambda point: point)
