"""The endings of the files that are read, and a data set's name from its file's."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (".csv", ".tsv", ".tab", ".txt", ".data", ".psv")
ARFF = ".arff"
EXCEL = (".xlsx", ".xlsm")
STORED = (".parquet", ".feather")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
TABLES = (*TEXT, ARFF, *STORED, *EXCEL, ".npz")
_FIRST = re.compile(r"(\.(csv|tsv|gz|parquet|npz))+$", re.IGNORECASE)
"""What version 0.1 left out of a name: names of studies begin with it, so that it stays."""


def stem(path: Path) -> str:
    """The name of a file without its ending, and without that of its compression.

    Example:
        >>> stem(Path("data/adult.csv.gz")), stem(Path("adult.txt.xz")), stem(Path("adult.data.csv"))
        ('adult', 'adult', 'adult.data')
        >>> stem(Path("adult.arff.gz"))
        'adult'
    """
    first = _FIRST.sub("", path.name)
    if first != path.name and not first.lower().endswith(ARFF):  # which version 0.1 did not read
        return first
    return _without(uncompressed(path.name), TABLES)


def uncompressed(name: str) -> str:
    """A file's name without the ending of its compression."""
    return _without(name, COMPRESSED)


def holds_a_table(name: str) -> bool:
    """Whether a file is a table or an NPZ file, by its name alone.

    Example:
        >>> holds_a_table("a.CSV.gz"), holds_a_table("a.npz"), holds_a_table("a.json")
        (True, True, False)
    """
    return uncompressed(name).lower().endswith(TABLES)


def _without(name: str, endings: tuple[str, ...]) -> str:
    return next((name[: -len(ending)] for ending in endings if name.lower().endswith(ending)), name)
