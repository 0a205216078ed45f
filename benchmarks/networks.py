"""Trials per second of convolutional networks: `reluctant` against the usual Optuna loop, alternating in one run.

    python -m benchmarks.networks FOLDER [--rounds 5] [--rows 10000] [--epochs 2] [--device cuda] [--output FILE.json]

FOLDER holds MNIST's IDX files. The networks have blocks of 16 and 32 channels and a hidden layer of 64 units. The ways
are those of `benchmarks.throughput`: `stock`, `study.optimize` with all defaults; `tuned`, the same in one process a
core with one thread each and a write-ahead log; `ours`, the worker's own loop. All keep images as torch has them by
default but ours, which keeps their channels side by side. Ours also has the validation score after each epoch, and the
measures of the gradients.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.hardware import taken
from benchmarks.throughput import compared, in_turns
from benchmarks.ways import Recipe, Run, ours, stock, tuned


def main() -> None:
    """Runs the benchmark, prints a line and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--trials", type=int, default=4, help="of each way in a round")
    parser.add_argument("--device", default="cpu", help="on which all ways train")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/networks.json"))
    options = parser.parse_args()
    recipe = Recipe(
        data=options.folder,
        rows=options.rows,
        epochs=options.epochs,
        channels=(16, 32),
        hidden=(64,),
        device=options.device,
        cohort=options.trials,
    )
    row = measured(recipe, options.rounds, options.trials)
    print(
        json.dumps({name: row[name] for name in ("trials_per_second", "ours_to_stock", "ours_to_tuned", "measuring")})
    )
    report = taken("python -m benchmarks.networks FOLDER", options.device) | {"rounds": options.rounds, **row}
    options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measured(recipe: Recipe, rounds: int, trials: int) -> dict[str, Any]:
    """All three ways with one recipe; a ratio is that of two runs of one round."""
    counts = dict.fromkeys((stock, tuned, ours), trials)
    results, _ = in_turns(recipe, counts, rounds)
    return {
        "data": Path(recipe.data).name,
        "rows": recipe.rows,
        "channels": list(recipe.channels),
        "hidden": list(recipe.hidden),
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        **compared(results, counts),
        "measuring": median(_share_of_measuring(run) for run in results[ours]),
    }


def _share_of_measuring(run: Run) -> float:
    """The share of training that the measures at its end take; validation after each epoch counts as training."""
    train, measure = run.phases["train"], run.phases["measure"]
    return measure / (train + measure)


if __name__ == "__main__":
    main()
