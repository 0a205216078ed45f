"""The first version of the reader: pandas guesses the types of a file, and its columns become numbers or text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reluctant.errors import ReluctantWarning
from study.data.column_forms import ISO, NUMBER, ColumnForm
from study.data.errors import DataError, listing, rows_where
from study.data.labels import MISSING_TEXTS
from study.data.values import check_range, column_text, whole_numbers

_TRUTH = {"TRUE": "True", "true": "True", "FALSE": "False", "false": "False"}
"""The other spellings that pandas takes for truth values."""


def clean_features(table: pd.DataFrame, *, what: str, keep: Collection[str] = ()) -> pd.DataFrame:
    """Convert every column to float64 or text, and drop columns without information.

    Text is stripped; `?`, `NA`, `None` and the like count as missing. Dates become seconds since 1970. A warning names
    the columns that are dropped: those without values, unnamed row counters (as pandas writes them), and texts that
    are different in every row.

    Args:
        table: `[N, F]` columns of any type.
        what: The name of the table, for warnings and errors.
        keep: Columns that are kept whatever they hold.

    Returns:
        `[N, ≤ F]` columns of float64 (missing: NaN) or object (text; missing: NaN).

    Raises:
        DataError: A number is infinite or too large for float32, or no column is left.
    """
    columns: dict[str, pd.Series[Any]] = {}
    dropped = []
    for name, column in table.items():
        values = _clean(column)
        reason = None if name in keep else _useless(str(name), values)
        if reason is not None:
            warnings.warn(f"column {name!r} of {what} {reason}; it is dropped", ReluctantWarning, stacklevel=2)
            dropped.append(str(name))
            continue
        if values.dtype == np.float64:
            check_range(str(name), values, what)
        columns[str(name)] = pd.Series(values, dtype=values.dtype)
    if not columns:
        beside = f" (dropped: {listing(dropped)})" if dropped else ""
        raise DataError(f"{what} has no feature columns left beside the target{beside}; at least one is needed")
    return pd.DataFrame(columns)


def like_training(table: pd.DataFrame, kinds: Mapping[str, str], *, what: str) -> pd.DataFrame:
    """Convert columns to the types that they had when a network was trained on them.

    Args:
        table: `[N, F]` columns of any type, which include those of `kinds`.
        kinds: The type of each column: "object" for text, else a type of numbers.
        what: The name of the table, for errors.

    Returns:
        `[N, F]` columns of float64 or float32 (missing: NaN) or object (text; missing: NaN).

    Raises:
        DataError: A column of numbers holds text, or a number is infinite or too large for float32.
    """
    columns: dict[str, pd.Series[Any]] = {}
    for name, kind in kinds.items():
        if kind == "object":
            values = column_text(whole_numbers(table[name]), missing=MISSING_TEXTS)
        else:
            values = _clean(table[name])
            if values.dtype == object:
                bad = pd.to_numeric(pd.Series(values), errors="coerce").isna().to_numpy() & ~pd.isna(values)
                raise DataError(
                    f"column {name!r} of {what} holds {values[bad][0]!r} or the like in {rows_where(bad)}; numbers, "
                    "as in training, are needed; correct them, or leave them empty to have them treated as missing"
                )
            check_range(name, values, what)
        columns[name] = pd.Series(values, dtype=kind)
    return pd.DataFrame(columns)


def forms_in_a_text_file(
    features: pd.DataFrame, stored: pd.DataFrame | None
) -> tuple[dict[str, ColumnForm], dict[str, dict[str, str]]]:
    """How a file of text has to be read to give what the first version of the reader gave.

    Args:
        features: `[N, F]` the columns that it read.
        stored: The table as pandas read it, with its types; None where the source is no table.

    Returns:
        The form of each column that is no text, and the spellings of each column of truth values: what was `TRUE` in
        the file became `True`.
    """
    forms, spellings = {}, {}
    for name, column in features.items():
        if pd.api.types.is_numeric_dtype(column.dtype):
            is_date = stored is not None and pd.api.types.is_datetime64_any_dtype(stored[name].dtype)
            forms[str(name)] = ISO if is_date else NUMBER
        elif set(column.dropna()) <= {"True", "False"}:
            spellings[str(name)] = _TRUTH
    return forms, spellings


def _clean(column: pd.Series[Any]) -> npt.NDArray[Any]:
    """Convert a column `[N]` to float64, or to objects that are text or NaN."""
    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind) or isinstance(kind, pd.CategoricalDtype):
        return column_text(column, missing=MISSING_TEXTS)
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(kind):
        start = pd.Timestamp(0, tz=getattr(kind, "tz", None))
        return np.asarray((column - start).dt.total_seconds(), dtype=np.float64)
    if pd.api.types.is_timedelta64_dtype(kind):
        return np.asarray(column.dt.total_seconds(), dtype=np.float64)
    texts = column_text(column, missing=MISSING_TEXTS)
    return texts if _holds_bools(column) else _numbers(texts)


def _holds_bools(column: pd.Series[Any]) -> bool:
    return pd.api.types.infer_dtype(column, skipna=True) == "boolean"


def _numbers(texts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Texts `[N]` as numbers, where all that are not missing are numbers; else unchanged."""
    present = texts[~pd.isna(texts)]
    if not len(present):
        return np.full(len(texts), np.nan)
    try:
        float(present[0])
        numbers = np.full(len(texts), np.nan)
        numbers[~pd.isna(texts)] = pd.to_numeric(pd.Series(present, dtype=object)).to_numpy(dtype=np.float64)
    except ValueError:
        return texts
    return numbers


def _useless(name: str, values: npt.NDArray[Any]) -> str | None:
    """The reason why a column `[N]` has no information; None where it has some."""
    missing = pd.isna(values)
    if missing.all():
        return "has no values"
    if values.dtype == np.float64:
        counts = re.fullmatch(r"|Unnamed: \d+", name) and np.array_equal(np.diff(values), np.ones(len(values) - 1))
        return "has no name and counts the rows" if counts else None
    if len(values) > 1 and not missing.any() and len(pd.unique(values)) == len(values):
        return "has another text in every row"
    return None
