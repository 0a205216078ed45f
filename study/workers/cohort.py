"""One claimed cohort: trained, turned into results, recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters
from storage import Claimed, Result, Worker
from study.config import digest
from study.machine import available_memory
from study.records.open_study import OpenStudy
from study.records.results import result_of
from study.training import Interrupted, Trainer, TrainingProcessError
from study.wording import numbers_in_short
from study.workers.checkpoints import Checkpoints, CohortKeeper
from study.workers.reconnecting import Contact


class Cohort:
    """Trains what a worker claimed, cohort after cohort.

    Args:
        study: The study.
        worker: Who claims.
        contact: The worker's contact to the database.
        trainer: Trains.
        stop: Asked at every step of training.
        log: Told, in a line, what a user should know.
        sharing: Workers that share this machine's memory.
    """

    def __init__(
        self,
        study: OpenStudy,
        worker: Worker,
        contact: Contact,
        trainer: Trainer,
        *,
        stop: Callable[[], bool],
        log: Callable[[str], None],
        sharing: int,
    ) -> None:
        self._study, self._worker, self._contact, self._trainer = study, worker, contact, trainer
        self._stop, self._log, self._sharing = stop, log, sharing
        config, place = study.problem.config, study.storage.file
        folder = config.checkpoints or (None if place is None else f"{place}.checkpoints")
        self._split_said = False
        self._checkpoints = None
        if folder is not None:
            every = config.checkpoint_every
            self._checkpoints = Checkpoints(Path(folder).expanduser(), study.name, study.problem, every=every, log=log)

    def train(self, claimed: Sequence[Claimed], unfit: dict[int, str]) -> int:
        """Trains and records what was claimed; returns how many trials that were.

        Args:
            claimed: The trials.
            unfit: Why some of them cannot be trained, by trial id.

        Raises:
            LeasesLostError: The database was out of reach for longer than a lease.
            TrainingProcessError: A process that trained some of them is gone; the loss of all is on record.
        """
        problem, storage = self._study.problem, self._study.storage
        fit_for = [trial for trial in claimed if trial.trial_id not in unfit]
        trials = {trial.number: problem.space.hyperparameters(trial.params, problem.defaults) for trial in fit_for}
        keeper = self._keeper(trials)
        memory = available_memory() // 2 // self._sharing
        self._say_where_split(list(trials.values()), memory)
        started = time.monotonic()
        try:
            outcomes = self._trainer.fit(
                list(trials.values()), memory=memory, stop=lambda: self._stop() or self._worker.lost, keeper=keeper
            )
        except TrainingProcessError as error:
            # To others this is as if the worker itself had died: what it trained may be the reason.
            reason = str(error)
            self._contact(lambda: storage.abandon(self._worker, reason))
            raise
        except Interrupted:
            if self._worker.lost:
                raise self._contact.lost(self._worker.renewal_error) from None
            given_back = self._contact(lambda: storage.release(self._worker))
            self._log(f"given back, to be trained by whoever comes next: {numbers_in_short(given_back)}")
            return 0
        seconds = (time.monotonic() - started) / max(1, len(trials) * problem.budget.seeds)
        identity = digest(problem.identity)
        results = [
            result_of(trial.trial_id, outcome, problem.judge, seconds=seconds, identity=identity)
            for trial, outcome in zip(fit_for, outcomes, strict=True)
        ]
        for trial_id, reason in unfit.items():
            results.append(Result(trial_id, None, failure=reason))
            self._log(f"an enqueued trial failed: {reason}")
        lost = set(self._contact(lambda: storage.finish(self._worker, results)))
        if lost:
            self._log(f"{len(lost)} results were discarded: others had taken these trials back")
        if keeper is not None and self._checkpoints is not None:
            keeper.drop([trial.number for trial in fit_for if trial.trial_id in lost])
            self._checkpoints.forget([trial.number for trial in fit_for if trial.trial_id not in lost])
        return len(results) - len(lost)

    def _say_where_split(self, trials: Sequence[Hyperparameters], memory: int) -> None:
        """Says once that memory, and not the cache, decides how many trials train side by side."""
        room = self._trainer.room(memory)
        if self._split_said or room is None:
            return
        wanted, needed = len(self._trainer.plan(trials)), len(self._trainer.plan(trials, room))
        if needed > wanted:
            self._split_said = True
            self._log(
                f"{room / 2**20:.0f} MiB of memory do not hold the cohort as it would train fastest; "
                f"it is cut into {needed} blocks instead of {wanted}, with the same results"
            )

    def clear_away(self, unfinished: Collection[int]) -> None:
        """Removes the checkpoints that others left behind of all trials but those with these numbers."""
        if self._checkpoints is not None:
            self._checkpoints.forget_all_but(unfinished)

    def _keeper(self, trials: dict[int, Any]) -> CohortKeeper | None:
        if self._checkpoints is None:
            return None
        keeper = self._checkpoints.keeper(self._worker.token, trials)
        budget = self._study.problem.budget
        for number, epochs in keeper.resumed.items():
            self._log(f"trial {number} goes on from its checkpoint: {epochs} of {budget.epochs * budget.seeds} epochs")
        return keeper
