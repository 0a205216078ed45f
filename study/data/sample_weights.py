"""Sample weights: checked, and where they are a column of a table, taken out of the features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.columns import read_column
from study.data.errors import DataError, did_you_mean, listing, rows_where


def without_weights(
    table: pd.DataFrame, column: str | None, *, target: str | None, origin: str, comma_first: bool = False
) -> tuple[pd.DataFrame, npt.NDArray[np.float64] | None]:
    """A table without its column of sample weights, and these.

    Args:
        table: `[N, F]` columns of any type.
        column: Name of the column; None: there is none.
        target: Name of the target column.
        origin: The source, for errors.
        comma_first: Whether `1,234` is rather 1.234.

    Returns:
        The other columns, and `[N]` weights, or None.

    Raises:
        DataError: There is no such column, or its values are missing, negative, infinite, no numbers or all 0.
    """
    if column is None:
        return table, None
    names = [str(name) for name in table.columns]
    if column not in names:
        raise DataError(
            f"--weights names {column!r}, which is no column of {origin}{did_you_mean(column, names)} "
            f"(columns: {listing(names)})"
        )
    if column == target:
        raise DataError(f"--weights names {column!r}, which is the target of {origin}; name another column")
    values, reading = read_column(column, table[column], comma_first=comma_first)
    if reading.form.kind != "number" or values.dtype != np.float64:
        raise DataError(f"the weights {column!r} of {origin} are no numbers; give a column of numbers, 0 or above")
    check_weights(values, what=f"the weights {column!r} of {origin}", remedy="choose another column")
    return table.drop(columns=column), values


def check_weights(values: npt.NDArray[np.float64], *, what: str, remedy: str) -> None:
    """Refuses weights that no sample can have.

    Args:
        values: `[N]` weights.
        what: What they are, for errors.
        remedy: What to do where all of them are 0.

    Raises:
        DataError: Some are missing, negative or infinite, or all are 0.
    """
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise DataError(
            f"{what} are negative, infinite or missing in {rows_where(bad)}; numbers of 0 or above are needed; correct "
            "these rows"
        )
    if not values.any():
        raise DataError(f"{what} are all 0; at least one weight above zero is needed; {remedy}")
