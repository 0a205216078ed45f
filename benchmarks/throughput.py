"""Trials per second: `reluctant` against the usual Optuna loop, alternating in one run.

    python -m benchmarks.throughput [--rounds 5] [--mnist FOLDER] [--device cuda] [--output FILE.json]

The same trials, drawn once from the space `core`, are trained three ways, each in a process of its own: `stock`,
`study.optimize` with all defaults; `tuned`, the same in one process a core with one thread each and a write-ahead
log; `ours`, the worker's own loop. Each pays for its own sampler and database. After one round to warm up, rounds
alternate; a ratio is that of two runs of one round.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from scipy import stats

from benchmarks.hardware import sgemm_rate, spread, taken
from benchmarks.ways import Recipe, Run, Ways, ours, stock, tuned
from study.config import StudyConfig
from study.machine import available_threads
from study.problem import Problem

MEBI = 2**20

Way = Callable[[Recipe, int], Run]


def main() -> None:
    """Runs the benchmark, prints a table and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--mnist", help="folder of MNIST's IDX files: 256,256 for one epoch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cohort", type=int, help="trials that `ours` trains together")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/throughput.json"))
    options = parser.parse_args()
    recipes = [
        Recipe(hidden=(width, width), seeds=seeds, device=options.device, cohort=options.cohort)
        for seeds in options.seeds
        for width in options.widths
    ]
    if options.mnist:
        recipes.append(
            Recipe(data=options.mnist, hidden=(256, 256), epochs=1, device=options.device, cohort=options.cohort)
        )
    print(
        f"{'data':<8}{'hidden':>10}{'seeds':>6} │{'stock':>7}{'tuned':>7}{'ours':>7} trials/s │"
        f"{'ours / stock':>20}{'ours / tuned':>20} │ {'training':>9} of sgemm │ MiB"
    )
    rows = []
    for recipe in recipes:
        rows.append(measure(recipe, options.rounds))
        print(_line(rows[-1]), flush=True)
        # After every row: whoever ends a long run early keeps what it measured.
        report = taken("python -m benchmarks.throughput", options.device) | {"rounds": options.rounds, "rows": rows}
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure(recipe: Recipe, rounds: int) -> dict[str, Any]:
    """All three ways with one recipe."""
    few = max(4, 24 // recipe.seeds)
    cohorts = 2 if max(recipe.hidden) >= 256 else 9 // recipe.seeds
    many = cohorts * recipe.problem(1).config.cohort
    counts = {stock: few, tuned: few, ours: many}
    results, sgemm = in_turns(recipe, counts, rounds)
    # Slots per second of training, counted in the floating point operations of its products.
    flops = products(recipe.problem(1)) * many * recipe.seeds
    threads = available_threads() if recipe.device == "cpu" else 1
    training = []
    for run in results[ours]:
        share = run.phases["train"] / (run.phases["train"] + run.phases["measure"])
        training.append(flops / (run.phases["fit"] * share))
    return {
        "data": Path(recipe.data).name,
        "hidden": list(recipe.hidden),
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "seeds": recipe.seeds,
        "cohort": recipe.cohort or StudyConfig.model_fields["cohort"].default,
        "device": recipe.device,
        **compared(results, counts),
        "ms_a_trial": _phases(results[ours], many, threads),
        "training_gflops": median(training) / 1e9,
        "sgemm_gflops": median(sgemm) / 1e9,
        "training_to_sgemm": spread([a / b for a, b in zip(training, sgemm, strict=True)]),
        "peak_mib": {way.__name__: max(run.memory for run in runs) / MEBI for way, runs in results.items()},
    }


def in_turns(recipe: Recipe, counts: Mapping[Way, int], rounds: int) -> tuple[dict[Way, list[Run]], list[float]]:
    """Runs of each way, which take turns after one round to warm up, and the FLOP/s of a large product in each round.

    Args:
        recipe: What is trained.
        counts: Trials of each way in a round.
        rounds: Rounds that are measured.
    """
    ways = Ways()
    results: dict[Way, list[Run]] = {way: [] for way in counts}
    sgemm = []
    try:
        for way, count in counts.items():
            ways.run(way, recipe, count if way is ours else 4)
        for _ in range(rounds):
            for way, count in counts.items():
                results[way].append(ways.run(way, recipe, count))
            sgemm.append(sgemm_rate(available_threads(), recipe.device))
    finally:
        ways.close()
    return results, sgemm


def compared(results: Mapping[Way, Sequence[Run]], counts: Mapping[Way, int]) -> dict[str, Any]:
    """Trials a second of each way, ours as multiples of the others', and whether the trials agree."""
    rates = {way: [counts[way] / run.seconds for run in runs] for way, runs in results.items()}
    return {
        "trials_a_round": {way.__name__: count for way, count in counts.items()},
        "trials_per_second": {way.__name__: spread(values) for way, values in rates.items()},
        "ours_to_stock": spread([a / b for a, b in zip(rates[ours], rates[stock], strict=True)]),
        "ours_to_tuned": spread([a / b for a, b in zip(rates[ours], rates[tuned], strict=True)]),
        "means": {
            way.__name__: {
                "accuracy": fmean(accuracy for _, accuracy, _ in runs[-1].trials),
                "sparsity": fmean(sparsity for _, _, sparsity in runs[-1].trials),
            }
            for way, runs in results.items()
        },
        "agreement": agreement(results[stock][-1], results[ours][-1]),
    }


def products(problem: Problem) -> int:
    """Floating point operations of one slot's training, in its matrix products, without padding."""
    split, budget, config = problem.split, problem.budget, problem.config
    widths = [split.training.x.shape[1], *config.hidden, len(split.classes)]
    layers = [a * b for a, b in pairwise(widths)]
    # Forward, the weights' gradient, and the input's gradient of all layers but the first.
    return 2 * len(split.training) * budget.epochs * (3 * sum(layers) - layers[0])


def _phases(runs: list[Run], trials: int, threads: int) -> dict[str, float]:
    """Milliseconds a trial of each phase, medians; what training waits for is all that is not inside of `fit`."""
    phases = {name: median(1e3 * run.phases[name] / trials for run in runs) for name in sorted(runs[0].phases)}
    phases["train"] /= threads
    phases["measure"] /= threads
    total = median(1e3 * run.seconds / trials for run in runs)
    return {**phases, "total": total, "outside of fit": total - phases["fit"]}


def agreement(theirs: Run, ours: Run) -> list[dict[str, Any]]:
    """Ours minus stock's, trial by trial, by activation: mean difference and its 95 % interval's half-width."""
    rows = []
    pairs = list(zip(theirs.trials, ours.trials, strict=False))
    for activation in sorted({a[0] for a, _ in pairs}):
        members = [(a, b) for a, b in pairs if a[0] == activation]
        if len(members) < 3:
            continue
        row: dict[str, Any] = {"activation": activation, "trials": len(members)}
        for place, name in ((1, "accuracy"), (2, "sparsity")):
            differences = [b[place] - a[place] for a, b in members]
            row[name] = fmean(b[place] for _, b in members)
            row[f"{name}_difference"] = fmean(differences)
            quantile = float(stats.t.ppf(0.975, len(differences) - 1))
            row[f"{name}_half_width"] = quantile * stdev(differences) / len(differences) ** 0.5
        rows.append(row)
    return rows


def _line(row: dict[str, Any]) -> str:
    rates = "".join(f"{row['trials_per_second'][way][1]:>7.1f}" for way in ("stock", "tuned", "ours"))
    ratios = ""
    for name in ("ours_to_stock", "ours_to_tuned"):
        low, middle, high = row[name]
        ratios += f"{f'{middle:.1f} ({low:.1f}-{high:.1f})':>20}"
    hidden = ",".join(map(str, row["hidden"]))
    share = f"{row['training_gflops']:.0f} = {100 * row['training_to_sgemm'][1]:.0f} %"
    return (
        f"{row['data'][:7]:<8}{hidden:>10}{row['seeds']:>6} │{rates}          │{ratios} │ {share:>18} │ "
        f"{row['peak_mib']['ours']:.0f}"
    )


if __name__ == "__main__":
    main()
