"""How good what a search found is, against trials and wall-clock: several cohort sizes of ours against stock TPE.

    python -m benchmarks.quality [--seeds 5] [--trials 300] [--cohorts 16 32 64] [--output FILE.json]
    python -m benchmarks.quality --samplers tpe qmc random nsga2 nsga3 gp --output benchmarks/samplers.json

Digits, 64,64, 20 epochs, batches of 128, one network a trial. Stock is `study.optimize` with Optuna's default sampler;
both propose for themselves, all on one split, each study with a seed of its own for proposals, weights and data order.
Ours goes on to twice the trials, so that both axes can be read. With `--samplers`, our samplers at the default cohort
take the place of cohort sizes, each with as many trials as stock; cmaes, which takes one objective, has no place here.

A search picks by what it saw, and noise flatters what is picked: more so where each trial has noise of its own, as in
the usual loop, than where all share their random numbers. So what a search holds for its front is trained again on
five fresh seeds, the same for all searches, and the hypervolume is that of the fresh means; what the search itself
saw is given beside it. Draws `benchmarks/quality.html`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from study.config import read_config
from study.machine import available_threads
from study.pareto import hypervolume
from study.problem import Problem, Search
from study.records.open_study import create_or_open
from study.training import Streams, fit
from study.workers.worker import work

Anytime = list[tuple[float, float]]
"""Seconds and hypervolume, after every so many trials."""

RECIPE = Recipe()
STEP = 10
FRESH_SEEDS, FRESH_STREAM = 5, 10**9


def main() -> None:
    """Runs the benchmark, prints a table, writes JSON and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--cohorts", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--samplers", nargs="+", help="compare these at the default cohort instead")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/quality.json"))
    options = parser.parse_args()
    trials, given = 2 * options.trials, {f"cohort {cohort}": {"cohort": cohort} for cohort in options.cohorts}
    if options.samplers:
        trials, given = options.trials, {sampler: {"sampler": sampler} for sampler in options.samplers}
    ways: dict[str, list[Run]] = {"stock": []} | {name: [] for name in given}
    for seed in range(options.seeds):
        ways["stock"].append(run_stock(seed, options.trials))
        for name, chosen in given.items():
            ways[name].append(run_ours(seed, trials, chosen))
    problem = RECIPE.problem(1)
    worth = fresh_values(problem, [params for runs in ways.values() for run in runs for params in run.chosen()])
    paths = {name: [run.path(worth, problem.judge.reference_point) for run in runs] for name, runs in ways.items()}
    place = options.trials // STEP - 1
    heading = f"at {options.trials} trials: fresh seeds"
    print(f"{'way':<12}{heading:>34}{'as seen':>18}{'seconds':>10}{'to 99 %':>10}{'to all':>10} of stock's end")
    rows = []
    for name, runs in ways.items():
        ends = [path[place] for path in paths[name]]
        row: dict[str, Any] = {
            "way": name,
            "hypervolume": [value for _, value in ends],
            "as_seen": [run.seen[place] for run in runs],
            "seconds": [seconds for seconds, _ in ends],
            "share_of_time": {share: _share_of_time(paths[name], paths["stock"], share) for share in (0.99, 1.0)},
            "anytime": paths[name],
        }
        rows.append(row)
        print(
            f"{name:<12}{_mean_and_deviation(row['hypervolume']):>34}{_mean_and_deviation(row['as_seen']):>18}"
            f"{median(row['seconds']):>10.1f}"
            + "".join(f"{'never' if t is None else f'1/{1 / t:.1f}':>10}" for t in row["share_of_time"].values())
        )
    report = taken("python -m benchmarks.quality") | {
        "seeds": options.seeds,
        "trials": options.trials,
        "rows": rows,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    figure(paths).write_html(options.output.with_suffix(".html"), include_plotlyjs="cdn")


@dataclass(frozen=True)
class Run:
    """What a search held for its front, after every so many trials.

    Attributes:
        seconds: Since its start.
        fronts: Parameters of the trials on its front.
        seen: Hypervolume of what it saw of them.
    """

    seconds: list[float]
    fronts: list[list[dict[str, Any]]]
    seen: list[float]

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial], problem: Problem, started: float) -> Run:
        """Reads off a search's trials."""
        ended = [trial for trial in trials if trial.datetime_complete is not None and trial.values is not None]
        ended.sort(key=lambda trial: (trial.datetime_complete or datetime.max, trial.number))
        seconds, fronts, seen = [], [], []
        for count in range(STEP, len(ended) + 1, STEP):
            known = ended[:count]
            front = [
                t
                for t in known
                if not any(o.values != t.values and all(a >= b for a, b in zip(o.values, t.values)) for o in known)  # noqa: B905
            ]
            complete = known[-1].datetime_complete
            assert complete is not None
            seconds.append(complete.timestamp() - started)
            fronts.append([dict(trial.params) for trial in front])
            seen.append(hypervolume([trial.values for trial in front], problem.judge.reference_point))
        return cls(seconds, fronts, seen)

    def chosen(self) -> list[dict[str, Any]]:
        """Everything that was on the front at some time."""
        return [params for front in self.fronts for params in front]

    def path(self, worth: Mapping[str, tuple[float, float]], reference: Sequence[float]) -> Anytime:
        """Seconds and hypervolume on fresh seeds, after every so many trials."""
        values = [hypervolume([worth[_key(params)] for params in front], reference) for front in self.fronts]
        return list(zip(self.seconds, values, strict=True))


