"""Trials per second: `reluctant` against the usual Optuna loop, alternating in one run.

python -m benchmarks.throughput [--rounds 5] [--output benchmarks/throughput.json]
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median

import torch

from benchmarks.stock import run_stock
from storage import open_storage
from study.config import read_config
from study.machine import available_threads, processor
from study.opening import create_or_open, installed_versions
from study.problem import Problem
from study.worker import work

EPOCHS, BATCH_SIZE = 30, 64
STOCK_TRIALS, OUR_TRIALS = 24, 96


def main() -> None:
    """Runs the benchmark, prints a table and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/throughput.json"))
    options = parser.parse_args()
    rows = [measure(width, options.rounds) for width in options.widths]
    print(f"{'width':>6} {'stock trials/s':>15} {'ours trials/s':>14} {'ratio':>18}")
    for row in rows:
        low, middle, high = row["ratio"]
        print(f"{row['width']:>6} {row['stock']:>15.2f} {row['ours']:>14.2f} {middle:>6.1f} ({low:.1f}-{high:.1f})")
    report = {
        "command": "python -m benchmarks.throughput",
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "threads": available_threads(),
        "python": platform.python_version(),
        "versions": installed_versions(),
        "recipe": f"digits, two hidden layers, {EPOCHS} epochs, batch {BATCH_SIZE}, Adam 0.001, one seed a trial; "
        f"{STOCK_TRIALS} stock and {OUR_TRIALS} of our trials a round, alternating; medians of {options.rounds} rounds",
        "rows": rows,
    }
    options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure(width: int, rounds: int) -> dict[str, object]:
    """Trials per second of both ways at one width, and the ratio's minimum, median and maximum over rounds."""
    config = read_config(
        {"hidden": f"{width},{width}", "epochs": EPOCHS, "batch_size": BATCH_SIZE, "seeds": 1, "trials": OUR_TRIALS}
    )
    problem = Problem.of(config)
    stock_rates, our_rates, accuracies = [], [], []
    for round_number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder) / "stock.db"

            def stock(database: Path = database, seed: int = round_number) -> float:
                study = run_stock(
                    problem.split,
                    database=database,
                    trials=STOCK_TRIALS,
                    epochs=EPOCHS,
                    batch_size=BATCH_SIZE,
                    width=width,
                    seed=seed,
                )
                return mean(trial.values[0] for trial in study.trials)

            def ours(database: Path = Path(folder) / "ours.db") -> float:
                storage = open_storage(database)
                study = create_or_open(problem, storage)
                work(study)
                trials = storage.read_trials(study.study_id)
                storage.close()
                return mean(trial.values[0] for trial in trials)

            seconds, stock_accuracy = _timed(stock)
            stock_rates.append(STOCK_TRIALS / seconds)
            seconds, our_accuracy = _timed(ours)
            our_rates.append(OUR_TRIALS / seconds)
            accuracies.append((stock_accuracy, our_accuracy))
    ratios = sorted(our / stock for our, stock in zip(our_rates, stock_rates, strict=True))
    return {
        "width": width,
        "stock": median(stock_rates),
        "ours": median(our_rates),
        "ratio": [ratios[0], median(ratios), ratios[-1]],
        "mean_accuracy_stock": mean(pair[0] for pair in accuracies),
        "mean_accuracy_ours": mean(pair[1] for pair in accuracies),
    }


def _timed(action: Callable[[], float]) -> tuple[float, float]:
    torch.set_num_threads(available_threads())
    started = time.perf_counter()
    result = action()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
