"""`load_dataset`: finds the right reader for a source and reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from study.data.built_in import BUILT_IN, read_built_in
from study.data.csv_parquet import read_csv, read_parquet
from study.data.dataset import Dataset, stem
from study.data.errors import DataError, DataNotFoundError, did_you_mean, listing
from study.data.idx import read_idx_folder
from study.data.npz import read_npz
from study.data.openml import PREFIX, read_openml
from study.data.table import column_names, from_table

_TABLES: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".tsv": read_csv,
    ".tsv.gz": read_csv,
    ".parquet": read_parquet,
}
_SUFFIXES = (*_TABLES, ".npz")


def load_dataset(source: str, *, target: str | None = None) -> Dataset:
    """Load a data set.

    A built-in name is preferred to a file of the same name; `./iris` names the file.

    Args:
        source: A built-in name, a CSV, Parquet or NPZ file, a folder of IDX files, or "openml:ID".
        target: Name of the column to predict. Tables need it; for `openml:ID` it is optional; other sources contain
            their labels, so it must be None.

    Returns:
        The data set, not yet split.

    Raises:
        DataNotFoundError: There is no such data set, file, or IDX file in the folder.
        DataError: The data cannot be used; the text says why, and what to do.

    Example:
        >>> data = load_dataset("iris")
        >>> data.classes, data.x.shape
        (('setosa', 'versicolor', 'virginica'), (150, 4))
    """
    if source in BUILT_IN:
        _refuse_target(target, source)
        return read_built_in(source)
    if source.startswith(PREFIX):
        return read_openml(source, target=target)
    path = Path(os.path.abspath(Path(source).expanduser()))
    try:
        if not source.strip() or not path.exists():
            raise _not_found(source, path)
        return _read_path(path, target=target)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from error


def _read_path(path: Path, *, target: str | None) -> Dataset:
    name = path.name.lower()
    if path.is_dir():
        dataset = read_idx_folder(path)
        _refuse_target(target, str(path))
        return dataset
    if name.endswith(".npz"):
        _refuse_target(target, str(path))
        return read_npz(path)
    suffix = _table_suffix(path)
    if suffix is None:
        folder = f"; for IDX files give their folder, '{path.parent}'" if "-ubyte" in name else ""
        raise DataError(
            f"{path} is of no known type (it ends in {path.name[-12:]!r}); known endings "
            f"are {listing(_SUFFIXES)}; convert or rename it{folder}"
        )
    return from_table(_TABLES[suffix](path), target=target, name=stem(path), origin=str(path))


def read_table(source: str) -> pd.DataFrame | None:
    """Read a table without cleaning it, except that column names are stripped.

    Args:
        source: A source as for `load_dataset`.

    Returns:
        The table; None where the source is no CSV or Parquet file.

    Raises:
        DataError: The file is damaged, is no table, or cannot be read.
    """
    path = Path(os.path.abspath(Path(source).expanduser()))
    suffix = _table_suffix(path)
    if source in BUILT_IN or suffix is None or not path.is_file():
        return None
    try:
        table = _TABLES[suffix](path)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from error
    return table.set_axis(column_names(table, str(path)), axis="columns")


def _table_suffix(path: Path) -> str | None:
    return next((suffix for suffix in _TABLES if path.name.lower().endswith(suffix)), None)


def _refuse_target(target: str | None, source: str) -> None:
    if target is not None:
        raise DataError(f"--target {target!r} is given, but {source} has labels of its own; leave --target out")


def _not_found(source: str, path: Path) -> DataNotFoundError:
    """The error for a source that is neither a built-in name nor an existing path."""
    looks_like_path = "/" in source or path.name.lower().endswith(_SUFFIXES)
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    if looks_like_path:
        where = "" if path.parent.is_dir() else f": there is no folder '{path.parent}'"
        return DataNotFoundError(
            f"no such file or folder: '{source}'{where}{did_you_mean(path.name, beside) or '; check the path'}"
        )
    return DataNotFoundError(
        f"unknown data set {source!r}{did_you_mean(source, [*BUILT_IN, *beside])} (known: {listing(BUILT_IN)}, "
        "openml:ID, or the path of a CSV, Parquet or NPZ file or of a folder of IDX files)"
    )
