"""How good what a search found is, against wall-clock and epochs: the usual loop, short trainings, and ours.

    python -m benchmarks.quality FOLDER [--data digits letter adult mnist] [--runs 5] [--trials 300] [--ways …]
    python -m benchmarks.quality FOLDER --data digits --ways ours@300 ours@300:sampler=nsga2 ours@300:sampler=gp

FOLDER holds `uci/letter.csv`, `uci/adult.csv` and `mnist/` (IDX files); digits need none. Digits, letter and adult
(5,000 rows each of the two): 64,64, 20 epochs; MNIST (10,000 rows): 256,256, 5 epochs; batches of 128, one network a
trial. All ways search accuracy and `near_zero` over the same space on one split, each with a seed of its own for
proposals, weights and data order:

- `plain`: `study.optimize` with Optuna's default sampler. `tuned`: the same in one process a core.
- `fixed:E`: a third as many, as many and three times as many trials for E epochs, then their best part in full, which
  takes as many epochs; each number of trials is a search of its own.
- `ours`, `ours:OPTION=VALUE,…`: the command with options, and twice as many trials, or four times as many where they
  are stopped early, which take about as long; `ours@N:…` sets their number.
- `moasha`, `moasha:ranks`: Syne Tune's multi-objective ASHA for six times as many trials, as `benchmarks.moasha` says,
  which also says how to install it.

A search picks by what it saw, and noise flatters what is picked. So what a search held for its front, at up to 24
moments of its run, is trained again in full on fresh seeds, the same for all ways, and read on the test part: the
hypervolume is that of these means. Shares of time and of epochs are those of the first way, `plain` unless another is
named first, in the same run; half of the runs of a way hold by then so much of the hypervolume that the runs of the
first way end with in the mean. For each number of trials of `fixed:E`, JSON has how far ours are ahead of it at the
time at which it ends, in the mean.

The file is written after each run, one seed of all ways. Runs that it has already, of the same ways and versions on the
same kind of processor, count among `--runs`, and the missing ones are added; data sets that are not asked for stay in
it. Draws FILE.html beside the JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from benchmarks import searches
from benchmarks.hardware import taken
from benchmarks.moasha import moasha
from benchmarks.searches import Ended, Moment, Params, moments
from benchmarks.ways import Recipe
from study.machine import available_threads
from study.pareto import hypervolume
from study.problem import Problem
from study.training import Outcome, Streams, fit

FRESH_STREAM = 10**9
WAYS = ("plain", "tuned", "ours@600:sampler=nsga2", "fixed:1", "fixed:3", "fixed:10", "ours", "ours:pruner=halving")
IN_FULL, STOPPED_EARLY, OF_ASHA = 2, 4, 6
"""How many times as many trials as `plain` ours get, ours where most are stopped early, and MO-ASHA."""
SHARES = (0.9, 0.99, 1.0)

Search = Callable[[Recipe, int, int], list[Ended]]
Curve = list[tuple[float, int, float]]
"""Seconds, epochs and hypervolume on fresh seeds, at the moments of a search."""


@dataclass(frozen=True)
class Way:
    """One way to search.

    Attributes:
        name: As it was asked for.
        search: Searches.
        sizes: Numbers of trials, each of which is a search of its own.
    """

    name: str
    search: Search
    sizes: tuple[int, ...]

    def run(self, recipe: Recipe, seed: int, reference: Sequence[float]) -> list[Moment]:
        """What it held at the moments of its run."""
        found = [moments(self.search(recipe, seed, size), reference) for size in self.sizes]
        return found[0] if len(found) == 1 else [each[-1] for each in found]


def way(text: str, trials: int) -> Way:
    """The way that a text names, beside `trials` of the plain loop."""
    head, _, options = text.partition(":")
    head, _, size = head.partition("@")
    if head == "fixed":
        return Way(text, partial(searches.fixed, epochs=int(options)), (trials // 3, trials, 3 * trials))
    if head == "ours":
        given: dict[str, Any] = dict(part.split("=", 1) for part in options.split(",")) if options else {}
        usual = (IN_FULL if given.get("pruner", "none") == "none" else STOPPED_EARLY) * trials
        return Way(text, partial(searches.ours, **given), (int(size or usual),))
    if head == "moasha":
        if options not in ("", "ranks"):
            raise ValueError(f"{text!r} is no way; moasha and moasha:ranks are")
        return Way(text, partial(moasha, ranks=bool(options)), (int(size or OF_ASHA * trials),))
    return Way(text, {"plain": searches.plain, "tuned": searches.tuned}[head], (int(size or trials),))


def recipes(folder: Path) -> dict[str, Recipe]:
    """The data sets, and what is trained on each."""
    return {
        "digits": Recipe(),
        "letter": Recipe(data=str(folder / "uci" / "letter.csv"), target="class", rows=5000),
        "adult": Recipe(data=str(folder / "uci" / "adult.csv"), target="income", rows=5000),
        "mnist": Recipe(data=str(folder / "mnist"), rows=10_000, hidden=(256, 256), epochs=5),
    }


def main() -> None:
    """Runs the benchmark, prints a table, writes JSON and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    parser.add_argument("--data", nargs="+", default=["digits", "letter", "adult", "mnist"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--fresh", type=int, default=5, help="fresh seeds by which what was found is judged")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/quality.json"))
    options = parser.parse_args()
    report: dict[str, Any] = {"data": {}}
    if options.output.exists():
        report = json.loads(options.output.read_text(encoding="utf-8"))
    for data in options.data:
        recipe = recipes(options.folder)[data]
        ways = [way(text, options.trials) for text in options.ways]
        ways = [each for each in ways if not _too_long(each, recipe)]
        what = taken("python -m benchmarks.quality") | {"trials": options.trials, "fresh": options.fresh}
        what = json.loads(json.dumps(what | {"recipe": asdict(recipe)}))
        paths = _known(report["data"].get(data), what, [each.name for each in ways])
        for seed in range(len(paths[ways[0].name]), options.runs):
            for name, path in measured(ways, recipe, seed, options.fresh).items():
                paths[name].append(path)
            report["data"][data] = what | {"runs": seed + 1, "ways": table(data, paths)}
            options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
            drawn = {name: {row["way"]: row["paths"] for row in each["ways"]} for name, each in report["data"].items()}
            figure(drawn).write_html(options.output.with_suffix(".html"), include_plotlyjs="cdn")


