"""Syne Tune's multi-objective ASHA on the trainings of the tuned loop.

    pip install -c constraints.txt --no-deps syne-tune

It goes without its dependencies: the scheduler needs none that is not here, and they bring half a gigabyte of XGBoost
and NCCL.

Its tuner starts a Python process a trial, which imports torch and reads the data before it trains for a second. So its
scheduler is driven by processes that stay, one a core, as in the tuned loop: each asks for a trial, trains it, reports
accuracy and sparsity on the validation part, and goes on as long as the scheduler says. Reports are made at the rungs
and at the end, where the scheduler decides; others change nothing and would cost a measurement each. Results are kept
in memory, in no database, which is in its favour.

Two ways of ranking:

- `moasha`, as released in 0.16. Its `NonDominatedPriority` gives the indices of the sorted trials, where its rungs
  read ranks: of 400 trials that dominated all others of a rung (5 to 40 uniform draws) it stopped 55 %.
- `moasha:ranks`: the same order as ranks, which is what its paper describes (Schmucker et al. 2021, arXiv:2106.12639).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count, takewhile
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from typing import Any

import numpy as np
import torch

from benchmarks.searches import Ended, Params
from benchmarks.stock import (
    ACTIVATION_NAMES,
    DROPOUT_RATES,
    INITIALIZATION_NAMES,
    SLOPES,
    measure,
    network,
    training,
)
from benchmarks.ways import Recipe, one_process_a_core
from study.problem import Problem

REDUCTION_FACTOR = 3


class Scheduler:
    """MO-ASHA for as many trials as were asked for; one of it, in a process of its own, serves all others."""

    def __init__(self, trials: int, epochs: int, seed: int, ranks: bool) -> None:
        from syne_tune.config_space import choice, loguniform, uniform
        from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

        np.random.seed(seed)  # its proposals are drawn from numpy's global generator
        space = {
            "activation": choice(ACTIVATION_NAMES),
            "initialization": choice(INITIALIZATION_NAMES),
            "dropout": uniform(*DROPOUT_RATES),
            "negative_slope": loguniform(*SLOPES),
        }
        self._moasha = MOASHA(
            space,
            metrics=["accuracy", "sparsity"],
            do_minimize=False,
            time_attr="epoch",
            max_t=epochs,
            reduction_factor=REDUCTION_FACTOR,
            multiobjective_priority=_priority_by_rank() if ranks else None,
        )
        self._lock = threading.Lock()
        self._size = trials
        self._trials: dict[int, Any] = {}
        self._reached: dict[int, int] = {}
        self._ended: list[Ended] = []
        self._epochs = epochs

    def next(self) -> tuple[int, Params] | None:
        """The number and parameters of the next trial, if there is one."""
        from syne_tune.backend.trial_status import Trial

        with self._lock:
            number = len(self._trials)
            if number == self._size:
                return None
            params = dict(self._moasha.suggest().config)
            if params["activation"] not in ("leaky_relu", "prelu"):
                del params["negative_slope"]
            self._trials[number] = Trial(number, params, datetime.now())
            self._moasha.on_trial_add(self._trials[number])
            return number, params

    def goes_on(self, number: int, epoch: int, values: tuple[float, float]) -> bool:
        """Whether a trial that has these values after so many epochs goes on."""
        with self._lock:
            self._reached[number] = epoch
            trial, result = self._trials[number], {"epoch": epoch, "accuracy": values[0], "sparsity": values[1]}
            going = bool(self._moasha.on_trial_result(trial, result) == "CONTINUE")
            if epoch == self._epochs:
                self._ended.append(Ended(time.time(), sum(self._reached.values()), trial.config, values))
            return going

    def ended(self) -> list[Ended]:
        """The trials that were trained in full, their times in seconds since 1970."""
        return self._ended


class _Manager(BaseManager):
    pass


_Manager.register("Scheduler", Scheduler)


def moasha(recipe: Recipe, seed: int, trials: int, *, ranks: bool = False) -> list[Ended]:
    """MO-ASHA with its defaults, a unit of its resource being an epoch."""
    with _Manager(ctx=get_context("spawn")) as manager:
        scheduler = manager.Scheduler(trials, recipe.epochs, seed, ranks)  # type: ignore[attr-defined]
        started = one_process_a_core(_share, recipe, seed, trials, scheduler)
        return [replace(trial, seconds=trial.seconds - started) for trial in scheduler.ended()]


def rungs(epochs: int) -> list[int]:
    """The epochs at which trials report: those of the scheduler's rungs, and the last one."""
    milestones = takewhile(lambda at: at < epochs, (REDUCTION_FACTOR**step for step in count()))
    return [*milestones, epochs]


def _share(recipe: Recipe, seed: int, trials: int, scheduler: Any, core: int, barrier: Any) -> None:
    """One process' part; what its first training loads is loaded before the clock starts."""
    torch.set_num_threads(1)
    problem = recipe.problem(trials)
    first = {"activation": "relu", "initialization": "orthogonal", "dropout": 0.1}
    train(replace(recipe, epochs=1), problem, first, lambda epoch, values: True)
    barrier.wait()
    while (trial := scheduler.next()) is not None:
        number, params = trial
        torch.manual_seed(100_000 * seed + 1000 * number)
        train(recipe, problem, params, partial(scheduler.goes_on, number))


def train(
    recipe: Recipe, problem: Problem, params: Params, goes_on: Callable[[int, tuple[float, float]], bool]
) -> None:
    """Trains a network until it is stopped at a rung, or in full."""
    split, name, slope = problem.split, params["activation"], params.get("negative_slope", 0.01)
    x, y = split.training.x, split.training.y
    widths = [x.shape[1], *recipe.hidden, len(split.classes)]
    net = network(name, slope, params["initialization"], params["dropout"], widths)
    reports = rungs(recipe.epochs)
    for epoch in training(net, x, y, epochs=recipe.epochs, batch_size=recipe.batch_size):
        if epoch in reports:
            accuracy, measured = measure(net, name, slope, split, "cpu")
            if not goes_on(epoch, (accuracy, measured["near_zero"])):
                return


def _priority_by_rank() -> Any:
    from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import NonDominatedPriority

    class ByRank(NonDominatedPriority):
        def priority_unsafe(self, objectives: Any) -> Any:
            return np.argsort(super().priority_unsafe(objectives))

    return ByRank()
