"""The loop: propose → claim → train → finish, until the study has its trials or somebody asks for the end."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from optuna.trial import TrialState

from search_spaces import SpaceError
from storage import Block, Claimed, Curve, LayerMeasures, Proposal, Result, TestMeasures, Worker
from study.config import digest
from study.machine import available_memory, available_threads, processor
from study.objectives import Judge
from study.opening import BY_SEED, IDENTITY_DIGEST, OpenStudy, installed_versions
from study.sampling import Mirror, Proposer
from study.training import Interrupted, Outcome, Replicate, fit

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Progress:
    """Where a study stands after a cohort.

    Attributes:
        done: Trials that have ended.
        total: Trials that it is to have.
        trained: Trials that this worker finished in this run.
        mirror: The study as it is known here.
    """

    done: int
    total: int
    trained: int
    mirror: Mirror


def work(
    study: OpenStudy,
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[Progress], None] = lambda progress: None,
    log: Callable[[str], None] = lambda line: None,
) -> bool:
    """Works on a study until it has its total of trials.

    What is under way when `stop` says so is given back: it waits, with its number and parameters.

    Args:
        study: The study.
        stop: Asked at every step of training and between cohorts.
        report: Told after every cohort.
        log: Told, in a line, what a user should know.

    Returns:
        Whether the study has its total.
    """
    config, judge = study.problem.config, study.problem.judge
    design = study.problem.design
    given = None if design is None else [design.params(number) for number in range(len(design.cells))]
    proposer = Proposer(config, study.problem.space, study.problem.defaults, len(judge.metric_names), given)
    mirror = Mirror(study.storage, study.study_id)
    trained = 0
    with (
        study.storage.worker(study.study_id, details=_details(config.threads, config.device)) as worker,
        ThreadPoolExecutor(max_workers=1) as beside,
    ):
        ahead: Future[Block | None] | None = None
        while True:
            proposed = ahead.result() if ahead is not None else None
            taken = study.storage.take_back(study.study_id)
            if taken:
                log(f"taken back from workers that died: {_numbers(taken)}")
            mirror.refresh()
            done = sum(trial.state.is_finished() for trial in mirror.trials)
            report(Progress(done, study.total, trained, mirror))
            if stop():
                return _nothing_left(study, mirror)
            claimed, unfit = _claim(study, worker, proposer, mirror, proposed)
            ahead = None
            if not claimed:
                if _nothing_left(study, mirror):
                    return True
                time.sleep(POLL_SECONDS)
                continue
            # The next block needs no outcome of this one: it is proposed while this one trains.
            mirror.refresh()
            ahead = beside.submit(proposer.block, mirror.trials, study.total, mirror.leased)
            trained += _train(study, worker, judge, claimed, unfit, stop, log)


def _claim(
    study: OpenStudy, worker: Worker, proposer: Proposer, mirror: Mirror, block: Block | None
) -> tuple[list[Claimed], dict[int, str]]:
    """The next trials to train, and why some of them cannot be: reason by trial id."""
    unfit: dict[int, str] = {}

    def complete(claimed: Claimed) -> Proposal | None:
        try:
            return proposer.complete(claimed.number, {**claimed.fixed, **claimed.params})
        except SpaceError as error:
            unfit[claimed.trial_id] = str(error)
            return None

    waiting = any(trial.state is TrialState.WAITING for trial in mirror.trials[: study.total])
    if waiting:
        block = None
    elif block is None or block.first_number != len(mirror.trials):
        block = proposer.block(mirror.trials, study.total, mirror.leased)
    if block is None and not waiting:
        return [], unfit
    size = study.problem.config.cohort
    return study.storage.claim(worker, size, block=block, complete=complete, below=study.total), unfit


def _nothing_left(study: OpenStudy, mirror: Mirror) -> bool:
    """Whether the total is reached and no worker of ours still trains; strangers' trials are not waited for."""
    return len(mirror.trials) >= study.total and not any(
        trial.state is TrialState.WAITING or trial._trial_id in mirror.leased for trial in mirror.trials[: study.total]
    )


