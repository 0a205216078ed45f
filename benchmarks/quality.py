"""Hypervolume against trials and wall-clock: `reluctant` at several cohort sizes against stock TPE.

    python -m benchmarks.quality [--seeds 5] [--trials 300] [--cohorts 16 32 64] [--output FILE.json]

Digits, 64,64, 20 epochs, batches of 128, one network a trial. Stock is `study.optimize` with Optuna's default sampler;
both propose for themselves. Ours goes on to twice the trials, so that both axes can be read. Each study has a seed of
its own for proposals, weights and data order, and all share one split. Draws `benchmarks/quality.html`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import plotly.graph_objects as go
import torch
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial

from benchmarks.hardware import taken
from benchmarks.stock import objective, open_stock
from benchmarks.ways import Recipe
from storage import open_storage
from study.analysis import hypervolume
from study.config import read_config
from study.machine import available_threads
from study.opening import create_or_open
from study.problem import Problem
from study.workers.worker import work

RECIPE = Recipe()


def main() -> None:
    """Runs the benchmark, prints a table, writes JSON and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--cohorts", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/quality.json"))
    options = parser.parse_args()
    ways: dict[str, list[list[tuple[float, float]]]] = {"stock": []}
    ways |= {f"cohort {cohort}": [] for cohort in options.cohorts}
    for seed in range(options.seeds):
        ways["stock"].append(run_stock(seed, options.trials))
        for cohort in options.cohorts:
            ways[f"cohort {cohort}"].append(run_ours(seed, 2 * options.trials, cohort))
    finals = [run[-1][1] for run in ways["stock"]]
    rows = []
    heading = f"hypervolume at {options.trials} trials"
    print(f"{'way':<12}{heading:>28}{'seconds':>10}   of stock's time to its end")
    for name, runs in ways.items():
        at_end = [run[options.trials - 1] for run in runs]
        row: dict[str, Any] = {
            "way": name,
            "hypervolume": [value for _, value in at_end],
            "mean": fmean(value for _, value in at_end),
            "standard_deviation": stdev(value for _, value in at_end) if len(runs) > 1 else None,
            "seconds": median(seconds for seconds, _ in at_end),
            "time_ratios": [
                _reached(run, final) / stock[-1][0]
                for run, stock, final in zip(runs, ways["stock"], finals, strict=True)
            ],
        }
        rows.append(row)
        print(
            f"{name:<12}{row['mean']:>18.4f} ± {row['standard_deviation'] or 0:.4f}{row['seconds']:>13.1f}"
            f"   1/{1 / median(row['time_ratios']):.1f}"
        )
    report = taken("python -m benchmarks.quality") | {"seeds": options.seeds, "trials": options.trials, "rows": rows}
    report["anytime"] = {name: [_thinned(run) for run in runs] for name, runs in ways.items()}
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    figure(ways).write_html(options.output.with_suffix(".html"), include_plotlyjs="cdn")


def run_stock(seed: int, trials: int) -> list[tuple[float, float]]:
    """Seconds and hypervolume after each trial of the usual loop."""
    problem = RECIPE.problem(trials)
    torch.set_num_threads(available_threads())
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        study = open_stock(Path(folder) / "stock.db", sampler=TPESampler(seed=seed))
        study.optimize(
            lambda trial: objective(
                trial,
                problem.split,
                hidden=RECIPE.hidden,
                epochs=RECIPE.epochs,
                batch_size=RECIPE.batch_size,
                seeds=1,
                device="cpu",
                offset=100_000 * seed,
            ),
            n_trials=trials,
        )
        return _anytime(study.trials, problem, started)


def run_ours(seed: int, trials: int, cohort: int) -> list[tuple[float, float]]:
    """Seconds and hypervolume after each trial of ours; the split stays that of seed 0."""
    split = RECIPE.problem(trials)
    given = {"hidden": "64,64", "epochs": RECIPE.epochs, "batch_size": RECIPE.batch_size, "seeds": 1}
    problem = Problem.of(read_config(given | {"trials": trials, "cohort": cohort, "seed": seed}))
    # A cached property: the same samples for all, whatever the study's seed.
    problem.__dict__["prepared"] = split.prepared
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        storage = open_storage(Path(folder) / "ours.db")
        study = create_or_open(problem, storage)
        work(study)
        result = _anytime(storage.read_trials(study.study_id), problem, started)
        storage.close()
    return result


def _anytime(trials: Sequence[FrozenTrial], problem: Problem, started: float) -> list[tuple[float, float]]:
    reference = problem.judge.reference_point
    ended = sorted(trials, key=lambda trial: (trial.datetime_complete or datetime.max, trial.number))
    result, points = [], []
    for trial in ended:
        assert trial.datetime_complete is not None
        points.append(trial.values)
        points = [p for p in points if not any(q[0] >= p[0] and q[1] >= p[1] and q != p for q in points)]
        result.append((trial.datetime_complete.timestamp() - started, hypervolume(points, reference)))
    return result


def _reached(run: list[tuple[float, float]], value: float) -> float:
    """Seconds until a hypervolume was reached; infinite where it was not."""
    return next((seconds for seconds, reached in run if reached >= value), float("inf"))


def _thinned(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(round(seconds, 2), round(value, 5)) for seconds, value in run[9::10]]


def figure(ways: dict[str, list[list[tuple[float, float]]]]) -> go.Figure:
    """Median hypervolume over seeds, against wall-clock."""
    drawn = go.Figure()
    for name, runs in ways.items():
        middle = [
            (median(run[i][0] for run in runs), median(run[i][1] for run in runs)) for i in range(9, len(runs[0]), 5)
        ]
        drawn.add_scatter(x=[x for x, _ in middle], y=[y for _, y in middle], mode="lines", name=name)
    drawn.update_layout(
        template="simple_white",
        xaxis={"title": "seconds", "type": "log"},
        yaxis={"title": "hypervolume, median over seeds"},
        title="Hypervolume against wall-clock: digits, 64,64, 20 epochs",
    )
    return drawn


if __name__ == "__main__":
    main()
