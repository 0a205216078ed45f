"""`load_dataset`: finds the right reader for a source and reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data import delimited, endings, in_memory
from study.data.arff_file import read_arff
from study.data.built_in import BUILT_IN, read_built_in
from study.data.csv_parquet import read_csv, read_parquet, read_stored
from study.data.dataset import Dataset, make_dataset
from study.data.errors import DataError, DataNotFoundError, did_you_mean, listing
from study.data.excel import read_excel
from study.data.idx import holds_idx_files, read_idx_folder
from study.data.image_folder import holds_images, read_image_folder
from study.data.npz import read_npz
from study.data.openml import PREFIX, read_openml
from study.data.reading import FIRST_READER, Reading, TableOptions
from study.data.table import column_names, from_table, refuse_columns, without_columns

_FIRST_TABLES: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".tsv": read_csv,
    ".tsv.gz": read_csv,
    ".parquet": read_parquet,
}
"""The tables that the first version of the reader knew."""
_TEXTS = (*endings.TEXT, endings.ARFF)
_KNOWN = f"{listing(endings.TABLES)}, and of these {listing(_TEXTS)} compressed as {listing(endings.COMPRESSED)}"
_USUAL = TableOptions()
_REMEDIES = {
    ".xls": "save it as .xlsx, or the sheet as CSV",
    ".xlsb": "save it as .xlsx, or the sheet as CSV",
    ".ods": "save it as .xlsx, or the sheet as CSV",
    ".json": "write it as CSV or Parquet, as with pandas.read_json(…).to_parquet(…)",
    ".tar": "unpack it, and give a file",
    ".npy": "write features and labels into one file with numpy.savez",
    ".pkl": "pickled objects are never loaded; write it as Parquet",
    ".pickle": "pickled objects are never loaded; write it as Parquet",
}


def load_dataset(source: str, *, target: str | None = None, options: TableOptions = _USUAL) -> Dataset:
    """Load a data set.

    A built-in name is preferred to a file of the same name; `./iris` names the file.

    Args:
        source: A built-in name, a CSV, Excel, ARFF, Parquet or NPZ file, a folder of IDX files or
            images, "openml:ID", or what `held_in_memory` yields.
        target: Name of the column to predict, or its number: 1 is the first, −1 the last. Tables need it; for
            `openml:ID` it is optional; other sources contain their labels, so it must be None.
        options: Version of the reader, columns to drop and to keep.

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
        _refuse_of_tables(options, source)
        _refuse_image_size(options, source)
        return _without_columns(read_built_in(source), options)
    if source.startswith(in_memory.PREFIX):
        _refuse_test(options, "the data of a program")
        _refuse_image_size(options, "the data of a program")
        return in_memory.read_held(source, target=target, options=options)
    if source.startswith(PREFIX):
        _refuse_test(options, source)
        _refuse_image_size(options, source)
        return read_openml(source, target=target, options=options)
    path = Path(os.path.abspath(Path(source).expanduser()))
    try:
        if not path.is_dir():
            _refuse_image_size(options, source)
        if not source.strip() or not path.exists():
            raise _not_found(source, path)
        return _read_path(path, target=target, options=options)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from error


def _read_path(path: Path, *, target: str | None, options: TableOptions) -> Dataset:
    name = path.name.lower()
    if path.is_dir():
        _refuse_of_tables(options, str(path))
        is_of_images = not holds_idx_files(path) and holds_images(path)
        if not is_of_images:
            _refuse_image_size(options, str(path))
        dataset = (read_image_folder if is_of_images else read_idx_folder)(path, options=options)
        _refuse_target(target, str(path))
        refuse_columns(options, str(path))
        return dataset
    if name.endswith(".npz"):
        _refuse_target(target, str(path))
        _refuse_test(options, str(path))
        return read_npz(path, options=options)
    found = _read_table(path, options.reader)
    if found is None:
        folder = f"; for IDX files give their folder, '{path.parent}'" if "-ubyte" in name else ""
        remedy = next((text for ending, text in _REMEDIES.items() if ending in path.suffixes), "convert or rename it")
        raise DataError(
            f"{path} is of no known type (it ends in {path.name[-12:]!r}); known endings are {_KNOWN}; {remedy}{folder}"
        )
    table, reading = found
    test_rows = None
    if options.test is not None:
        table, reading, test_rows = with_test_part(table, reading, options, origin=str(path))
    return from_table(
        table,
        target=target,
        name=endings.stem(path),
        origin=str(path),
        test_rows=test_rows,
        options=options,
        reading=reading,
    )


def with_test_part(
    table: pd.DataFrame, reading: Reading, options: TableOptions, *, origin: str
) -> tuple[pd.DataFrame, Reading, npt.NDArray[np.int64]]:
    """A table with the rows of its official test part below its own.

    Args:
        table: `[N, F]` columns of any type.
        reading: How it was read.
        options: Which names the file of the test part.
        origin: The table's source, for errors.

    Returns:
        `[N + M, F]` columns, how they were read, and the rows of the test part.

    Raises:
        DataError: The file cannot be read, is no table, or has other columns.
    """
    found = read_table(str(options.test), reader=options.reader)
    if found is None:
        path = Path(os.path.abspath(Path(str(options.test)).expanduser()))
        if not path.exists():
            raise _not_found(str(options.test), path)
        raise DataError(f"--test is {options.test!r}, which is no file of a table; known endings are {_KNOWN}")
    test = found[0]
    table = table.set_axis(column_names(table, origin), axis="columns")
    missing = [name for name in table.columns if name not in test.columns]
    strange = [name for name in test.columns if name not in table.columns]
    if missing or strange:
        only = [
            f"only in {place}: {listing(names)}"
            for place, names in ((origin, missing), (options.test, strange))
            if names
        ]
        raise DataError(f"--test {options.test} needs the columns of {origin}; {'; '.join(only)}")
    if not len(test):
        raise DataError(f"--test {options.test} has no rows; rows with data are needed; is it cut?")
    note = f"the test part is {len(test):,} rows of {options.test}"
    both = pd.concat([table, test[list(table.columns)]], ignore_index=True)
    return both, replace(reading, notes=(*reading.notes, note)), np.arange(len(table), len(both))


