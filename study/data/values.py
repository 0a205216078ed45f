"""Values of columns, whoever reads them: as stripped text, and numbers within float32's range."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.errors import DataError, rows_where

_LARGEST = float(np.finfo(np.float32).max)


def column_text(column: pd.Series[Any], *, missing: Collection[str]) -> npt.NDArray[Any]:
    """Convert a column `[N]` to stripped text; missing values, and the texts that count as such, become NaN."""
    codes, found = pd.factorize(column.astype(object).map(_hashable))
    texts = [str(value).strip() for value in found]
    names = np.array([np.nan if text in missing else text for text in texts] + [np.nan], dtype=object)
    return names[codes]  # a missing value has code −1: the last name


def whole_numbers(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column `[N]` as whole numbers, where pandas made floats of them because some are missing; else unchanged."""
    if pd.api.types.is_float_dtype(column.dtype) and column.dropna().mod(1).eq(0).all():
        return column.astype("Int64")
    return column


def check_range(name: str, values: npt.NDArray[np.float64], what: str) -> None:
    """Refuse infinite numbers, and those that are too large for float32.

    Args:
        name: The column's name.
        values: `[N]` its values.
        what: The name of the table.

    Raises:
        DataError: There are some; the text names the rows.
    """
    bad = np.abs(values) > _LARGEST
    if bad.any():
        raise DataError(
            f"column {name!r} of {what} holds {values[bad][0]} or the like in {rows_where(bad)}; finite numbers below "
            "1e38 are needed; correct them, or leave them empty to have them treated as missing"
        )


def _hashable(value: Any) -> Hashable:
    return value if isinstance(value, Hashable) else str(value)
