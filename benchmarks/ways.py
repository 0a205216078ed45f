"""Three ways to run the same trials: the usual loop, the usual loop tuned, and `reluctant`; each in its own process."""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from optuna.trial import FixedTrial, FrozenTrial

import study.training.engines.stacked_mlp.block
import study.workers.worker
from benchmarks.stock import Listed, objective, open_stock
from search_spaces.points import random_params
from storage import CohortStorage, Proposal, ProposedCohort, open_storage
from study.config import read_config
from study.machine import available_threads
from study.problem import Problem, Search
from study.records.open_study import create_or_open
from study.records.trial_feed import TrialFeed
from study.sampling.proposer import Proposer
from study.training import Trainer
from study.training.engines.modules.slot import SlotTraining
from study.training.engines.modules.stacked_training import StackedSlots
from study.workers.worker import work

LIST_SEED = 20_260_101


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is trained, whichever way.

    Attributes:
        data: Data set.
        hidden: Units of each hidden layer.
        epochs: Passes over the training part.
        batch_size: Samples of a step.
        seeds: Networks a trial.
        device: Torch device.
        cohort: Trials that `reluctant` trains together; None: its default.
        rows: Rows that are drawn of the data; None: all.
        target: Column to predict, where the data are a table.
        channels: Channels of each block, where the networks are convolutional.
    """

    data: str = "digits"
    hidden: tuple[int, ...] = (64, 64)
    epochs: int = 20
    batch_size: int = 128
    seeds: int = 1
    device: str = "cpu"
    cohort: int | None = None
    rows: int | None = None
    target: str | None = None
    channels: tuple[int, ...] = ()

    def problem(self, trials: int) -> Problem:
        """The same as a problem of ours, judged as the usual loop judges it: by the network as it was trained."""
        return Search.of(read_config({**self.options(), "trials": trials}))

    def options(self) -> dict[str, Any]:
        """The options of the command."""
        options = {
            "sparsity": "near_zero",
            "pruner": "none",
            "data": self.data,
            "hidden": ",".join(map(str, self.hidden)),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "seeds": self.seeds,
            "device": self.device,
            "cohort": self.cohort,
            "rows": self.rows,
            "target": self.target,
            **({"network": "cnn", "channels": ",".join(map(str, self.channels))} if self.channels else {}),
        }
        return {key: value for key, value in options.items() if value is not None}


@dataclass(frozen=True)
class Run:
    """What one way of running some trials gave.

    Attributes:
        seconds: Wall-clock, from the first trial's proposal to the last one's result in the database.
        trials: Activation, accuracy and sparsity of each trial.
        memory: Peak memory of its process so far, bytes.
        phases: Seconds of each phase, where it was asked for.
    """

    seconds: float
    trials: list[tuple[str, float, float]]
    memory: int
    phases: dict[str, float]


def listed(problem: Problem, trials: int) -> list[dict[str, Any]]:
    """The trials that every way trains: points of the space, drawn once."""
    generator = np.random.default_rng(LIST_SEED)
    return [random_params(problem.space, generator) for _ in range(trials)]


def stock(recipe: Recipe, trials: int) -> Run:
    """`study.optimize` with all defaults, one trial after the other."""
    problem = recipe.problem(trials)
    torch.set_num_threads(available_threads())
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        study = open_stock(Path(folder) / "stock.db", sampler=Listed(listed(problem, trials), 0))
        study.optimize(lambda trial: _objective(trial, problem, recipe), n_trials=trials)
        seconds = time.perf_counter() - started
        return _run(seconds, study.trials)


def tuned(recipe: Recipe, trials: int) -> Run:
    """The same in one process a core, each with one thread, on a database with a write-ahead log."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "tuned.db"
        open_stock(database, wal=True)
        started = one_process_a_core(_tuned_share, recipe, trials, database)
        seconds = time.time() - started
        return _run(seconds, open_stock(database, wal=True).trials)


def one_process_a_core(share: Callable[..., None], *arguments: Any) -> float:
    """Runs the usual loop in one process a core.

    Args:
        share: One process' part, called with `arguments`, its number, and a barrier at which it waits once everything
            is loaded.
        arguments: What `share` needs to know.

    Returns:
        The time at which all of them began, in seconds since 1970.
    """
    cores, context = available_threads(), multiprocessing.get_context("spawn")
    barrier = context.Barrier(cores + 1)
    processes = [context.Process(target=share, args=(*arguments, core, barrier)) for core in range(cores)]
    for process in processes:
        process.start()
    barrier.wait(timeout=300)
    started = time.time()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a process of the usual loop failed")
    return started


