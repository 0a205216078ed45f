"""What a trial costs beside its training: proposals and the database, with a training that costs nothing.

    python -m benchmarks.overhead [--trials 2048] [--cohorts 64 256] [--runs 5] [--output FILE.json]

Digits, 64,64, one network a trial, the default space and sampler, one process, SQLite. A few networks are trained
beforehand; then the worker's own loop runs with a training that hands out their outcomes, with scores that depend on
the hyperparameters. So a study is proposed, claimed, recorded and read again exactly as one whose training a GPU does
in no time. Phases are wall-clock of the thread that they run in; proposals run beside the others.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.hardware import spread, taken
from benchmarks.ways import Recipe, measured_phases
from reluctant.command import collect_garbage_seldom
from search_spaces import Hyperparameters
from search_spaces.points import random_params
from storage import open_storage
from study.problem import Problem
from study.records.open_study import create_or_open
from study.training import Outcome, Trainer
from study.workers.worker import work

KNOWN = 16
"""Networks that are trained beforehand."""


def main() -> None:
    """Runs the benchmark, prints a table, writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2048)
    parser.add_argument("--cohorts", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/overhead.json"))
    options = parser.parse_args()
    collect_garbage_seldom()  # as the command does
    found: dict[int, list[dict[str, float]]] = {cohort: [] for cohort in options.cohorts}
    for _ in range(options.runs):
        for cohort in options.cohorts:
            found[cohort].append(run(options.trials, cohort))
    rows = []
    for cohort, runs in found.items():
        phases = {name: median(each[name] for each in runs) for name in runs[0] if name not in ("seconds", "cpu")}
        row = {
            "cohort": cohort,
            "trials_per_second": spread([options.trials / each["seconds"] for each in runs]),
            "cpu_ms_per_trial": spread([1e3 * each["cpu"] / options.trials for each in runs]),
            "ms_per_trial": {name: 1e3 * seconds / options.trials for name, seconds in phases.items()},
        }
        rows.append(row)
        print(json.dumps(row))
    report = taken("python -m benchmarks.overhead") | {"trials": options.trials, "runs": options.runs, "rows": rows}
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def run(trials: int, cohort: int) -> dict[str, float]:
    """Seconds of one study, its seconds of processor time, and those of its phases."""
    problem = Recipe(cohort=cohort).problem(trials)
    original, Trainer.fit = Trainer.fit, _free_training(problem)  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder, measured_phases() as phases:
            started, before = time.perf_counter(), time.process_time()
            storage = open_storage(Path(folder) / "overhead.db")
            work(create_or_open(problem, storage))
            seconds, cpu = time.perf_counter() - started, time.process_time() - before
            storage.close()
            spent = {name: value for name, value in phases().items() if name not in ("fit", "train", "measure")}
    finally:
        Trainer.fit = original  # type: ignore[method-assign]
    return {"seconds": seconds, "cpu": cpu} | spent


def _free_training(problem: Problem) -> Any:
    """A replacement of `Trainer.fit` that hands out outcomes of networks that were trained beforehand."""
    generator = np.random.default_rng(0)
    points = [random_params(problem.space, generator) for _ in range(KNOWN)]
    trainer = Trainer(problem.splits, problem.budget, problem.streams, clamp=problem.config.clamps)
    known = trainer.fit([problem.space.hyperparameters(params, problem.defaults) for params in points])

    def fit(self: Trainer, trials: Sequence[Hyperparameters], **options: Any) -> list[Outcome]:
        return [_outcome(trial, known[number % KNOWN], problem) for number, trial in enumerate(trials)]

    return fit


def _outcome(trial: Hyperparameters, known: Outcome, problem: Problem) -> Outcome:
    """A known outcome with a score and a sparsity that the sampler can learn from."""
    score = 0.9 - (trial.dropout - 0.2) ** 2
    sparsity = 0.5 + trial.dropout / 2 - trial.negative_slope / 2
    own = {problem.config.score: score, problem.config.sparsity: sparsity}
    return Outcome(tuple(replace(each, scores=each.scores | own) for each in known.replicates))


if __name__ == "__main__":
    main()