def _known(before: Mapping[str, Any] | None, what: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[Curve]]:
    """The paths of earlier runs, by way; none where they were of something else."""
    same = ("processor", "threads", "versions", "trials", "fresh", "recipe")
    if before is None or any(before.get(key) != what[key] for key in same):
        return {name: [] for name in names}
    paths = {row["way"]: row["paths"] for row in before["ways"]}
    return paths if list(paths) == list(names) else {name: [] for name in names}


def _too_long(each: Way, recipe: Recipe) -> bool:
    """Whether short trainings are no shorter than half of a full one."""
    name, _, epochs = each.name.partition(":")
    return name == "fixed" and 2 * int(epochs) > recipe.epochs


def measured(ways: Sequence[Way], recipe: Recipe, seed: int, fresh: int) -> dict[str, Curve]:
    """The path of each way in one run."""
    problem = recipe.problem(1)
    reference = problem.judge.reference_point
    found: dict[str, list[Moment]] = {}
    for each in ways:
        found[each.name] = each.run(recipe, seed, reference)
        last = found[each.name][-1]
        print(f"  {each.name} {seed}: {last.seconds:.1f} s, {last.epochs} epochs, saw {last.seen:.4f}", flush=True)
    fronts = [moment.front for run in found.values() for moment in run]
    worth = fresh_values(problem, [params for front in fronts for params in front], fresh)

    def path(run: Sequence[Moment]) -> Curve:
        return [
            (moment.seconds, moment.epochs, hypervolume([worth[_key(params)] for params in moment.front], reference))
            for moment in run
        ]

    return {name: path(run) for name, run in found.items()}


def fresh_values(problem: Problem, chosen: Sequence[Params], seeds: int) -> dict[str, tuple[float, float]]:
    """Mean accuracy and sparsity on the test part, of parameters on fresh seeds, by their key."""
    distinct = {_key(params): params for params in chosen}
    trials = [problem.space.hyperparameters(params, problem.defaults) for params in distinct.values()]
    budget = replace(problem.budget, seeds=seeds)
    outcomes = fit(trials, problem.split, budget, Streams(FRESH_STREAM), threads=available_threads(), read_test=True)
    return {key: _on_test(outcome) for key, outcome in zip(distinct, outcomes, strict=True)}


