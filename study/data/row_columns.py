"""Columns of a table that say something of its rows and are no features: sample weights, groups, and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.columns import read_column
from study.data.errors import DataError, did_you_mean, listing, rows_where
from study.data.labels import missing_labels
from study.data.reading import TableOptions
from study.data.sample_weights import check_weights


@dataclass(frozen=True, eq=False)
class RowColumns:
    """What a table says of its rows.

    Attributes:
        weights: `[N]` weight of each row in loss and metrics.
        groups: `[N]` the group of each row, 0 … G − 1, which no split divides.
        times: `[N]` by which the parts of a split follow each other.
    """

    weights: npt.NDArray[np.float64] | None = None
    groups: npt.NDArray[np.int64] | None = None
    times: npt.NDArray[np.float64] | None = None


def without_row_columns(
    table: pd.DataFrame, options: TableOptions, *, target: str | None, origin: str, comma_first: bool = False
) -> tuple[pd.DataFrame, RowColumns]:
    """A table without the columns that say something of its rows, and what these say.

    Args:
        table: `[N, F]` columns of any type.
        options: Which names the columns.
        target: Name of the target column.
        origin: The source, for errors.
        comma_first: Whether `1,234` is rather 1.234.

    Raises:
        DataError: There is no such column, or its values cannot be used.
    """
    names = [str(name) for name in table.columns]
    chosen = options.row_columns
    for option, column in chosen.items():
        if column not in names:
            raise DataError(
                f"{option} names {column!r}, which is no column of {origin}{did_you_mean(column, names)} "
                f"(columns: {listing(names)})"
            )
        if column == target:
            raise DataError(f"{option} names {column!r}, which is the target of {origin}; name another column")
    if len(set(chosen.values())) < len(chosen):
        raise DataError(f"{' and '.join(chosen)} name the same column of {origin}; name another one")
    found = RowColumns(
        None if options.weights is None else _weights(table[options.weights], origin, comma_first=comma_first),
        None if options.groups is None else _groups(table[options.groups], origin),
        None if options.time is None else _times(table[options.time], origin, comma_first=comma_first),
    )
    return table.drop(columns=list(chosen.values())), found


def _weights(column: pd.Series[Any], origin: str, *, comma_first: bool) -> npt.NDArray[np.float64]:
    values, reading = read_column(str(column.name), column, comma_first=comma_first)
    if reading.form.kind != "number" or values.dtype != np.float64:
        raise DataError(f"the weights {column.name!r} of {origin} are no numbers; give a column of numbers, 0 or above")
    check_weights(values, what=f"the weights {column.name!r} of {origin}", remedy="choose another column")
    return values


def _groups(column: pd.Series[Any], origin: str) -> npt.NDArray[np.int64]:
    missing = missing_labels(column)
    if missing.any():
        raise DataError(
            f"the groups {column.name!r} of {origin} have no value in {rows_where(missing)}; every row needs one; fill "
            "them in, each with a value of its own where the rows belong to no group"
        )
    codes, _ = pd.factorize(column.astype(str).str.strip())
    return codes.astype(np.int64)


def _times(column: pd.Series[Any], origin: str, *, comma_first: bool) -> npt.NDArray[np.float64]:
    values, reading = read_column(str(column.name), column, comma_first=comma_first)
    if reading.form.kind == "text" or values.dtype != np.float64:
        raise DataError(
            f"the times {column.name!r} of {origin} are neither numbers nor dates, such as 2024-12-31; give a column "
            "of one of them"
        )
    missing = ~np.isfinite(values)
    if missing.any():
        raise DataError(
            f"the times {column.name!r} of {origin} have no value in {rows_where(missing)}; every row needs one; fill "
            "them in or remove these rows"
        )
    return values