def share_of(trials: int, core: int) -> int:
    """How many of the trials are those of one core."""
    cores = available_threads()
    return trials * (core + 1) // cores - trials * core // cores


def _tuned_share(recipe: Recipe, trials: int, database: Path, core: int, barrier: Any) -> None:
    torch.set_num_threads(1)
    problem = recipe.problem(trials)
    params = listed(problem, trials)
    study = open_stock(database, wal=True, sampler=Listed(params, 0))
    _objective(FixedTrial(params[0]), problem, recipe)  # what the first training of a process loads
    barrier.wait()
    study.optimize(lambda trial: _objective(trial, problem, recipe), n_trials=share_of(trials, core))


def _objective(trial: Any, problem: Problem, recipe: Recipe) -> tuple[float, float]:
    return objective(
        trial,
        problem.split,
        hidden=recipe.hidden,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seeds=recipe.seeds,
        device=recipe.device,
        channels=recipe.channels,
    )


def ours(recipe: Recipe, trials: int) -> Run:
    """The worker's own loop, database and sampler included."""
    problem = recipe.problem(trials)
    with tempfile.TemporaryDirectory() as folder, _listing(listed(problem, trials)), measured_phases() as phases:
        started = time.perf_counter()
        storage = open_storage(Path(folder) / "ours.db")
        opened = create_or_open(problem, storage)
        work(opened)
        seconds = time.perf_counter() - started
        run = _run(seconds, storage.read_trials(opened.study_id), phases())
        storage.close()
        return run


def _run(seconds: float, trials: list[FrozenTrial], phases: dict[str, float] | None = None) -> Run:
    rows = [(trial.params["activation"], trial.values[0], trial.values[1]) for trial in trials]
    return Run(seconds, rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, phases or {})


@contextmanager
def _listing(params: list[dict[str, Any]]) -> Iterator[None]:
    """Lets the proposer do all its work and then gives the listed trials, as `Listed` does."""

    class ListedProposer(Proposer):
        def propose(self, *arguments: Any, **named: Any) -> ProposedCohort | None:
            block = super().propose(*arguments, **named)
            if block is None:
                return None
            chosen = params[block.first_number : block.first_number + len(block.proposals)]
            return ProposedCohort(block.first_number, [Proposal(p, self._space.distributions(p)) for p in chosen])

    study.workers.worker.Proposer = ListedProposer  # type: ignore[misc]
    try:
        yield
    finally:
        study.workers.worker.Proposer = Proposer  # type: ignore[misc]


@contextmanager
def measured_phases() -> Iterator[Callable[[], dict[str, float]]]:
    """Seconds spent in each phase of the worker's loop; `train` and `measure` are those of all its processes."""
    places: list[tuple[Any, str, str]] = [
        (Proposer, "propose", "propose"),
        (TrialFeed, "refresh", "refresh"),
        (CohortStorage, "reclaim", "reclaim"),
        (CohortStorage, "claim", "claim"),
        (CohortStorage, "finish", "finish"),
        (Trainer, "fit", "fit"),
        (study.training.engines.stacked_mlp.block, "train", "train"),
        (study.training.engines.stacked_mlp.block, "results", "measure"),
        (SlotTraining, "train_epoch", "train"),
        (StackedSlots, "train_epoch", "train"),
        (SlotTraining, "result", "measure"),
    ]
    # Shared with the processes that are forked while this lasts.
    context = multiprocessing.get_context("fork")
    spent = {phase: context.Value("d") for _, _, phase in places}
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in places]

    def timed(function: Callable[..., Any], phase: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                with spent[phase].get_lock():
                    spent[phase].value += time.perf_counter() - started

        return call

    for owner, name, phase in places:
        setattr(owner, name, timed(getattr(owner, name), phase))
    try:
        yield lambda: {phase: value.value for phase, value in spent.items()}
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


class Ways:
    """One fresh process for each way; they take turns, and wait idle."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes = {
            way.__name__: ProcessPoolExecutor(max_workers=1, mp_context=context) for way in (stock, tuned, ours)
        }

    def run(self, way: Callable[[Recipe, int], Run], recipe: Recipe, trials: int) -> Run:
        """Runs some trials one way."""
        return self._processes[way.__name__].submit(way, recipe, trials).result()

    def close(self) -> None:
        """Ends the processes."""
        for process in self._processes.values():
            process.shutdown()
