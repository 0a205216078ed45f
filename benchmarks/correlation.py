"""How far the contrasts of splits of one data set are correlated, which decides how wide a comparison's intervals are.

    python -m benchmarks.correlation FOLDER

Disjoint subsets of a large table are data sets that share nothing. On each of them a comparison's cells are trained on
several splits. What splits of one subset have in common, beyond what splits of different subsets have, is the
correlation ρ of replicates: the intraclass correlation of the one-way analysis of variance, with its exact F interval.
Nadeau and Bengio (2003, section 3) put it at n_test/(n_test + n_train), a quarter here. Printed is ρ of each contrast
on each table, and for each kind of contrast the mean over both; `study/comparison/correlation.py` has what is used.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.hardware import taken
from benchmarks.tables import table
from benchmarks.trained import train
from search_spaces.design import Design
from study.comparison.claims import ClaimContrast, claims_of
from study.comparison.correlation import Kind
from study.data import Dataset, prepare
from study.data.dataset import make_dataset
from study.data.targets import Targets
from study.intervals import Array

TABLES = ("letter", "adult", "nursery", "optdigits", "page_blocks", "waveform5000")
_ERROR = 0.05
_FEWER_LEVELS: dict[str, Any] = {
    "learning_rates": (0.003, 0.01, 0.03),
    "slopes": (0.0, 0.1, 0.9),
    "initializations": ("kaiming_normal", "xavier_normal"),
    "dropouts": (0.0, 0.2, 0.5),
    "depths": (2, 10),
}
"""Levels of the designs that are trained: fewer than a comparison's, for speed."""


@dataclass(frozen=True)
class Correlation:
    """The correlation of one contrast's replicates on one table.

    Attributes:
        table: The table.
        claim: The claim's number.
        name: What is estimated.
        kind: Its kind.
        rho: Intraclass correlation.
        interval: Its 95 % interval.
        deviation: Standard deviation within subsets, in the contrast's unit.
    """

    table: str
    claim: int
    name: str
    kind: Kind
    rho: float
    interval: tuple[float, float]
    deviation: float


@dataclass(frozen=True)
class Pooled:
    """The correlation of a kind of contrast.

    Attributes:
        kind: The kind.
        rho: Mean over its contrasts and tables.
        interval: 95 % t interval over the tables, each a mean over contrasts.
        estimates: How many contrasts times tables there are.
    """

    kind: Kind
    rho: float
    interval: tuple[float, float]
    estimates: int


def contrasts() -> list[tuple[int, ClaimContrast]]:
    """The contrasts of the usual claims that replicates of splits have: all but the clock's."""
    return [(claim.id, part) for claim in claims_of(Design()) for part in claim.contrasts if part.kind != "time"]


def subsets(dataset: Dataset, *, count: int, rows: int, seed: int) -> list[Dataset]:
    """Disjoint subsets of a data set, each with every class's share of its rows.

    Args:
        dataset: The data set; classes that would have less than five members in a subset are left out of all.
        count: How many subsets.
        rows: Rows of each.
        seed: Decides which rows go where.
    """
    generator = np.random.default_rng(seed)
    labels = dataset.targets.y
    wanted = {label: round(rows * share) for label, share in enumerate(np.bincount(labels) / len(labels))}
    kept = [label for label, members in wanted.items() if members >= 5 and (labels == label).sum() >= count * members]
    dealt: list[list[int]] = [[] for _ in range(count)]
    for label in kept:
        members = generator.permutation(np.flatnonzero(labels == label))
        for number, part in enumerate(dealt):
            part.extend(members[number * wanted[label] : (number + 1) * wanted[label]].tolist())
    return [_of_rows(dataset, np.sort(part), kept) for part in dealt]


def intraclass(values: Array) -> tuple[float, tuple[float, float], float]:
    """Correlation of replicates, its 95 % interval, and the deviation within subsets, from `[subsets, splits]`.

    The analysis-of-variance estimate and its exact interval under normality (Searle 1971, section 9.5).
    """
    count, splits = values.shape
    between, within = splits * values.mean(1).var(ddof=1), values.var(axis=1, ddof=1).mean()
    if within == 0:
        return math.nan, (math.nan, math.nan), 0.0
    ratio = between / within

    def rho(quotient: float) -> float:
        return float((quotient - 1.0) / (quotient + splits - 1.0))

    low, high = (stats.f.ppf(share, count - 1, count * (splits - 1)) for share in (1.0 - _ERROR / 2.0, _ERROR / 2.0))
    return rho(ratio), (rho(ratio / low), rho(ratio / high)), float(math.sqrt(within))


