"""The loop: propose → claim → train → finish, until the study has its trials or somebody asks for the end."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from optuna.trial import TrialState

from search_spaces import SpaceError
from storage import Claimed, Proposal, ProposedCohort, Worker
from study.machine import processor
from study.records.attributes import installed_versions
from study.records.open_study import OpenStudy
from study.records.trial_feed import Mirror
from study.sampling.proposer import Proposer
from study.training import Trainer
from study.wording import numbers_in_short
from study.workers.cohort import Cohort
from study.workers.reconnecting import Contact

_FIRST_POLL, _LONGEST_POLL = 0.02, 0.5


@dataclass(frozen=True)
class Progress:
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
    report: Callable[[Progress], None] = lambda progress: None,
    log: Callable[[str], None] = lambda line: None,
    lease: float | None = None,
    sharing: int = 1,
    processes: bool = True,
) -> bool:
    """Works on a study until it has its total of trials, beside any number of other workers.

    What is under way when `stop` says so is given back: it waits, with its number and parameters.

    Args:
        study: The study.
        stop: Asked at every step of training and between cohorts.
        report: Told after every cohort.
        log: Told, in a line, what a user should know.
        lease: Seconds after which others may take its trials where it gives no sign of life; None: two minutes.
        sharing: Workers that share this machine's memory.
        processes: Whether blocks may train in forked processes; not where others' threads run in this one.

    Returns:
        Whether the study has its total.

    Raises:
        LeasesLostError: The database was out of reach for longer than a lease.
        TrainingProcessError: A process that trained a block is gone.
    """
    problem = study.problem
    config, judge, design = problem.config, problem.judge, problem.design
    given = None if design is None else [design.params(number) for number in range(len(design.cells))]
    proposer = Proposer(config, problem.space, problem.defaults, len(judge.metric_names), given)
    mirror = Mirror(study.storage, study.study_id, proposer.see)
    details = _details(problem.threads, config.device)
    trainer = Trainer(
        problem.splits,
        problem.budget,
        problem.streams,
        threads=problem.threads,
        device=config.device,
        read_test=design is not None,
    )
    with (
        # Its processes are forked before this one has threads and locks of its own.
        trainer if processes else nullcontext(),
        study.storage.worker(study.study_id, details=details, lease=lease) as worker,
        ThreadPoolExecutor(max_workers=1) as beside,
    ):
        contact = Contact(worker, study.storage.place, stop=stop, log=log)
        cohort = Cohort(study, worker, contact, trainer, stop=stop, log=log, sharing=sharing)
        ahead: Future[ProposedCohort | None] | None = None
        trained, waited, pause = 0, 0.0, _FIRST_POLL
        while True:
            proposed = ahead.result() if ahead is not None else None
            taken = contact(lambda: study.storage.reclaim(study.study_id))
            if taken:
                log(f"taken back from workers that are gone: {numbers_in_short(taken)}")
            contact(mirror.refresh)
            report(Progress(mirror.done, study.total, trained, mirror.best, waited))
            if stop():
                return nothing_left(study, mirror)
            claimed, unfit = _claim(study, worker, contact, proposer, mirror, proposed)
            ahead = None
            if claimed:
                # The next block needs no outcome of this one: it is proposed while this one trains.
                contact(mirror.refresh)
                ahead = beside.submit(proposer.block, mirror, study.total)
                trained += cohort.train(claimed, unfit)
                pause = _FIRST_POLL
                continue
            if nothing_left(study, mirror):
                cohort.clear_away(mirror.unfinished)
                return True
            time.sleep(pause)
            waited, pause = waited + pause, min(1.5 * pause, _LONGEST_POLL)


def _claim(
    study: OpenStudy, worker: Worker, contact: Contact, proposer: Proposer, mirror: Mirror, block: ProposedCohort | None
) -> tuple[list[Claimed], dict[int, str]]:
    """The next trials to train, and why some of them cannot be: reason by trial id."""
    unfit: dict[int, str] = {}

    def complete(claimed: Claimed) -> Proposal | None:
        try:
            return proposer.complete(claimed.number, {**claimed.fixed, **claimed.params})
        except SpaceError as error:
            unfit[claimed.trial_id] = str(error)
            return None

    waiting = any(trial.state is TrialState.WAITING for trial in mirror.unfinished_below(study.total))
    if waiting:
        block = None
    elif block is None or block.first_number != mirror.count:
        block = proposer.block(mirror, study.total)
    if block is None and not waiting:
        return [], unfit

    def claim() -> list[Claimed]:
        living = len(study.storage.living_workers(study.study_id))
        share = -(-study.problem.config.cohort // max(1, living))
        return study.storage.claim(worker, share, cohort=block, complete=complete, below=study.total)

    # A claim whose answer was not heard of is given back first.
    return contact(claim, again=lambda: study.storage.release(worker)), unfit


def nothing_left(study: OpenStudy, mirror: Mirror) -> bool:
    """Whether the total is reached and no worker of ours still trains; strangers' trials are not waited for."""
    return mirror.count >= study.total and not any(
        trial.state is TrialState.WAITING or trial._trial_id in mirror.leased
        for trial in mirror.unfinished_below(study.total)
    )


def _details(threads: int, device: str) -> dict[str, Any]:
    """Library versions and hardware of this worker."""
    return {
        "versions": installed_versions(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "device": device,
    }
