"""What the contrasts find where there is nothing to find: re-seeded ReLU networks under the names of all arms.

    python -m benchmarks.placebos FOLDER

Each arm of a comparison's design (an activation with its slope, initialization and dropout rate) is replaced by the
usual ReLU network under random streams of its own, at the same learning rates. Every contrast that compares arms is
then 0 in expectation on every data set, and its mean over data sets shows what its own estimator adds. The networks of
a split are dealt to the arms many times, and after each deal they go once around, so that each network has been each
arm: what remains is due to choice. Beside it stands what the same contrasts find where
they choose, tune and read on one stream, as comparisons of version 0.1 do.

Contrasts that compare no arms are left out: the shares of claims 1 and 4, the clock, and gradients before training;
and claim 15, which compares learning rates, as which no network is re-seeded. None of them chooses; the file names
them, and those that have a value on fewer than two data sets. FOLDER holds CSV files whose target is the last column.
The file is written after each data set, and those that it has by the same options, of the same contrasts, are not
trained again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hardware import taken
from benchmarks.tables import data_sets
from benchmarks.trained import columns_of
from search_spaces import Hyperparameters
from search_spaces.claim_cells import read_claims
from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures, StreamMeasures, training_loss_key
from study.comparison.claims import ClaimContrast, claims_of
from study.comparison.evidence import rounded
from study.data import DataError, Dataset, Split, prepare, sample_rows
from study.intervals import Array
from study.records.measure_keys import key_on_test
from study.training import Budget, Streams, Trainer

_COMPARE_ARMS = ("score", "share")
_NO_NULL = (1, 4, 15)
SHARES = ("near_zero", "raw_zeros", "dead", "saturation", "removable")
_READ = ("accuracy", "log_loss", *map(key_on_test, ("accuracy", *SHARES)))
_LOSSES = training_loss_key(0).removesuffix("0")
_GATE = 0.05


@dataclass(frozen=True)
class Placebo:
    """What one contrast found over all data sets, in its own unit.

    Attributes:
        claim: The claim's number.
        name: What is estimated.
        mean: Unweighted mean over data sets.
        standard_error: Of that mean.
        largest: The largest mean of one data set in absolute value.
        one_stream: The mean where one stream chooses, tunes and is read.
    """

    claim: int
    name: str
    mean: float
    standard_error: float
    largest: float
    one_stream: float


def contrasts(design: Design) -> list[tuple[int, ClaimContrast]]:
    """The contrasts of a design whose expectation is 0 where all arms are alike, with their claims' numbers."""
    return [
        (claim.id, contrast)
        for claim in claims_of(design)
        for contrast in claim.contrasts
        if contrast.kind in _COMPARE_ARMS and claim.id not in _NO_NULL
    ]


def left_out(design: Design) -> list[tuple[int, str]]:
    """The contrasts of a design that are no placebos' business, with their claims' numbers."""
    there = contrasts(design)
    return [
        (claim.id, contrast.name)
        for claim in claims_of(design)
        for contrast in claim.contrasts
        if (claim.id, contrast) not in there
    ]


def places_of(design: Design) -> int:
    """The networks of each stream, one an arm; an odd number, so that streams at different speeds meet in all pairs."""
    return len(arms_of(design)) | 1


def arms_of(design: Design) -> list[tuple[Hyperparameters, ...]]:
    """The arms of a design that are tuned, each with its cells over the learning rates."""
    arms: dict[Hyperparameters, list[Hyperparameters]] = {}
    for cell in design.cells:
        if cell.learning_rate in design.learning_rates:
            arms.setdefault(replace(cell, learning_rate=design.learning_rate), []).append(cell)
    return [tuple(cells) for cells in arms.values() if len(cells) == len(design.learning_rates)]


def pool(design: Design, split: Split, *, networks: int, epochs: int, seed: int) -> dict[float, dict[str, Array]]:
    """`[networks]` measures of usual ReLU networks under streams of their own, by learning rate and key."""
    cells = design.arm("relu")
    budget = Budget(epochs=epochs, seeds=networks, batch_size=64, optimizer="adam")
    with Trainer(split, budget, Streams(seed), read_test=True) as trainer:
        outcomes = trainer.fit(cells)
    return {cell.learning_rate: columns_of(outcome) for cell, outcome in zip(cells, outcomes, strict=True)}


def dealt(
    design: Design, networks: dict[float, dict[str, Array]], *, deals: int, generator: np.random.Generator
) -> CellMeasures:
    """`[deals × arms, 1]` measures of a design whose arms are the networks of a pool, dealt and passed around."""
    arms = arms_of(design)
    count = len(next(iter(networks.values()))["accuracy"])
    size = places_of(design)
    shuffled = np.stack([generator.permutation(count) for _ in range(deals)]).reshape(deals, design.streams, size)
    # Streams go around at different speeds, so that every network of one meets every network of the others as one arm.
    speeds = [(stream + 1) * np.arange(size) for stream in range(design.streams)]
    turned = [
        np.concatenate([np.roll(shuffled[:, stream], shift, axis=1) for shift in speeds[stream]])
        for stream in range(design.streams)
    ]
    places = np.stack(turned, axis=1)
    epochs = sum(name.startswith(_LOSSES) for name in networks[design.learning_rate])
    read = [*_READ, *map(training_loss_key, range(epochs))]
    streams = []
    for stream in range(design.streams):
        cells = {}
        for number, arm in enumerate(arms):
            chosen = places[:, stream, number]
            for cell in arm:
                columns = networks[cell.learning_rate]
                cells[cell] = {name: columns[name][chosen][:, None] for name in read if name in columns}
        streams.append(StreamMeasures(cells))
    return CellMeasures(tuple(streams), epochs=epochs)


