"""Known answers from papers: theirs beside ours, pass or fail, and how the protocols differ.

    python -m benchmarks.reproduce FOLDER [--only lu2019 he2015 …] [--scale 0.02] [--output benchmarks/reproduce.json]

FOLDER holds `mnist/`, the four IDX files, and `uci/`, with `adult.csv` and `adult-test.csv`. Each experiment is a
module of `benchmarks/papers`, says how much it trains, and sets its tolerances before it runs. The file is written
after each experiment, and what it has of other experiments is kept, so that they can be run one by one. A scale below 1
runs a part of each experiment, to see that it works; its answers mean nothing.

On two cores that others kept busy, lu2019 took 8 seconds, he2015 5, dohare2024 336, gorishniy2025 325 and li2022 277.
glorot2011 took half an hour, and glorot2010 needs more than the others together.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from benchmarks.hardware import taken
from benchmarks.papers import EXPERIMENTS, Answer, Material

COMMAND = "python -m benchmarks.reproduce"


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs experiments one after the other, prints their answers, writes the file after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=[*EXPERIMENTS], metavar="EXPERIMENT")
    parser.add_argument("--scale", type=_scale, default=1.0)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/reproduce.json"))
    options = parser.parse_args(arguments)
    material = Material(folder=options.folder, scale=options.scale)
    print("| paper | quantity | theirs | ours (least … most of the seeds) | |\n|---|---|---|---|---|", flush=True)
    for name in options.only:
        started = time.monotonic()
        answers = EXPERIMENTS[name](material)
        seconds = round(time.monotonic() - started, 1)
        print(*table(answers), sep="\n", flush=True)
        entry = {
            "taken": taken(COMMAND) | {"command": f"{COMMAND} FOLDER --only {name} --scale {options.scale:g}"},
            "scale": options.scale,
            "seconds": seconds,
            "answers": [_finite(asdict(answer)) for answer in answers],
        }
        keep(options.output, name, entry)


def keep(path: Path, name: str, entry: dict[str, Any]) -> None:
    """Puts an experiment into the file, in place of its earlier run, and leaves the others as they are."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept[name] = entry
    ordered = {each: kept[each] for each in EXPERIMENTS if each in kept}
    new = path.with_suffix(".part")
    new.write_text(json.dumps(ordered, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(new, path)


def table(answers: Iterable[Answer]) -> list[str]:
    """Lines of a Markdown table, one an answer."""
    return [
        f"| {answer.paper} | {answer.quantity} | {_short(answer.theirs)} | {_short(answer.ours)} "
        f"({_short(min(answer.values))} … {_short(max(answer.values))}) | {'pass' if answer.passes else 'FAIL'} |"
        for answer in answers
    ]


def _finite(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without numbers that JSON does not have: those of seeds that diverged are null."""
    values = [value if isfinite(value) else None for value in answer["values"]]
    return answer | {"values": values, "ours": None if None in values else answer["ours"]}


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no share; it needs a number above 0 and at most 1")
    return value


if __name__ == "__main__":
    main()
