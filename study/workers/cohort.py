"""One claimed cohort after another: trained, turned into results, recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from search_spaces import Hyperparameters
from storage import Claimed, Result, StudyDeletedError, Worker
from study.config import digest
from study.machine import available_memory
from study.records.naming import first_name
from study.records.open_study import OpenStudy
from study.records.results import result_of
from study.records.rung_results import rungs_attribute
from study.training import Interrupted, Keeper, NetworkFailedError, Outcome, Trainer, TrainingProcessError
from study.training.failures import MOST_FAILURES
from study.training.rungs import RungResult
from study.wording import numbers_in_short
from study.workers.beyond_total import outcomes_beyond
from study.workers.brackets import Competition
from study.workers.checkpoints import Checkpoints, CohortKeeper, checkpoints_folder
from study.workers.reconnecting import Reconnecting
from study.workers.set_aside import SetAsideKeeper, outcome_of, text_of


class CohortTraining:
    """Trains and records the trials that a worker claimed.

    Args:
        study: The study.
        worker: The worker that holds the leases.
        reconnecting: Calls the database.
        trainer: Trains.
        stop: Called at every step of training; returns whether to stop.
        log: Called with every line that a user should read.
        sharing: Workers that share this machine's memory.
    """

    def __init__(
        self,
        study: OpenStudy,
        worker: Worker,
        reconnecting: Reconnecting,
        trainer: Trainer,
        *,
        stop: Callable[[], bool],
        log: Callable[[str], None],
        sharing: int,
    ) -> None:
        self._study, self._worker, self._reconnecting, self._trainer = study, worker, reconnecting, trainer
        self._stop, self._log, self._sharing = stop, log, sharing
        self._split_logged, self._failed_in_a_row = False, 0
        self._checkpoints = _checkpoints(study, log)

    def train(
        self, accepted: Sequence[Claimed], rejected: Mapping[int, str], competition: Competition | None = None
    ) -> int:
        """Trains and records what was claimed; returns how many trials that were.

        Args:
            accepted: The trials that are trained.
            rejected: Why others cannot be trained, by trial id.
            competition: Their brackets, where trials are stopped early.

        Raises:
            LeasesLostError: The database was out of reach for longer than a lease.
            TrainingProcessError: A process that trained some of them is gone; the loss of all is on record.
            StudyDeletedError: The study was deleted; the worker's checkpoints are removed.
            NetworkFailedError: The networks of too many trials in a row raised; the failed trials are recorded.
        """
        problem = self._study.problem
        params = {trial.number: trial.params for trial in accepted}
        if competition is not None:
            params |= {number: competition.beyond[number].params for number in sorted(competition.beyond)}
        trials = {
            number: problem.space.hyperparameters(of_trial, problem.defaults) for number, of_trial in params.items()
        }
        keeper = self._keeper(trials)
        started = time.monotonic()
        try:
            aside = {at: outcome_of(each.set_aside) for at, each in enumerate(accepted) if each.set_aside is not None}
            if competition is not None and competition.beyond and len(aside) == len(accepted):
                # All others were suspects, so that those beyond the total may be what ended their workers.
                beyond = self._outcomes_beyond(competition, trials)
                if beyond is None:
                    return 0
                aside |= beyond
            knows = SetAsideKeeper(keeper, aside) if aside else keeper
            outcomes = self._outcomes(list(trials.values()), knows, competition)
            if outcomes is None:
                return 0
            seconds = (time.monotonic() - started) / max(1, len(trials) * problem.budget.seeds)
            outcomes = outcomes[: len(accepted)]  # nothing is recorded of those beyond the total
            if competition is not None and competition.is_decided_later(outcomes):
                self._set_aside(accepted[0], outcomes[0], keeper)
                return 0
            recorded = self._record(accepted, outcomes, rejected, keeper, competition, seconds=seconds)
            self._check_failures(outcomes)
            return recorded
        except NetworkFailedError as error:
            self._give_up(accepted, error, competition)
            raise
        except StudyDeletedError:
            if keeper is not None and self._checkpoints is not None:
                keeper.drop(list(trials))
                self._checkpoints.remove(())  # the folder, where it is empty
            raise

    def remove_checkpoints_except(self, unfinished: Collection[int]) -> None:
        """Removes the checkpoints that other workers left behind, but not those of trials with these numbers."""
        if self._checkpoints is not None:
            self._checkpoints.remove_except(unfinished)

    def _outcomes(
        self, trials: Sequence[Hyperparameters], keeper: Keeper | None, competition: Competition | None
    ) -> list[Outcome] | None:
        """The trials' outcomes; None where training was to stop, and the trials were released."""
        storage = self._study.storage
        memory = available_memory() // 2 // self._sharing
        self._log_where_split(trials, memory)
        try:
            return self._trainer.fit(
                trials,
                memory=memory,
                stop=lambda: self._stop() or self._worker.lost,
                keeper=keeper,
                most_failures=MOST_FAILURES,
                **({} if competition is None else competition.of_training),
            )
        except TrainingProcessError as error:
            # Counted as a crash of the worker, since the trials that it trained may be the reason.
            reason = str(error)
            self._reconnecting(lambda: storage.abandon(self._worker, reason))
            raise
        except Interrupted:
            if self._worker.lost:
                raise self._reconnecting.lost(self._worker.renewal_error) from None
            released = self._reconnecting(lambda: storage.release(self._worker))
            self._log(f"given back, to be trained by whoever comes next: {numbers_in_short(released)}")
            return None

    def _outcomes_beyond(
        self, competition: Competition, trials: Mapping[int, Hyperparameters]
    ) -> dict[int, Outcome] | None:
        """The outcomes of the members beyond the study's total, each trained alone; see `outcomes_beyond`."""

        def train_alone(number: int) -> Outcome | None:
            alone = {number: trials[number]}
            outcomes = self._outcomes(list(alone.values()), self._keeper(alone), competition.of_one(number))
            return None if outcomes is None else outcomes[0]

        return outcomes_beyond(self._study, competition, self._reconnecting, train_alone)

    def _record(
        self,
        accepted: Sequence[Claimed],
        outcomes: Sequence[Outcome],
        rejected: Mapping[int, str],
        keeper: CohortKeeper | None,
        competition: Competition | None,
        *,
        seconds: float,
    ) -> int:
        """Records results and failures; returns how many of them counted."""
        problem = self._study.problem
        identity = digest(problem.identity)
        results = [
            result_of(
                trial.trial_id,
                outcome,
                problem.judge,
                seconds=seconds,
                identity=identity,
                rungs=_rungs(competition, trial),
            )
            for trial, outcome in zip(accepted, outcomes, strict=True)
        ]
        for trial, outcome in zip(accepted, outcomes, strict=True):
            if outcome.failure is not None:
                self._log(f"trial {trial.number} failed: its network raised {outcome.failure}")
        for trial_id, reason in rejected.items():
            results.append(Result(trial_id, None, failure=reason))
            self._log(f"an enqueued trial failed: {reason}")
        discarded = set(self._reconnecting(lambda: self._study.storage.finish(self._worker, results)))
        if discarded:
            self._log(f"{len(discarded)} results were discarded: others had taken these trials back")
        if keeper is not None and self._checkpoints is not None:
            keeper.drop([trial.number for trial in accepted if trial.trial_id in discarded])
            recorded = [trial.number for trial in accepted if trial.trial_id not in discarded]
            self._checkpoints.remove([*recorded, *(() if competition is None else competition.beyond)])
        return len(results) - len(discarded)

    def _set_aside(self, suspect: Claimed, outcome: Outcome, keeper: CohortKeeper | None) -> None:
        """Stores what a suspect gave that was trained alone: its bracket is decided when all members have values."""
        storage, text = self._study.storage, text_of(outcome)
        counts = self._reconnecting(lambda: storage.set_aside(self._worker, suspect.trial_id, text))
        if not counts:
            self._log(f"the result of trial {suspect.number} was discarded: another worker had taken it back")
        if keeper is not None and self._checkpoints is not None:
            if counts:
                self._checkpoints.remove([suspect.number])
            else:
                keeper.drop([suspect.number])

    def _check_failures(self, outcomes: Sequence[Outcome]) -> None:
        """Ends the run where too many trials in a row failed, over the cohorts that this worker trained.

        Raises:
            NetworkFailedError: So many did.
        """
        for outcome in outcomes:
            self._failed_in_a_row = 0 if outcome.failure is None else self._failed_in_a_row + 1
            if self._failed_in_a_row == MOST_FAILURES and outcome.failure is not None:
                raise NetworkFailedError.of(MOST_FAILURES, outcome.failure, {})

    def _give_up(self, accepted: Sequence[Claimed], error: NetworkFailedError, competition: Competition | None) -> None:
        """Records the trials that failed, and releases the others."""
        storage = self._study.storage
        failed = [
            Result(
                trial.trial_id,
                None,
                failure=error.failures[index],
                system_attrs=rungs_attribute(_rungs(competition, trial)),
            )
            for index, trial in enumerate(accepted)
            if index in error.failures
        ]
        self._reconnecting(lambda: storage.finish(self._worker, failed))
        self._reconnecting(lambda: storage.release(self._worker))

    def _log_where_split(self, trials: Sequence[Hyperparameters], memory: int) -> None:
        """Logs once that memory, and not the cache, limits how many trials train side by side."""
        room = self._trainer.room(memory)
        if self._split_logged or room is None:
            return
        wanted, needed = len(self._trainer.plan(trials)), len(self._trainer.plan(trials, room))
        if needed > wanted:
            self._split_logged = True
            self._log(
                f"{room / 2**20:.0f} MiB of memory do not hold the cohort as it would train fastest; "
                f"it is cut into {needed} blocks instead of {wanted}, with the same results"
            )

    def _keeper(self, trials: Mapping[int, Hyperparameters]) -> CohortKeeper | None:
        if self._checkpoints is None:
            return None
        keeper = self._checkpoints.keeper(self._worker.token, trials)
        budget = self._study.problem.budget
        for number, epochs in keeper.resumed.items():
            self._log(f"trial {number} goes on from its checkpoint: {epochs} of {budget.epochs * budget.seeds} epochs")
        return keeper


def _rungs(competition: Competition | None, trial: Claimed) -> Mapping[int, RungResult]:
    """What a trial has at the rungs that it reached, where it competes."""
    return {} if competition is None else competition.rungs_of(trial.number)


def _checkpoints(study: OpenStudy, log: Callable[[str], None]) -> Checkpoints | None:
    """The study's checkpoints; None where they have no folder."""
    config, file = study.problem.config, study.storage.file
    folder = checkpoints_folder(config.checkpoints, file)
    if folder is None:
        return None
    # A folder that a user named keeps its permissions.
    beside = None if config.checkpoints else file
    name, every = first_name(study.storage, study.study_id, study.name), config.checkpoint_every
    return Checkpoints(folder, study.study_id, name, study.problem, every=every, log=log, database=beside)