def _on_test(outcome: Outcome) -> tuple[float, float]:
    layers = [layer["near_zero"] for replicate in outcome.replicates for layer in replicate.test_layers]
    return outcome.mean("test_accuracy"), fmean(layers)


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def table(data: str, paths: Mapping[str, list[Curve]]) -> list[dict[str, Any]]:
    """A row for each way, with how soon it has what the first one ends with; prints them."""
    first, baseline = next(iter(paths.items()))
    target = fmean(run[-1][2] for run in baseline)
    wholes = [run[-1] for run in baseline]
    seconds, epochs = (median(whole[axis] for whole in wholes) for axis in (0, 1))
    print(f"{data}, n = {len(wholes)}: {first} ends with {target:.4f} after {seconds:.1f} s and {epochs:.0f} epochs")
    rows = []
    for name, runs in paths.items():
        row = {
            "way": name,
            "ends": [run[-1] for run in runs],
            "share_of_time": {share: _reached(runs, share * target, 0, wholes) for share in SHARES},
            "share_of_epochs": {share: _reached(runs, share * target, 1, wholes) for share in SHARES},
            "paths": runs,
        }
        if name.startswith("fixed"):
            row["ours_ahead"] = {each: ahead(runs, paths[each]) for each in paths if each.startswith("ours")}
        rows.append(row)
        at_ends = [(median(run[place][0] for run in runs), median(run[place][2] for run in runs)) for place in (-1,)]
        shown = "".join(_as_fraction(row["share_of_time"][share]) for share in SHARES)
        print(
            f"{name:<26}{at_ends[0][1]:>9.4f} after {at_ends[0][0]:>7.1f} s; to 90, 99, 100 % of that: time{shown}, "
            f"epochs{''.join(_as_fraction(row['share_of_epochs'][share]) for share in SHARES)}"
        )
    return rows


def ahead(short: Sequence[Curve], ours: Sequence[Curve]) -> list[float]:
    """By how much hypervolume our runs are ahead of each search of a way of short trainings, when that ends: means."""
    return [
        fmean(
            next((value for seconds, _, value in reversed(run) if seconds <= point[0]), 0.0) - point[2]
            for point, run in zip(points, ours, strict=True)
        )
        for points in zip(*short, strict=True)
    ]


def _reached(runs: Sequence[Curve], needed: float, axis: int, wholes: Sequence[Sequence[float]]) -> float | None:
    """The share of what the first way took in the same run at which the median run holds so much; None: never."""
    firsts = [
        next((point[axis] / whole[axis] for point in run if point[2] >= needed), float("inf"))
        for run, whole in zip(runs, wholes, strict=True)
    ]
    middle = sorted(firsts)[len(firsts) // 2]
    return None if middle == float("inf") else middle


def _as_fraction(share: float | None) -> str:
    return f"{'never':>8}" if share is None else f"{f'1/{1 / share:.1f}':>8}"


def figure(drawn: Mapping[str, Mapping[str, list[Curve]]]) -> go.Figure:
    """Hypervolume on fresh seeds against wall-clock: the runs of each way, one panel a data set."""
    chart = make_subplots(rows=1, cols=len(drawn), subplot_titles=list(drawn))
    names = list(dict.fromkeys(name for ways in drawn.values() for name in ways))
    palette = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#bbbbbb", "#000000"]
    for column, (_, ways) in enumerate(drawn.items(), 1):
        for name, runs in ways.items():
            colour = palette[names.index(name) % len(palette)]
            for number, run in enumerate(runs):
                chart.add_scatter(
                    x=[seconds for seconds, _, _ in run],
                    y=[value for _, _, value in run],
                    mode="markers" if name.startswith("fixed") else "lines",
                    line={"color": colour, "width": 1.5},
                    marker={"color": colour},
                    name=name,
                    legendgroup=name,
                    showlegend=column == 1 and number == 0,
                    row=1,
                    col=column,
                )
    chart.update_xaxes(type="log", title="seconds")
    chart.update_yaxes(title="hypervolume on fresh seeds, test part", col=1)
    chart.update_layout(template="simple_white", title="What a search holds for its front")
    return chart


if __name__ == "__main__":
    main()
