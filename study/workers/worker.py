"""The loop of a worker: propose → claim → train → finish, until the study has its trials or is to stop."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search_spaces import SpaceError
from storage import Claimed, Proposal, ProposedCohort, Worker
from study.machine import processor
from study.problem import Problem
from study.records.attributes import CONFIG, installed_versions
from study.records.open_study import OpenStudy
from study.records.trial_feed import TrialFeed
from study.sampling.proposer import Proposer
from study.training import Trainer
from study.wording import numbers_in_short
from study.workers.brackets import Brackets, waits_for_a_worker
from study.workers.cohort import CohortTraining
from study.workers.reconnecting import Reconnecting

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


@dataclass(frozen=True)
class StudyProgress:
    """Where a study stands after a cohort.

    Attributes:
        done: Trials that have ended.
        total: Trials that it is to have.
        trained: Trials that this worker finished in this run.
        best: Values of the feasible trials that no other beats, the best by the first objective first.
        waited: Seconds for which this worker had nothing to train.
    """

    done: int
    total: int
    trained: int
    best: list[list[float]]
    waited: float = 0.0


def work(
    study: OpenStudy,
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[StudyProgress], None] = lambda progress: None,
    log: Callable[[str], None] = lambda line: None,
    lease: float | None = None,
    sharing: int = 1,
    processes: bool = True,
) -> bool:
    """Works on a study in this process until it has its total of trials; any number of workers may do so at once.

    When `stop` returns true, the trials that this worker holds are released: they wait, with their numbers and
    parameters, for the next worker.

    Args:
        study: The study.
        stop: Called at every step of training and between cohorts; returns whether to stop.
        report: Called with the study's progress after every cohort.
        log: Called with every line that a user should read.
        lease: Seconds without a sign of life after which others may take this worker's trials; None: two minutes.
        sharing: Workers that share this machine's memory.
        processes: Whether blocks may train in forked processes; they must not where other threads run in this one.

    Returns:
        Whether the study has its total.

    Raises:
        LeasesLostError: The database was out of reach for longer than a lease.
        StudyDeletedError: The study was deleted.
        TrainingProcessError: A process that trained a block is gone.
    """
    problem, storage = study.problem, study.storage
    trainer = _trainer(problem)
    with (
        # Its processes are forked before this one has threads and locks of its own.
        trainer if processes else nullcontext(),
        storage.worker(study.study_id, details=_details(problem), lease=lease) as worker,
        ThreadPoolExecutor(max_workers=1) as executor,
    ):
        reconnecting = Reconnecting(worker, storage.place, stop=stop, log=log)
        cohorts = CohortTraining(study, worker, reconnecting, trainer, stop=stop, log=log, sharing=sharing)
        return _Loop(study, worker, reconnecting, cohorts, executor, stop=stop, report=report, log=log).run()


class _Loop:
    """Claims and trains one cohort after another, and proposes the next one meanwhile.

    Args:
        study: The study.
        worker: Holds the leases.
        reconnecting: Calls the database.
        cohorts: Trains and records claimed trials.
        executor: Proposes the next cohort while this one trains.
        stop: As for `work`.
        report: As for `work`.
        log: As for `work`.
    """

    def __init__(
        self,
        study: OpenStudy,
        worker: Worker,
        reconnecting: Reconnecting,
        cohorts: CohortTraining,
        executor: ThreadPoolExecutor,
        *,
        stop: Callable[[], bool],
        report: Callable[[StudyProgress], None],
        log: Callable[[str], None],
    ) -> None:
        self._study, self._storage = study, study.storage
        self._worker, self._reconnecting, self._cohorts, self._executor = worker, reconnecting, cohorts, executor
        self._stop, self._report, self._log = stop, report, log
        self._proposer = Proposer.of(study.problem)
        halving = study.problem.halving
        self._brackets = None if halving is None else Brackets(study, halving, self._proposer)
        self._feed = TrialFeed(study.storage, study.study_id, self._record)
        self._ahead: Future[ProposedCohort | None] | None = None
        self._total = study.total
        self._config: dict[str, Any] = {}
        self._trained, self._waited, self._pause = 0, 0.0, _FIRST_PAUSE
        self._named: set[str] = set()

    def run(self) -> bool:
        """Works until the study has its total, or is to stop; returns whether it has its total."""
        while True:
            proposed = self._proposed_ahead()
            self._reclaim()
            self._refresh()
            if self._stop():
                return is_complete(self._feed, self._total)
            claimed, rejected = self._claim(proposed)
            if claimed:
                self._train(claimed, rejected)
            elif is_complete(self._feed, self._total):
                self._cohorts.remove_checkpoints_except(self._feed.unfinished)
                return True
            else:
                self._wait()

    def _record(self, trial: FrozenTrial) -> None:
        """Hands a trial that is new or has changed to those who learn from it."""
        self._proposer.record(trial)
        if self._brackets is not None:
            self._brackets.record(trial)

    def _proposed_ahead(self) -> ProposedCohort | None:
        """The cohort that was proposed while the last one trained."""
        ahead, self._ahead = self._ahead, None
        return None if ahead is None else ahead.result()

    def _reclaim(self) -> None:
        """Lets the trials of crashed workers wait again."""
        reclaimed = self._reconnecting(lambda: self._storage.reclaim(self._study.study_id))
        if reclaimed:
            self._log(f"taken back from workers that are gone: {numbers_in_short(reclaimed)}")

    def _refresh(self) -> None:
        feed = self._feed
        self._reconnecting(self._worker.check)
        self._read_total()
        self._reconnecting(feed.refresh)
        self._report(StudyProgress(feed.done, self._total, self._trained, feed.best, self._waited))

    def _read_total(self) -> None:
        """Reads how many trials the study is to have, which another command may have changed."""
        self._config = self._reconnecting(lambda: self._storage.study_attr(self._study.study_id, CONFIG))
        total = int(self._config["trials"])
        if total != self._total:
            self._log(f"study {self._study.name} is now to have {total} trials, not {self._total}")
            self._total = total

    def _claim(self, proposed: ProposedCohort | None) -> tuple[list[Claimed], dict[int, str]]:
        """Claims the next trials to train.

        Args:
            proposed: Proposals that were made ahead, if any; they are made anew where trials were added since.

        Returns:
            The claimed trials, and for those that cannot be trained the reason by trial id.
        """
        study, feed, total, rejected = self._study, self._feed, self._total, dict[int, str]()
        bracket = None if self._brackets is None else self._brackets.size
        if waits_for_a_worker(feed, total, bracket or 1):
            proposed = None  # what waits is trained first
        else:
            fits = proposed is not None and proposed.first_number == feed.count
            if proposed is None or not fits or proposed.first_number + len(proposed.proposals) > total:
                proposed = self._proposer.propose(feed, total)
            if proposed is None:
                return [], rejected

        def complete(claimed: Claimed) -> Proposal | None:
            try:
                return self._proposer.complete(claimed.number, {**claimed.fixed, **claimed.params})
            except SpaceError as error:
                rejected[claimed.trial_id] = str(error)
                return None

        def claim() -> list[Claimed]:
            alive = len(self._storage.living_workers(study.study_id))
            share = -(-study.problem.config.cohort // max(1, alive))
            relies_on = (CONFIG, self._config)
            return self._storage.claim(
                self._worker,
                share,
                cohort=proposed,
                complete=complete,
                below=total,
                unchanged=relies_on,
                bracket=bracket,
            )

        # A claim may have succeeded although its answer was lost: its trials are released first.
        return self._reconnecting(claim, undo=lambda: self._storage.release(self._worker)), rejected

    def _train(self, claimed: list[Claimed], rejected: dict[int, str]) -> None:
        """Trains what was claimed, and meanwhile proposes the next cohort, which needs no outcome of this one."""
        self._reconnecting(self._feed.refresh)
        accepted, competition = [trial for trial in claimed if trial.trial_id not in rejected], None
        if (brackets := self._brackets) is not None:
            competition = self._reconnecting(lambda: brackets.competition(accepted, self._feed))
        self._ahead = self._executor.submit(self._proposer.propose, self._feed, self._total)
        self._trained += self._cohorts.train(accepted, rejected, competition)
        self._pause = _FIRST_PAUSE

    def _wait(self) -> None:
        """Waits for outcomes of other workers, for a little longer each time."""
        time.sleep(self._pause)
        self._waited, self._pause = self._waited + self._pause, min(1.5 * self._pause, _LONGEST_PAUSE)
        self._name_stopped_workers()

    def _name_stopped_workers(self) -> None:
        """Logs for whom this worker waits where somebody has stopped that process: on one host it keeps its trials."""
        study_id = self._study.study_id
        stopped = self._reconnecting(lambda: self._storage.overdue_workers(study_id)) - self._named
        if not stopped:
            return
        self._named |= stopped
        held = self._reconnecting(lambda: self._storage.held_trials(study_id))
        for row in self._reconnecting(lambda: self._storage.workers(study_id)):
            if row["token"] in stopped and held.get(row["token"]):
                numbers, pid = numbers_in_short(held[row["token"]]), row["pid"]
                self._log(
                    f"waiting for {numbers}, which process {pid} on {row['host']} holds; it is stopped or hangs: "
                    f"`kill -CONT {pid}` continues it, `kill -9 {pid}` leaves its trials to others"
                )


def is_complete(feed: TrialFeed, total: int) -> bool:
    """Whether a study has its total of trials and none of its workers still trains.

    Trials that other programs left RUNNING are not waited for.
    """
    return feed.count >= total and not any(
        trial.state is TrialState.WAITING or trial._trial_id in feed.leased for trial in feed.unfinished_below(total)
    )


def _trainer(problem: Problem) -> Trainer:
    return Trainer(
        problem.splits,
        problem.budget,
        problem.streams,
        architecture=problem.architecture,
        task=problem.task,
        threads=problem.threads,
        device=problem.config.device,
        read_test=problem.reads_test_part,
        clamp=problem.config.clamps,
    )


def _details(problem: Problem) -> dict[str, Any]:
    """Library versions and hardware of this worker."""
    return {
        "versions": installed_versions(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": problem.threads,
        "device": problem.config.device,
    }
