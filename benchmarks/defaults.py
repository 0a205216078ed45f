"""Whether other defaults find better networks, or the same ones sooner: test accuracy of the recommended trial.

    python -m benchmarks.defaults FOLDER [--options patience=3 patience=5 patience=10] [--data car cmc …] [--runs 3]
    python -m benchmarks.defaults FOLDER --options pruner=halving pruner=halving,trials=400 --output FILE.json
    python -m benchmarks.defaults FOLDER --task regression --data stock … --options pruner=halving --output FILE.json

FOLDER holds CSV files whose last column is the target. For each data set and each seed of a study (which divides the
rows anew) `reluctant run FILE --rows N --pruner none` is run with its other defaults and once with each of the options,
on the same streams, and the recommended trial's mean test score (accuracy, or r2) is compared with that of the
defaults. Data sets are the unit: a difference is the mean over the runs of a set in hundredths, and the interval a t
interval over sets. `docs/stopping-early.md` has the tables.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from scipy.stats import t

from benchmarks.hardware import taken
from benchmarks.searched import searched
from reluctant.errors import ReluctantWarning
from study.config import StudyConfig, read_config
from study.machine import available_threads
from study.problem.rung_options import trained_share
from study.records.own_trials import OwnTrial
from study.training.patience import BEST_EPOCH

DATA = (
    *("adult", "car", "cmc", "credit_g", "kr_vs_kp"),
    *("letter", "optdigits", "page_blocks", "vehicle", "waveform5000"),
)
"""The ten sets that decide, chosen by their size before anything was run: those of UCI with 800 rows and more."""
COMPARED_WITH = "pruner=none"
"""The options that the others are compared with."""


def main() -> None:
    """Runs the benchmark, prints tables, writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", nargs="+", default=DATA)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--options", nargs="+", default=["patience=3", "patience=5", "patience=10"])
    parser.add_argument("--task", help="classification, or regression; default: what the target's values are")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/defaults-patience.json"))
    options = parser.parse_args()
    todo = [
        (options.folder / f"{name}.csv", seed, options.rows, options.task, [COMPARED_WITH, *options.options])
        for name in options.data
        for seed in range(options.runs)
    ]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(available_threads(), mp_context=get_context("spawn")) as pool:
        for found in pool.map(runs_of, *zip(*todo, strict=True)):
            rows += found
            print(*(f"{row['data']} {row['seed']} {row['options']}: {row['test']:.4f}" for row in found), sep="; ")
            report = taken("python -m benchmarks.defaults") | {"summary": summary(rows), "rows": rows}
            options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for name, values in summary(rows).items():
        print(name, values)


def runs_of(path: Path, seed: int, most_rows: int, task: str | None, asked: list[str]) -> list[dict[str, Any]]:
    """One search with each of some options, on one division of one data set's rows."""
    with path.open(encoding="utf-8") as file:
        count = sum(1 for _ in file) - 1
    rows = most_rows if count > most_rows else None
    found = []
    for text in asked:
        given = {"pruner": "none", **dict(part.split("=", 1) for part in text.split(","))}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReluctantWarning)
            config = {"data": str(path), "target": "-1", "rows": rows, "task": task, "seed": seed, "threads": 1}
            result, problem = searched(read_config(config | given))
        chosen = result.recommended
        found.append(
            {
                "data": path.stem,
                "rows": len(problem.dataset),
                "seed": seed,
                "options": text,
                "test": chosen.test_score,
                "validation": chosen.score,
                "sparsity": chosen.sparsity,
                "hyperparameters": dict(chosen.params),
                "epochs": epochs_of(result.trials, problem.config),
                "seconds": result.seconds,
            }
        )
    return found


def epochs_of(trials: Sequence[OwnTrial], config: StudyConfig) -> float:
    """Epochs of a replicate, the mean over a study; under patience, over its trials that were trained to the end.

    Where trials are stopped at rungs, it is the mean of a whole bracket.
    """
    if config.patience is None:
        return config.epochs * trained_share(config)
    return fmean(
        min(config.epochs, epoch + config.patience)
        for trial in trials
        for epoch in trial.by_seed[BEST_EPOCH]
        if epoch is not None
    )


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By options: the mean difference over data sets in points, its 95 % interval, and what it costs."""
    plain = {(row["data"], row["seed"]): row for row in rows if row["options"] == COMPARED_WITH}
    results: dict[str, dict[str, Any]] = {}
    for options in dict.fromkeys(row["options"] for row in rows):
        own = [row for row in rows if row["options"] == options]
        by_set = {
            name: 100 * fmean(row["test"] - plain[name, row["seed"]]["test"] for row in own if row["data"] == name)
            for name in dict.fromkeys(row["data"] for row in own)
        }
        results[options] = {
            "data_sets": len(by_set),
            "test": fmean(row["test"] for row in own),
            "sparsity": fmean(row["sparsity"] for row in own),
            "epochs": fmean(row["epochs"] for row in own),
            "share_of_time": fmean(row["seconds"] / plain[row["data"], row["seed"]]["seconds"] for row in own),
        }
        if options != COMPARED_WITH and len(by_set) > 1:
            half = float(t.ppf(0.975, len(by_set) - 1)) * stdev(by_set.values()) / math.sqrt(len(by_set))
            mean = fmean(by_set.values())
            results[options] |= {"points": mean, "interval": [mean - half, mean + half], "by_set": by_set}
    return results


if __name__ == "__main__":
    main()
