"""Reads a column of numbers to predict, and puts its rows into groups of quantiles, by which a split is stratified."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.columns import read_column
from study.data.errors import DataError, rows_where
from study.data.labels import missing_labels
from study.data.targets import Targets

_GROUPS, _FEWEST_IN_GROUP = 10, 10
MOST_WHOLE_NUMBERS = 50
"""Of so many different whole numbers a column may hold classes; with more it is a quantity."""


def numbers_of(
    values: pd.Series[Any] | npt.NDArray[Any], *, comma_first: bool = False
) -> npt.NDArray[np.float64] | None:
    """`[N]` float64 values of a column, missing ones NaN; None where it does not hold numbers alone."""
    column = pd.Series(values)
    if pd.api.types.is_bool_dtype(column.dtype) or isinstance(column.dtype, pd.CategoricalDtype):
        return None
    read, reading = read_column("target", column, comma_first=comma_first)
    if reading.form.kind != "number" or reading.form.unread:
        return None
    return np.asarray(read, dtype=np.float64)


def is_quantity(values: pd.Series[Any] | npt.NDArray[Any], *, comma_first: bool = False) -> bool:
    """Whether a column holds a quantity: numbers with fractions, or more than 50 different whole numbers.

    Example:
        >>> is_quantity(np.array([0.5, 1.25])), is_quantity(np.array([1, 2])), is_quantity(np.arange(51))
        (True, False, True)
    """
    from sklearn.utils.multiclass import type_of_target

    numbers = numbers_of(values, comma_first=comma_first)
    if numbers is None:
        return False
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return False
    return bool(type_of_target(known) == "continuous") or len(np.unique(known)) > MOST_WHOLE_NUMBERS


def read_quantities(values: pd.Series[Any] | npt.NDArray[Any], *, what: str, comma_first: bool = False) -> Targets:
    """Turn a column into numbers to predict.

    Args:
        values: `[N]` values of any type.
        what: What the values are, for error texts: "target 'price' of houses.csv".
        comma_first: Whether `1,234` is rather 1.234.

    Returns:
        Float64 targets, with the tenth of the sorted values that each lies in as its stratum.

    Raises:
        DataError: Values are missing, infinite or no numbers, or all of them are equal.

    Example:
        >>> read_quantities(np.array([1.5, 2.0]), what="target 'size'").y
        array([1.5, 2. ])
    """
    column = pd.Series(values)
    missing = missing_labels(column)
    if missing.any():
        raise DataError(
            f"{what} has no value in {rows_where(missing)}; every row needs one (empty, '?', 'NA', 'None' and the "
            "like count as missing); fill them in or remove these rows"
        )
    numbers = numbers_of(column, comma_first=comma_first)
    if numbers is None:
        raise DataError(f"{what} holds {_other(column)}; regression needs numbers; {_REMEDY}")
    if np.isnan(numbers).any():
        raise DataError(f"{what} is no number in {rows_where(np.isnan(numbers))}; correct or remove these rows")
    too_large = ~(np.abs(numbers) <= np.finfo(np.float32).max)
    if too_large.any():
        raise DataError(
            f"{what} is infinite, or too large for float32, in {rows_where(too_large)}; finite numbers are needed; "
            "correct or remove these rows"
        )
    if numbers.min() == numbers.max():
        raise DataError(
            f"{what} is {numbers[0]:g} in all {len(numbers):,} rows; two different values or more are needed; choose "
            "another target"
        )
    return Targets(numbers, strata=_strata(numbers), task="regression")


def quantity_text(numbers: npt.NDArray[np.float64]) -> str:
    """A quantity to predict in words: how many values it has, its mean, and its range.

    Example:
        >>> quantity_text(np.array([1.5, 2.5]))
        '2 different values from 1.5 to 2.5, mean 2'
    """
    different = len(np.unique(numbers))
    return f"{different:,} different values from {numbers.min():g} to {numbers.max():g}, mean {numbers.mean():.4g}"


_REMEDY = "choose another target, or --task classification and one of its metrics"


def _other(column: pd.Series[Any]) -> str:
    """A few values of a column that does not hold numbers, in words."""
    texts = [str(value).strip() for value in pd.unique(column)]
    strange = [text for text in texts if pd.isna(pd.to_numeric(text, errors="coerce"))] or texts
    return f"{', '.join(map(repr, strange[:3]))}{' and the like' if len(strange) > 3 else ''}"


def _strata(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """`[N]` the quantile that each value lies in, 0 … G − 1; equal values lie in the same."""
    groups = max(1, min(_GROUPS, len(numbers) // _FEWEST_IN_GROUP))
    edges = np.quantile(numbers, np.arange(1, groups) / groups)
    found = np.unique(np.searchsorted(edges, numbers, side="right"), return_inverse=True)[1]
    return found.astype(np.int64)
