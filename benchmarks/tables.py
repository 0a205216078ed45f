"""The data sets of benchmarks that run over many: those of a folder of tables, and scikit-learn's."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from pathlib import Path

from reluctant.errors import ReluctantWarning
from study.data import Dataset, load_dataset

_BUILT_IN = ("breast_cancer", "digits", "iris", "wine")
_TARGETS = {"adult": "income", "letter": "class"}
_PARTS_OF_OTHERS = ("adult-test",)


def data_sets(folder: str) -> Iterator[Dataset]:
    """The data sets of scikit-learn and of a folder's CSV files, whose target is the last column."""
    for name in _BUILT_IN:
        yield load_dataset(name)
    for path in sorted(Path(folder).glob("*.csv")):
        if path.stem not in _PARTS_OF_OTHERS:
            yield table(path)


def table(path: Path) -> Dataset:
    """One CSV file as a data set; what is said of its columns is left out."""
    with path.open(newline="", encoding="utf-8") as file:
        last = next(csv.reader(file))[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReluctantWarning)
        return load_dataset(str(path), target=_TARGETS.get(path.stem, last))
