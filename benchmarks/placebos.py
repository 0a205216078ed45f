"""What the contrasts find where there is nothing to find: re-seeded ReLU networks under the names of all arms.

    python -m benchmarks.placebos FOLDER

Each arm of a comparison's design (an activation with its slope, initialization and dropout rate) is replaced by the
usual ReLU network under random streams of its own, at the same learning rates. Every contrast that compares arms is
then 0 in expectation on every data set, and its mean over data sets shows what its own estimator adds. The networks of
a split are dealt to the arms many times, and after each deal they go once around, so that each network has been each
arm: what remains is due to choice. Beside it stands what the same contrasts find where
they choose, tune and read on one stream, as comparisons of version 0.1 do.

Contrasts that compare no arms are left out: the shares of claims 1 and 4, and the clock. FOLDER holds CSV files whose
target is the last column.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.hardware import taken
from benchmarks.tables import data_sets
from benchmarks.trained import columns_of
from search_spaces import Hyperparameters
from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures, StreamMeasures
from study.comparison.claims import CLAIMS, ClaimContrast
from study.data import DataError, Dataset, Split, prepare, sample_rows
from study.intervals import Array
from study.records.measure_keys import key_on_test
from study.training import Budget, Streams, Trainer

_COMPARE_ARMS = ("score", "share")
_NO_NULL = (1, 4)
_READ = ("accuracy", "log_loss", *map(key_on_test, ("accuracy", "near_zero", "saturation", "removable")))
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


def contrasts() -> list[tuple[int, ClaimContrast]]:
    """The contrasts whose expectation is 0 where all arms are alike, with their claims' numbers."""
    return [
        (claim.id, contrast)
        for claim in CLAIMS
        for contrast in claim.contrasts
        if contrast.kind in _COMPARE_ARMS and claim.id not in _NO_NULL
    ]


def places_of(design: Design) -> int:
    """The networks of each stream, one an arm; an odd number, so that streams at different speeds meet in all pairs."""
    return len(arms_of(design)) | 1


def arms_of(design: Design) -> list[tuple[Hyperparameters, ...]]:
    """The arms of a design, each with its cells over the learning rates."""
    arms: dict[Hyperparameters, list[Hyperparameters]] = {}
    for cell in design.cells:
        if len(cell.hidden) == design.depths[0]:
            arms.setdefault(replace(cell, learning_rate=design.learning_rate), []).append(cell)
    return [tuple(cells) for cells in arms.values()]


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
    streams = []
    for stream in range(design.streams):
        cells = {}
        for number, arm in enumerate(arms):
            chosen = places[:, stream, number]
            for cell in arm:
                columns = networks[cell.learning_rate]
                cells[cell] = {name: columns[name][chosen][:, None] for name in _READ if name in columns}
        streams.append(StreamMeasures(cells))
    return CellMeasures(tuple(streams))


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
        for column, taken_on in zip(columns, (measured, CellMeasures(measured.streams[:1])), strict=True):
            column.append(np.array([np.nanmean(part.compute(design, taken_on)) for _, part in contrasts()]))
    return np.mean(columns[0], 0), np.mean(columns[1], 0)


def summarize(means: Array, one_stream: Array) -> list[Placebo]:
    """`[data sets, contrasts]` means to what each contrast found over all data sets."""
    errors = means.std(axis=0, ddof=1) / math.sqrt(len(means))
    return [
        Placebo(claim, part.name, *map(float, values))
        for (claim, part), *values in zip(
            contrasts(), means.mean(0), errors, np.abs(means).max(0), one_stream.mean(0), strict=True
        )
    ]


def _samples(folder: str, rows: int, seed: int) -> Iterator[Dataset]:
    for dataset in data_sets(folder):
        try:
            sample = sample_rows(dataset, rows, seed=seed)
            prepare(sample, seed=seed, replicate=0)
        except DataError as error:
            print(f"{dataset.name} is left out: {error}", flush=True)
            continue
        yield sample


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
    parser.add_argument("--output", default="benchmarks/placebos.json")
    options = parser.parse_args()
    design, found = Design(width=options.width), {}
    for dataset in _samples(options.folder, options.rows, options.seed):
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
        results = (
            summarize(*(np.array(column) for column in zip(*found.values(), strict=True))) if len(found) > 1 else []
        )
        document = {
            "taken": taken("python -m benchmarks.placebos") | {"command": "python -m benchmarks.placebos FOLDER"},
            "options": {name: value for name, value in vars(options).items() if name not in ("folder", "output")},
            "data_sets": {name: means.round(4).tolist() for name, (means, _) in found.items()},
            "gate": _GATE,
            "held": [result.name for result in results if abs(result.mean) < _GATE],
            "contrasts": [asdict(result) for result in results],
        }
        Path(options.output).write_text(json.dumps(document, indent=1) + "\n")
    for result in results:
        print(
            f"{result.claim:>2} {result.name:<95} {result.mean:+.3f} ± {result.standard_error:.3f}   "
            f"one stream: {result.one_stream:+.3f}"
        )


if __name__ == "__main__":
    main()
