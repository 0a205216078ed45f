"""Reads Parquet and Feather files, and CSV files as the first version of the reader did."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from itertools import islice
from pathlib import Path
from typing import IO, cast

import pandas as pd
import pyarrow

from study.data.errors import DataError, listing
from study.data.reading import Reading

_HEAD_BYTES = 1 << 16


def open_plain_or_gzip(path: Path) -> IO[bytes]:
    """Open a file for reading, through gzip where its first bytes are those of gzip, whatever its name is."""
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path, "rb")) if compressed else path.open("rb")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file, plain or gzip: a line of column names, then data, separated by commas, semicolons or tabs.

    Args:
        path: File in UTF-8.

    Returns:
        `[N, F]` columns with the types that pandas infers; `?` counts as missing.

    Raises:
        DataError: The file is empty, binary, cut or not a table.
    """
    try:
        with open_plain_or_gzip(path) as stream:
            separator = _separator(stream.read(_HEAD_BYTES), path)
            stream.seek(0)
            return pd.read_csv(stream, sep=separator, skipinitialspace=True, na_values=["?"], low_memory=False)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged or cut: {error}; a whole gzip file is needed; fetch it again") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not text in UTF-8 ({error.reason}: byte 0x{error.object[error.start]:02x}); a CSV file "
            f"in UTF-8 is needed; convert it, as with: iconv -f latin1 -t utf-8 {path.name}"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise _ragged(path, str(error).strip()) from error


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet or Feather file.

    Args:
        path: The file.

    Returns:
        `[N, F]` columns with their stored types.

    Raises:
        DataError: The file is damaged, or is no Parquet file.
    """
    try:
        # pyarrow takes no paths that are not UTF-8.
        with path.open("rb") as stream:
            return pd.read_feather(stream) if path.name.lower().endswith(".feather") else pd.read_parquet(stream)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{path} is not a {path.suffix[1:].capitalize()} file, or a damaged one ({str(error).splitlines()[0]}); "
            "write it again, as with pandas.DataFrame.to_parquet, or give a CSV file"
        ) from error


def read_stored(path: Path) -> tuple[pd.DataFrame, Reading]:
    """Read a Parquet or Feather file as `read_parquet`, with an index that has a name as columns; and how it was read.

    Raises:
        DataError: As `read_parquet`.
    """
    table = read_parquet(path)
    levels = [str(level) for level in table.index.names if level is not None]
    if not levels:
        return table, Reading()
    note = f"its index is read as the column{'s' if len(levels) > 1 else ''} {listing(levels)}"
    return table.reset_index(level=levels), Reading(notes=(note,))


def _ragged(path: Path, seen: str) -> DataError:
    return DataError(
        f"{path} is not a table: {seen}; every line needs as many values as the first has names; correct the line, or "
        "quote values that hold the separator"
    )


def _separator(head: bytes, path: Path) -> str:
    """The separator of a table, from its first line; refuses binary files and rows with more values than names."""
    if b"\0" in head:
        raise DataError(f"{path} is a binary file, not a CSV file; text in UTF-8 is needed; export it as CSV first")
    text = head.decode("utf-8", "replace").lstrip("\ufeff").lstrip()
    if not text:
        raise DataError(f"{path} is empty; a CSV file begins with a line of column names; is this the right file?")
    separator = max(",;\t", key=text.splitlines()[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    names, values = ([*islice(filter(None, lines), 2), [], []])[:2]
    if len(values) > len(names):  # pandas would read the first values as row names and shift the others
        raise _ragged(path, f"its first line has {len(names)} names, the next {len(values)} values")
    return separator