def fresh_values(problem: Problem, chosen: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Mean accuracy and sparsity of parameters on fresh seeds, by their key."""
    distinct = {_key(params): params for params in chosen}
    trials = [problem.space.hyperparameters(params, problem.defaults) for params in distinct.values()]
    budget = replace(problem.budget, seeds=FRESH_SEEDS)
    outcomes = fit(trials, problem.split, budget, Streams(FRESH_STREAM), threads=available_threads())
    return {
        key: (outcome.mean("accuracy"), outcome.mean("near_zero"))
        for key, outcome in zip(distinct, outcomes, strict=True)
    }


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def _mean_and_deviation(values: Sequence[float]) -> str:
    return f"{fmean(values):.4f} ± {stdev(values) if len(values) > 1 else 0.0:.4f}"


def run_stock(seed: int, trials: int) -> Run:
    """The usual loop."""
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
        return Run.of(study.trials, problem, started)


def run_ours(seed: int, trials: int, chosen: Mapping[str, Any]) -> Run:
    """Ours, with some options, for the objectives that stock has; the split stays that of seed 0."""
    split = RECIPE.problem(trials)
    given = {"hidden": "64,64", "epochs": RECIPE.epochs, "batch_size": RECIPE.batch_size, "seeds": 1}
    given |= {"sparsity": "near_zero", "trials": trials, "seed": seed}
    problem = Search.of(read_config({**given, **chosen}))
    # A cached property: the same samples for all, whatever the study's seed.
    problem.__dict__["prepared"] = split.prepared
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        storage = open_storage(Path(folder) / "ours.db")
        study = create_or_open(problem, storage)
        work(study)
        result = Run.of(storage.read_trials(study.study_id), problem, started)
        storage.close()
    return result


def _share_of_time(paths: Sequence[Anytime], stock: Sequence[Anytime], share: float) -> float | None:
    """When the median search holds a share of what stock holds in the end, in stock's time; None: never."""
    needed = share * fmean(path[-1][1] for path in stock)
    reached = next((seconds for seconds, value in middle(paths) if value >= needed), None)
    return None if reached is None else reached / median(path[-1][0] for path in stock)


def middle(paths: Sequence[Anytime]) -> Anytime:
    """Medians over searches, of seconds and of hypervolume."""
    return [(median(s for s, _ in points), median(v for _, v in points)) for points in zip(*paths, strict=True)]


def figure(paths: Mapping[str, Sequence[Anytime]]) -> go.Figure:
    """Median hypervolume on fresh seeds, against wall-clock."""
    drawn = go.Figure()
    for name, runs in paths.items():
        points = [(median(run[i][0] for run in runs), median(run[i][1] for run in runs)) for i in range(len(runs[0]))]
        drawn.add_scatter(x=[x for x, _ in points], y=[y for _, y in points], mode="lines", name=name)
    drawn.update_layout(
        template="simple_white",
        xaxis={"title": "seconds", "type": "log"},
        yaxis={"title": "hypervolume on fresh seeds, median over searches"},
        title="What a search holds for its front: digits, 64,64, 20 epochs",
    )
    return drawn


if __name__ == "__main__":
    main()
