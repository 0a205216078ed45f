"""Whether keeping the best epoch finds better networks: test accuracy of the recommended trial, with and without it.

    python -m benchmarks.patience FOLDER [--data car cmc …] [--rows 3000] [--patience none 3 5 10] [--runs 3]

FOLDER holds CSV files whose last column is the target. For each data set and each seed of a study (which divides the
rows anew) `reluctant run FILE --rows N --patience P`, else with its defaults, is run once for every P on the same
streams, and the recommended trial's mean test accuracy is compared with that of the run without patience. Data sets
are the unit: a difference is the mean over the runs of a set, and the interval a t interval over sets. `docs/
stopping-early.md` has the table.
"""

from __future__ import annotations

import argparse
import json
import math
import warnings
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
from study.records.own_trials import OwnTrial
from study.training.patience import BEST_EPOCH

DATA = (
    *("adult", "car", "cmc", "credit_g", "kr_vs_kp"),
    *("letter", "optdigits", "page_blocks", "vehicle", "waveform5000"),
)
"""The ten sets that decide, chosen by their size before anything was run: those of UCI with 800 rows and more."""


def main() -> None:
    """Runs the benchmark, prints tables, writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", nargs="+", default=DATA)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--trials", type=int, default=StudyConfig().trials)
    parser.add_argument("--epochs", type=int, default=StudyConfig().epochs)
    parser.add_argument("--patience", nargs="+", default=["none", "3", "5", "10"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/patience.json"))
    options = parser.parse_args()
    shared = {"trials": options.trials, "epochs": options.epochs, "threads": 1}
    todo = [
        (options.folder / f"{name}.csv", seed, options.rows, options.patience, shared)
        for name in options.data
        for seed in range(options.runs)
    ]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(available_threads(), mp_context=get_context("spawn")) as pool:
        for found in pool.map(runs_of, *zip(*todo, strict=True)):
            rows += found
            print(*(f"{row['data']} {row['seed']} {row['patience']}: {row['test']:.4f}" for row in found), sep="; ")
            report = taken("python -m benchmarks.patience") | {"summary": summary(rows), "rows": rows}
            options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for name, values in summary(rows).items():
        print(name, values)


def runs_of(
    path: Path, seed: int, most_rows: int, patiences: list[str], shared: dict[str, Any]
) -> list[dict[str, Any]]:
    """One search for each patience, on one division of one data set's rows."""
    with path.open(encoding="utf-8") as file:
        count = sum(1 for _ in file) - 1
    rows = most_rows if count > most_rows else None
    found = []
    for patience in patiences:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReluctantWarning)
            config = read_config(
                shared | {"data": str(path), "target": "-1", "rows": rows, "seed": seed, "patience": patience}
            )
            result, problem = searched(config)
        chosen = result.recommended
        found.append(
            {
                "data": path.stem,
                "rows": len(problem.dataset),
                "seed": seed,
                "patience": patience,
                "test": chosen.test_score,
                "validation": chosen.score,
                "sparsity": chosen.sparsity,
                "hyperparameters": dict(chosen.params),
                "epochs": fmean(epochs_of(trial, config) for trial in result.trials),
                "seconds": result.seconds,
            }
        )
    return found


def epochs_of(trial: OwnTrial, config: StudyConfig) -> float:
    """For how many epochs a trial's replicates were trained, their mean."""
    if config.patience is None:
        return config.epochs
    return fmean(
        min(config.epochs, epoch + config.patience) for epoch in trial.by_seed[BEST_EPOCH] if epoch is not None
    )


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By patience: the mean difference over data sets in points, its 95 % interval, and what it costs."""
    plain = {(row["data"], row["seed"]): row for row in rows if row["patience"] == "none"}
    results: dict[str, dict[str, Any]] = {}
    for patience in dict.fromkeys(row["patience"] for row in rows):
        own = [row for row in rows if row["patience"] == patience]
        by_set = {
            name: 100 * fmean(row["test"] - plain[name, row["seed"]]["test"] for row in own if row["data"] == name)
            for name in dict.fromkeys(row["data"] for row in own)
        }
        results[patience] = {
            "data_sets": len(by_set),
            "test": fmean(row["test"] for row in own),
            "sparsity": fmean(row["sparsity"] for row in own),
            "epochs": fmean(row["epochs"] for row in own),
            "share_of_time": fmean(row["seconds"] / plain[row["data"], row["seed"]]["seconds"] for row in own),
        }
        if patience != "none" and len(by_set) > 1:
            half = float(t.ppf(0.975, len(by_set) - 1)) * stdev(by_set.values()) / math.sqrt(len(by_set))
            mean = fmean(by_set.values())
            results[patience] |= {"points": mean, "interval": [mean - half, mean + half], "by_set": by_set}
    return results


if __name__ == "__main__":
    main()