def _train(
    study: OpenStudy,
    worker: Worker,
    judge: Judge,
    claimed: Sequence[Claimed],
    unfit: dict[int, str],
    stop: Callable[[], bool],
    log: Callable[[str], None],
) -> int:
    """Trains and records what was claimed; returns how many trials that were."""
    problem = study.problem
    fit_for = [trial for trial in claimed if trial.trial_id not in unfit]
    trials = [problem.space.hyperparameters(trial.params, problem.defaults) for trial in fit_for]
    started = time.monotonic()
    try:
        outcomes = fit(
            trials,
            problem.splits,
            problem.budget,
            problem.streams,
            threads=problem.config.threads or available_threads(),
            memory=available_memory() // 2,
            device=problem.config.device,
            read_test=problem.design is not None,
            stop=stop,
        )
    except Interrupted:
        given_back = study.storage.release(worker)
        log(f"given back, to be trained by the next run: {_numbers(given_back)}")
        return 0
    seconds = (time.monotonic() - started) / max(1, len(trials) * problem.budget.seeds)
    identity = digest(problem.identity)
    results = [
        result_of(trial.trial_id, outcome, judge, seconds=seconds, identity=identity)
        for trial, outcome in zip(fit_for, outcomes, strict=True)
    ]
    for trial_id, reason in unfit.items():
        results.append(Result(trial_id, None, failure=reason))
        log(f"an enqueued trial failed: {reason}")
    lost = study.storage.finish(worker, results)
    if lost:
        log(f"{len(lost)} results were discarded: others had taken these trials back")
    return len(results) - len(lost)


def result_of(trial_id: int, outcome: Outcome, judge: Judge, *, seconds: float, identity: str) -> Result:
    """An outcome as the database keeps it.

    Args:
        trial_id: Which trial it is of.
        outcome: What training gave.
        judge: Turns it into values.
        seconds: Wall-clock of its cohort divided by the cohort's slots.
        identity: Digest of the study's identity, by which a trial copied into another study is told apart.
    """
    names = [name for name in outcome.names() if not name.startswith("test_")]
    attributes: dict[str, Any] = {name: outcome.mean(name) for name in names}
    attributes["seconds_per_slot_of_cohort"] = seconds
    if outcome.diverged:
        attributes["diverged"] = True
    return Result(
        trial_id,
        judge.values(outcome),
        constraints={"accuracy_floor": judge.constraint(outcome)},
        user_attrs=attributes,
        system_attrs={BY_SEED: {name: outcome.values(name) for name in names}, IDENTITY_DIGEST: identity},
        layers=[
            LayerMeasures(number, layer, measures)
            for number, replicate in enumerate(outcome.replicates)
            for layer, measures in enumerate(replicate.layers)
        ],
        curves=[
            Curve(number, name, points)
            for number, replicate in enumerate(outcome.replicates)
            for name, points in replicate.curves.items()
        ],
        test=[
            TestMeasures(trial_id, number, measures)
            for number, replicate in enumerate(outcome.replicates)
            if (measures := measures_on_test(replicate))
        ],
    )


def measures_on_test(replicate: Replicate) -> dict[str, float]:
    """What a replicate gave on the test part, by `test_` names; a hidden layer's end in its number from 0."""
    measures = {name: value for name, value in replicate.scores.items() if name.startswith("test_")}
    for layer, of_layer in enumerate(replicate.test_layers):
        measures |= {f"test_{name}_layer{layer}": value for name, value in of_layer.items()}
    return measures


def _details(threads: int | None, device: str) -> dict[str, Any]:
    """Library versions and hardware of this worker."""
    return {
        "versions": installed_versions(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads or available_threads(),
        "device": device,
    }


def _numbers(numbers: Sequence[int]) -> str:
    """Trial numbers in short, neighbours joined.

    Example:
        >>> _numbers([3, 4, 5, 9])
        'trials 3-5, 9'
    """
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    joined = ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)
    return f"trial{'s' if len(numbers) != 1 else ''} {joined}"
