"""Sketches of rows, by which data sets that share samples are recognized whatever the order of their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.dataset import Dataset

ROWS = 256
"""Rows of a sketch."""
_ENOUGH = 2
"""Shared rows by which data sets are taken to share samples: one alone may be equal by chance."""
_BITS_LEFT_OUT = np.uint64(16)
_DIGITS = 12
"""Hexadecimal digits of a hash, of 48 bits."""
_FACTOR, _FIRST, _SECOND = (np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

Hashes = npt.NDArray[np.uint64]


def row_sketch(dataset: Dataset) -> tuple[str, ...]:
    """The smallest hashes of the different rows of a data set (a bottom-k sketch; Broder 1997), as text.

    Of a part of the data set it holds the same share of rows as of the whole.
    """
    return tuple(f"{each:0{_DIGITS}x}" for each in np.unique(row_hashes(dataset))[:ROWS].tolist())


def shares_samples(rows: Collection[int], sketch: Sequence[str]) -> bool:
    """Whether a data set with rows of these hashes holds several rows of a sketch.

    Args:
        rows: Hashes of the rows of one data set.
        sketch: Of another.
    """
    return sum(int(each, 16) in rows for each in sketch) >= _ENOUGH


def row_hashes(dataset: Dataset) -> Hashes:
    """`[N]` hash of each row: of its values in the order of the columns, and of its target, in 48 bits.

    Names of columns, the order of rows and the format of the file have no influence.
    """
    x = dataset.x
    columns = [x.iloc[:, place] for place in range(x.shape[1])] if isinstance(x, pd.DataFrame) else [*x.T]
    target = np.array(dataset.classes, dtype=object)[dataset.y] if dataset.classes else dataset.y
    hashes = np.zeros(len(dataset), dtype=np.uint64)
    for column in (*columns, target):
        hashes = _mixed(hashes * _FACTOR + _values(column))
    return hashes >> _BITS_LEFT_OUT


def _values(column: pd.Series | npt.NDArray[np.generic]) -> Hashes:
    """`[N]` hash of each value: numbers by their float64, texts by their characters."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        floats = np.asarray(column, dtype="<f8") + 0.0  # − 0 becomes 0
        floats[np.isnan(floats)] = np.nan  # one bit pattern for all missing values
        return _mixed(floats.view("<u8").astype(np.uint64))
    codes, texts = pd.factorize(np.asarray(column, dtype=object))
    known = [_of_text(str(text)) for text in texts]
    return np.array([*known, 0], dtype=np.uint64)[codes]  # missing values have the code − 1, the last place


def _of_text(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _mixed(values: Hashes) -> Hashes:
    """`[N]` numbers whose bits all depend on all bits of the given ones (splitmix64; Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))