def _refuse_of_tables(options: TableOptions, source: str) -> None:
    """Refuses for a source that is no table what only tables have."""
    for option, column in options.row_columns.items():
        raise DataError(f"{option} names {column!r}, but {source} is no table with such a column; leave it out")
    _refuse_test(options, source)


def _refuse_test(options: TableOptions, source: str) -> None:
    if options.test is not None:
        raise DataError(
            f"--test is {options.test!r}, but {source} is no file of a table; IDX folders and NPZ files have test "
            "parts of their own; leave it out"
        )


def _refuse_image_size(options: TableOptions, source: str) -> None:
    if options.image_size is not None:
        raise DataError(f"--image-size is given, but {source} is no folder of images (PNG, JPEG); leave it out")


def _without_columns(dataset: Dataset, options: TableOptions) -> Dataset:
    """A built-in data set without the columns that `--drop` names."""
    if not options.drop and not options.keep:
        return dataset
    if not isinstance(dataset.x, pd.DataFrame):
        refuse_columns(options, dataset.origin)
        return dataset
    return make_dataset(
        name=dataset.name,
        origin=dataset.origin,
        x=without_columns(dataset.x, options, target=None, origin=dataset.origin),
        targets=dataset.targets,
    )


def is_table(source: str) -> bool:
    """Whether a source is the file of a table, by its name alone.

    Example:
        >>> [is_table(source) for source in ("a.csv.gz", "a.txt", "a.zip", "a.xlsx", "a.npz", "iris")]
        [True, True, True, True, False, False]
    """
    name = Path(source).name.lower()
    return source not in BUILT_IN and _reader(name) is not None


def _reader(name: str) -> Callable[[Path], tuple[pd.DataFrame, Reading]] | None:
    """What reads a file of this name, in lower case, as a table; None where it is none."""
    if name.endswith(endings.STORED):
        return read_stored
    if name.endswith(endings.EXCEL):
        return read_excel
    plain = endings.uncompressed(name)
    if plain.endswith(endings.ARFF):
        return read_arff
    # A compressed file needs no second ending: what it holds is text.
    is_text = plain.endswith(endings.TEXT) or (plain != name and "." not in plain)
    return delimited.read_delimited if is_text else None


def read_table(source: str, *, reader: int) -> tuple[pd.DataFrame, Reading] | None:
    """Read a table without cleaning it, except that column names are stripped.

    Args:
        source: A source as for `load_dataset`.
        reader: Version of the reader.

    Returns:
        The table, and how the file was read; None where the source is no file of a table.

    Raises:
        DataError: The file is damaged, is no table, or cannot be read.
    """
    path = Path(os.path.abspath(Path(source).expanduser()))
    if source in BUILT_IN or not path.is_file():
        return None
    try:
        found = _read_table(path, reader)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from error
    if found is None:
        return None
    table, reading = found
    return table.set_axis(column_names(table, str(path)), axis="columns"), reading


def _read_table(path: Path, reader: int) -> tuple[pd.DataFrame, Reading] | None:
    """A table and how it was read; None where a file's name is none of a table."""
    name = path.name.lower()
    if reader == FIRST_READER:
        suffix = next((suffix for suffix in _FIRST_TABLES if name.endswith(suffix)), None)
        return None if suffix is None else (_FIRST_TABLES[suffix](path), Reading(reader=FIRST_READER))
    read = _reader(name)
    return None if read is None else read(path)


def _refuse_target(target: str | None, source: str) -> None:
    if target is not None:
        raise DataError(f"--target {target!r} is given, but {source} has labels of its own; leave --target out")


def _not_found(source: str, path: Path) -> DataNotFoundError:
    """The error for a source that is neither a built-in name nor an existing path."""
    of_data = (*endings.TABLES, *endings.COMPRESSED)
    looks_like_path = "/" in source or path.name.lower().endswith(of_data)
    entries = path.parent.iterdir() if path.parent.is_dir() else ()
    beside = [entry.name for entry in entries if entry.name.lower().endswith(of_data) or entry.is_dir()]
    if looks_like_path:
        where = "" if path.parent.is_dir() else f": there is no folder '{path.parent}'"
        return DataNotFoundError(
            f"no such file or folder: '{source}'{where}{did_you_mean(path.name, beside) or '; check the path'}"
        )
    return DataNotFoundError(
        f"unknown data set {source!r}{did_you_mean(source, [*BUILT_IN, *beside])} (known: {listing(BUILT_IN)}, "
        "openml:ID, or the path of a CSV, Excel, ARFF, Parquet or NPZ file or of a folder of IDX files or images)"
    )
