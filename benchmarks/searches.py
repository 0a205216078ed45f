"""Ways to search one space on one split, and what each of them held for its front as time went on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

from benchmarks.stock import objective, open_stock
from benchmarks.ways import Recipe, one_process_a_core, share_of
from storage import open_storage
from study.config import read_config
from study.machine import available_threads
from study.pareto import hypervolume, pareto
from study.problem import Problem, Search
from study.records.attributes import STOPPED_AT
from study.records.open_study import create_or_open
from study.training import fit
from study.training.rungs import RungResult, keep
from study.workers.worker import work

POINTS = 24
"""How often what a search holds is looked at, in equal steps of the logarithm of time."""

Params = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """What a search held at some time.

    Attributes:
        seconds: Since its start.
        epochs: Epochs that its networks were trained for until then, in all.
        front: Parameters of the trials on its front.
        seen: Hypervolume of what it saw of them.
    """

    seconds: float
    epochs: int
    front: list[Params]
    seen: float


@dataclass(frozen=True)
class Ended:
    """A trial that a search trained in full.

    Attributes:
        seconds: When it ended, since the search began.
        epochs: Epochs that all networks of the search had been trained for by then.
        params: Its parameters.
        values: Its objective values.
    """

    seconds: float
    epochs: int
    params: Params
    values: tuple[float, ...]


def moments(ended: Sequence[Ended], reference: Sequence[float]) -> list[Moment]:
    """What a search held at some times of its run, the last of them its end."""
    ended = sorted(ended, key=lambda trial: trial.seconds)
    first, last = ended[0].seconds, ended[-1].seconds
    found: list[Moment] = []
    for at in np.geomspace(max(first, 1e-3), max(last, 1e-3), POINTS):
        known = [trial for trial in ended if trial.seconds <= at + 1e-6] or ended[:1]
        front = pareto(known, lambda trial: trial.values)
        if found and known[-1].seconds == found[-1].seconds:
            continue
        seen = hypervolume([trial.values for trial in front], reference)
        found.append(Moment(known[-1].seconds, known[-1].epochs, [trial.params for trial in front], seen))
    return found


def plain(recipe: Recipe, seed: int, trials: int) -> list[Ended]:
    """`study.optimize` with Optuna's default sampler, one trial after the other."""
    problem = recipe.problem(trials)
    torch.set_num_threads(available_threads())
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        study = open_stock(Path(folder) / "stock.db", sampler=TPESampler(seed=seed))
        study.optimize(_objective(recipe, problem, seed), n_trials=trials)
        return _ended(study.trials, recipe, started)


def tuned(recipe: Recipe, seed: int, trials: int) -> list[Ended]:
    """The same in one process a core, each with one thread, on a database with a write-ahead log."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "tuned.db"
        open_stock(database, wal=True)
        started = one_process_a_core(_share, recipe, seed, trials, database)
        return _ended(open_stock(database, wal=True).trials, recipe, started)


def _share(recipe: Recipe, seed: int, trials: int, database: Path, core: int, barrier: Any) -> None:
    """One process' part; what its first training loads is loaded before the clock starts."""
    torch.set_num_threads(1)
    problem = recipe.problem(trials)
    study = open_stock(database, wal=True, sampler=TPESampler(seed=1000 * core + seed))
    first = optuna.trial.FixedTrial({"activation": "relu", "initialization": "orthogonal", "dropout": 0.1})
    _objective(replace(recipe, epochs=1), problem, seed)(first)
    barrier.wait()
    study.optimize(_objective(recipe, problem, seed), n_trials=share_of(trials, core))


def _objective(recipe: Recipe, problem: Problem, seed: int) -> Callable[[Any], tuple[float, float]]:
    return partial(
        objective,
        split=problem.split,
        hidden=recipe.hidden,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        seeds=1,
        device="cpu",
        offset=100_000 * seed,
    )


def ours(recipe: Recipe, seed: int, trials: int, **options: Any) -> list[Ended]:
    """`reluctant`, with some options, for the objectives that stock has; the split stays that of seed 0."""
    with _searched(recipe, seed, trials, options) as (ended, _):
        return ended


def fixed(recipe: Recipe, seed: int, trials: int, *, epochs: int) -> list[Ended]:
    """All trials for so few epochs by `reluctant`, then the best part of them in full, which takes as many epochs."""
    short = replace(recipe, epochs=epochs)
    started = time.time()
    with _searched(short, seed, trials, {}) as (ended, problem):
        reached = {number: RungResult(trial.values, 0.0) for number, trial in enumerate(ended)}
        reference = problem.judge.reference_point
        best = [ended[number].params for number in keep(reached, recipe.epochs // epochs, reference=reference)]
        budget = replace(problem.budget, epochs=recipe.epochs)
        full = [problem.space.hyperparameters(params, problem.defaults) for params in best]
        outcomes = fit(full, problem.split, budget, problem.streams, threads=available_threads())
    seconds, trained = time.time() - started, trials * epochs + len(best) * recipe.epochs
    return [
        Ended(seconds, trained, params, tuple(problem.judge.values(outcome)))
        for params, outcome in zip(best, outcomes, strict=True)
    ]


@contextmanager
def _searched(recipe: Recipe, seed: int, trials: int, options: Mapping[str, Any]) -> Any:
    split = recipe.problem(trials)
    problem = Search.of(read_config({**recipe.options(), "trials": trials, "seed": seed, **options}))
    # A cached property: the same samples for all, whatever the study's seed.
    problem.__dict__["prepared"] = split.prepared
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        storage = open_storage(Path(folder) / "ours.db")
        study = create_or_open(problem, storage)
        work(study)
        ended = _ended(storage.read_trials(study.study_id), recipe, started)
        storage.close()
        yield ended, problem


def _ended(trials: Sequence[FrozenTrial], recipe: Recipe, started: float) -> list[Ended]:
    """The trials that were trained in full, in the order in which they ended."""
    found, epochs = [], 0
    for trial in sorted(trials, key=_completed):
        if trial.state is TrialState.PRUNED:
            epochs += trial.user_attrs[STOPPED_AT]
        elif trial.state is TrialState.COMPLETE:
            epochs += recipe.epochs
            found.append(Ended(_completed(trial)[0] - started, epochs, dict(trial.params), tuple(trial.values)))
    return found


def _completed(trial: FrozenTrial) -> tuple[float, int]:
    at = trial.datetime_complete
    return (0.0 if at is None else at.timestamp(), trial.number)