def correlations(
    dataset: Dataset, design: Design, *, count: int, rows: int, splits: int, epochs: int, seed: int
) -> list[Correlation]:
    """The correlation of every contrast on one table."""
    values: list[list[Array]] = [[] for _ in contrasts()]
    for number, subset in enumerate(subsets(dataset, count=count, rows=rows, seed=seed)):
        parts = [prepare(subset, seed=seed, replicate=replicate).split for replicate in range(splits)]
        measured = train(design, parts, epochs=epochs, seed=seed + 1 + number)
        for column, (_, part) in zip(values, contrasts(), strict=True):
            column.append(part.compute(design, measured))
    found = []
    for column, (claim, part) in zip(values, contrasts(), strict=True):
        there = np.stack([each for each in column if not np.isnan(each).any()])
        found.append(Correlation(dataset.name, claim, part.name, part.kind, *intraclass(there)))
    return found


def pooled(found: Sequence[Correlation]) -> list[Pooled]:
    """The correlation of each kind of contrast, over contrasts and tables."""
    results = []
    for kind in dict.fromkeys(each.kind for each in found):
        own = [each for each in found if each.kind == kind and not math.isnan(each.rho)]
        means = [np.mean([e.rho for e in own if e.table == name]) for name in dict.fromkeys(e.table for e in own)]
        mean, half = float(np.mean(means)), math.inf
        if len(means) > 1:
            half = float(
                stats.t.ppf(1.0 - _ERROR / 2.0, len(means) - 1) * np.std(means, ddof=1) / math.sqrt(len(means))
            )
        results.append(Pooled(kind, mean, (mean - half, mean + half), len(own)))
    return results


def _of_rows(dataset: Dataset, rows: npt.NDArray[np.int64], kept: Sequence[int]) -> Dataset:
    """Some rows of a data set, of which only some classes are left."""
    classes = dataset.targets.classes
    return make_dataset(
        name=dataset.name,
        origin=dataset.origin,
        x=dataset.x.iloc[rows].reset_index(drop=True) if isinstance(dataset.x, pd.DataFrame) else dataset.x[rows],
        targets=Targets(np.searchsorted(kept, dataset.targets.y[rows]), tuple(classes[label] for label in kept)),
        target=dataset.target,
        reading=dataset.reading,
        image=dataset.image,
    )


def main() -> None:
    """Prints a table, and writes it to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--subsets", type=int, default=16)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", default="benchmarks/correlation.json")
    options = parser.parse_args()
    design, found = Design(width=options.width, **_FEWER_LEVELS), []
    for name in TABLES:
        found += correlations(
            table(Path(options.folder) / f"{name}.csv"),
            design,
            count=options.subsets,
            rows=options.rows,
            splits=options.splits,
            epochs=options.epochs,
            seed=options.seed,
        )
        for each in found[-len(contrasts()) :]:
            low, high = each.interval
            print(
                f"{each.table:<14}{each.claim:>2} {each.name:<95}{each.rho:+.2f} ({low:+.2f} … {high:+.2f})", flush=True
            )
        document = {
            "taken": taken("python -m benchmarks.correlation") | {"command": "python -m benchmarks.correlation FOLDER"},
            "options": {name: value for name, value in vars(options).items() if name not in ("folder", "output")}
            | _FEWER_LEVELS,
            "kinds": [asdict(each) for each in pooled(found)],
            "contrasts": [asdict(each) for each in found],
        }
        Path(options.output).write_text(json.dumps(document, indent=1) + "\n")
    for result in pooled(found):
        low, high = result.interval
        print(f"{result.kind}: {result.rho:+.3f} ({low:+.3f} … {high:+.3f}), {result.estimates} estimates")


if __name__ == "__main__":
    main()