def placebos_of(
    dataset: Dataset, design: Design, *, splits: int, epochs: int, deals: int, seed: int
) -> tuple[Array, Array]:
    """`[contrasts]` mean of each contrast on one data set, by three streams and by one."""
    columns: tuple[list[Array], list[Array]] = ([], [])
    for number in range(splits):
        split = prepare(dataset, seed=seed, replicate=number).split
        networks = design.streams * places_of(design)
        found = pool(design, split, networks=networks, epochs=epochs, seed=seed + 1 + number)
        measured = dealt(design, found, deals=deals, generator=np.random.default_rng(seed + number))
        for column, taken_on in zip(columns, (measured, replace(measured, streams=measured.streams[:1])), strict=True):
            column.append(np.array([_mean(part.compute(design, taken_on)) for _, part in contrasts(design)]))
    return np.mean(columns[0], 0), np.mean(columns[1], 0)


def _mean(values: Array) -> float:
    """The mean of the values that there are: no placebo has a share of zeros that a claim on penalties asks for."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if there.size else math.nan


def summarize(design: Design, means: Array, one_stream: Array) -> list[Placebo]:
    """`[data sets, contrasts]` means to what each contrast found over the data sets where it has a value."""
    found = []
    for (claim, part), own, once in zip(contrasts(design), means.T, one_stream.T, strict=True):
        there = own[~np.isnan(own)]
        if len(there) > 1:
            error, largest = float(there.std(ddof=1)) / math.sqrt(len(there)), float(np.abs(there).max())
            found.append(Placebo(claim, part.name, float(there.mean()), error, largest, _mean(once)))
    return found


def _samples(options: argparse.Namespace, done: Collection[str]) -> Iterator[Dataset]:
    """A part of each data set that is still to be done."""
    only = set(filter(None, options.only.split(",")))
    for dataset in data_sets(options.folder):
        if dataset.name in done or (only and dataset.name not in only):
            continue
        try:
            sample = sample_rows(dataset, options.rows, seed=options.seed)
            prepare(sample, seed=options.seed, replicate=0)
        except DataError as error:
            print(f"{dataset.name} is left out: {error}", flush=True)
            continue
        yield sample


def _earlier(path: Path, asked: dict[str, Any], design: Design) -> dict[str, tuple[Array, Array]]:
    """What the file has by the same options, of the same contrasts; empty where it has something else."""
    document = json.loads(path.read_text()) if path.is_file() else {}
    same = {"options": json.loads(json.dumps(asked)), "design": _design_hash(design)}
    if {name: document.get(name) for name in same} != same:
        return {}
    read = {name: np.array(columns, dtype=float) for name, columns in document["data_sets"].items()}
    return {name: (columns[0], columns[1]) for name, columns in read.items()}


def _write(design: Design, found: dict[str, tuple[Array, Array]], asked: dict[str, Any], path: Path) -> list[Placebo]:
    """Writes the file, and returns what each contrast found."""
    means = [np.array(column) for column in zip(*found.values(), strict=True)]
    results = summarize(design, *means) if len(found) > 1 else []
    document = {
        "taken": taken("python -m benchmarks.placebos") | {"command": "python -m benchmarks.placebos FOLDER"},
        "options": asked,
        "design": _design_hash(design),
        "gate": _GATE,
        "held": [result.name for result in results if abs(result.mean) < _GATE],
        "missed": [result.name for result in results if abs(result.mean) >= _GATE],
        "left_out": left_out(design),
        "contrasts": [asdict(result) for result in results],
        "data_sets": {
            name: [[rounded(value) for value in column] for column in columns] for name, columns in found.items()
        },
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return results


def _design_hash(design: Design) -> str:
    """A hash of the levels and of the contrasts, which what was gathered is of."""
    content = [design.levels, [(claim, part.name, part.compute.__name__) for claim, part in contrasts(design)]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def main() -> None:
    """Prints a line for each data set and a table, and writes both to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--splits", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--deals", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--claims", type=read_claims, default="all")
    parser.add_argument("--only", default="", help="names of data sets, separated by commas")
    parser.add_argument("--output", default="benchmarks/placebos.json")
    options = parser.parse_args()
    design = Design(width=options.width, claims=options.claims)
    asked = {name: value for name, value in vars(options).items() if name not in ("folder", "output", "only")}
    found = _earlier(Path(options.output), asked, design)
    for dataset in _samples(options, found):
        found[dataset.name] = placebos_of(
            dataset,
            design,
            splits=options.splits,
            epochs=options.epochs,
            deals=options.deals,
            seed=options.seed,
        )
        print(
            f"{dataset.name}, {len(dataset)} rows:", *(f"{value:+.2f}" for value in found[dataset.name][0]), flush=True
        )
        _write(design, found, asked, Path(options.output))
    results = _write(design, found, asked, Path(options.output))
    for result in results:
        print(
            f"{result.claim:>2} {result.name:<95} {result.mean:+.3f} ± {result.standard_error:.3f}   "
            f"one stream: {result.one_stream:+.3f}"
        )


if __name__ == "__main__":
    main()
