"""A study's trials as they arrive: each new or changed trial is passed on once, and finished ones are not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial, TrialState

from storage import CohortStorage
from study.pareto import pareto
from study.records.attributes import BRACKET, RUNGS
from study.records.own_trials import is_feasible


class TrialFeed:
    """Reads the new and changed trials of a study, and passes them on.

    Only unfinished trials are kept, so that a study may have any number of finished ones.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        on_trial: Called with every trial that is new or was unfinished, in number order.

    Attributes:
        count: How many trials there are, in whatever state.
        unfinished: Those that are running or waiting, by number, without their measures.
        leased: Ids of the trials that a worker holds a lease on.
        best: Values of the feasible trials that no other beats, the best by the first objective first.
    """

    def __init__(
        self, storage: CohortStorage, study_id: int, on_trial: Callable[[FrozenTrial], None] = lambda trial: None
    ) -> None:
        self._storage, self._study_id, self._on_trial = storage, study_id, on_trial
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
            self._study_id,
            from_number=self.count,
            trial_ids=open_ids,
            on_trials=self._pass_on,
            attributes=(BRACKET, RUNGS),
        )

    def _pass_on(self, trials: Sequence[FrozenTrial]) -> None:
        for trial in trials:
            if trial.state.is_finished():
                self.unfinished.pop(trial.number, None)
            else:
                self.unfinished[trial.number] = trial
            self._on_trial(trial)
            self.count = max(self.count, trial.number + 1)
        self._update_best(trials)

    def _update_best(self, trials: Sequence[FrozenTrial]) -> None:
        """Updates `best` with the values of feasible trials."""
        points = [list(trial.values) for trial in trials if trial.state is TrialState.COMPLETE and is_feasible(trial)]
        self.best = pareto([*self.best, *points], lambda point: point)
