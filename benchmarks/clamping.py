"""What scoring the clamped network costs a study: processor time of cohorts with it and without it, alternating.

    python -m benchmarks.clamping [--rounds 9] [--output FILE.json]

One cohort of 32 trials of the space `core`, three seeds each, is trained in this process by one thread. Processor time
is measured, not time on a clock, so that other programs on the machine matter little; a ratio is that of two runs of
one round, and the median over rounds is given with its quartiles.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.hardware import taken
from study.config import read_config
from study.problem import Search
from study.training import Trainer

RECIPES: tuple[dict[str, Any], ...] = (
    {"data": "digits"},
    {"data": "digits", "epochs": 10},
    {"data": "digits", "hidden": "256,256", "epochs": 10},
    {"data": "wine", "hidden": "32"},
)


def main() -> None:
    """Runs the benchmark, prints a line a recipe, and writes JSON where that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = []
    for recipe in RECIPES:
        rows.append(measure(recipe, options.rounds))
        print(json.dumps(rows[-1]), flush=True)
    if options.output is not None:
        report = taken("python -m benchmarks.clamping", "cpu") | {"rounds": options.rounds, "rows": rows}
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def measure(recipe: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Processor seconds of a cohort as it was trained, and how much longer it takes with the clamped network scored."""
    problem = Search.of(read_config(recipe))
    trials = problem.sample(problem.config.cohort)
    trainers = [Trainer(problem.split, problem.budget, problem.streams, clamp=clamp) for clamp in (False, True)]
    seconds: list[list[float]] = [[], []]
    for number in range(-1, rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            started = time.process_time()
            trainers[which].fit(trials)
            if number >= 0:
                seconds[which].append(time.process_time() - started)
    low, middle, high = quantiles([after / before for before, after in zip(*seconds, strict=True)], n=4)
    return {
        "recipe": recipe,
        "seconds": round(min(seconds[0]), 3),
        "ratio": round(middle, 4),
        "quartiles": [round(low, 4), round(high, 4)],
    }


if __name__ == "__main__":
    main()
