"""Reads the columns of a table, each by the form that is decided for it once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow
import pyarrow.compute

from reluctant.errors import ReluctantWarning
from study.data.column_forms import ISO, MOSTLY, NUMBER, TEXT, ColumnForm, find_form, seconds
from study.data.errors import DataError, listing, rows_where
from study.data.labels import MISSING_TEXTS
from study.data.reading import ColumnReading
from study.data.values import check_range, column_text, whole_numbers

MISSING = (*MISSING_TEXTS, "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN")
"""Texts that count as missing: those that pandas counts, and `?`."""
FEWEST_ROWS = 50
"""Below so many rows, values that all differ are no sign of an identifier."""
_NAMED_LIKE_ONE = re.compile(r"(?i)id|.*[_ .-]id|.*[a-z]ID|uuid|guid|index|row[_ ]?(?:id|num(?:ber)?)?")
_EXAMPLES = 3
_MOST_UNREAD = 100


def read_column(
    name: str, column: pd.Series[Any], *, comma_first: bool = False
) -> tuple[npt.NDArray[Any], ColumnReading]:
    """Reads a column by the form that fits its values.

    Args:
        name: The column's name.
        column: `[N]` values of any type; of a text file, text.
        comma_first: As for `find_form`.

    Returns:
        `[N]` float64 (missing: NaN), or objects that are text or NaN; and what was decided.
    """
    typed = _typed(column)
    if typed is not None:
        values, form = typed
        return values, ColumnReading(name=name, form=form)
    texts = column_text(column, missing=MISSING)
    codes, found = pd.factorize(texts)
    if not len(found):
        return np.full(len(texts), np.nan), ColumnReading(name=name, form=NUMBER)
    if pd.api.types.is_bool_dtype(column.dtype) or isinstance(column.dtype, pd.CategoricalDtype):
        return texts, ColumnReading(name=name, form=TEXT)
    form, notes = find_form(list(found), np.bincount(codes[codes >= 0], minlength=len(found)), comma_first=comma_first)
    if form.kind == "text":
        return texts, ColumnReading(name=name, form=form, notes=notes)
    values, unread = _by_form(form, codes, found)
    said = tuple(filter(None, (form.name, _unread(form, found, codes, unread))))
    form = replace(form, unread=tuple(found[unread][:_MOST_UNREAD]))
    return values, ColumnReading(name=name, form=form, notes=(*notes, *said))


def read_like_training(
    name: str, column: pd.Series[Any], form: ColumnForm, *, what: str
) -> tuple[npt.NDArray[Any], str | None]:
    """Reads a column by the form that was decided in training.

    Args:
        name: The column's name.
        column: `[N]` values of any type.
        form: The form.
        what: The name of the table, for errors.

    Returns:
        `[N]` float64 or objects that are text, as `read_column`; and a phrase on values that are not of the form, which
        are missing.

    Raises:
        DataError: More than a twentieth of the values are not of the form, or a number is out of range.
    """
    if form.kind == "text":
        return column_text(whole_numbers(column), missing=MISSING), None
    typed = _typed(column)
    is_text = isinstance(column.dtype, pd.StringDtype)
    said = None
    if typed is not None and (form == NUMBER if is_text else typed[1].kind == form.kind):
        values = typed[0]
    elif typed is not None and not is_text:
        raise DataError(
            f"column {name!r} of {what} holds {typed[1].kind}s; {form.kind}s are needed, as in training; give the "
            "column that the model was trained on"
        )
    else:
        texts = column_text(column, missing={*MISSING, *form.unread})
        codes, found = pd.factorize(texts)
        values, unread = _by_form(form, codes, found)
        bad = np.append(unread, False)[codes]
        if bad.sum() > (1 - MOSTLY) * (codes >= 0).sum():
            raise DataError(
                f"column {name!r} of {what} holds {found[unread][0]!r} or the like in {rows_where(bad)}; {form.kind}s"
                f"{f' ({form.name})' if form.name else ''}, as in training, are needed; correct them, or leave them "
                "empty to have them treated as missing"
            )
        said = _unread(form, found, codes, unread)
    if form.kind == "number":
        check_range(name, values, what)
    return values, said


def judge_columns(
    columns: Sequence[tuple[npt.NDArray[Any], ColumnReading]], *, keep: Collection[str], what: str
) -> list[tuple[npt.NDArray[Any], ColumnReading]]:
    """Drops columns without information and identifiers, and names columns that may be one.

    Args:
        columns: The columns `[N]` as they were read.
        keep: Columns that are kept whatever they hold.
        what: The name of the table, for warnings.
    """
    judged, dropped = [], dict[str, list[str]]()
    for values, reading in columns:
        if reading.name in keep:
            judged.append((values, reading))
            continue
        reason, note = _useless(reading, values)
        if reason is not None:
            hint = "" if pd.isna(values).all() else " (--keep keeps it)"
            dropped.setdefault(f"{reason}; it is dropped{hint}", []).append(repr(reading.name))
        notes = reading.notes if note is None else (*reading.notes, note)
        judged.append((values, replace(reading, dropped=reason, notes=notes)))
    for said, names in dropped.items():
        each = f"column {names[0]} of {what}" if len(names) == 1 else f"each of the columns {listing(names)} of {what}"
        warnings.warn(f"{each} {said}", ReluctantWarning, stacklevel=2)
    return judged


def _typed(column: pd.Series[Any]) -> tuple[npt.NDArray[np.float64], ColumnForm] | None:
    """A column that needs no decision, because its type or each of its texts says what it is; else None."""
    kind = column.dtype
    if pd.api.types.is_bool_dtype(kind) or isinstance(kind, pd.CategoricalDtype):
        return None
    if pd.api.types.is_datetime64_any_dtype(kind):
        return seconds(column), ISO
    if pd.api.types.is_timedelta64_dtype(kind):
        return np.asarray(column.dt.total_seconds(), dtype=np.float64), NUMBER
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), NUMBER
    if kind == "object" and pd.api.types.infer_dtype(column, skipna=True) in ("date", "datetime"):
        return seconds(pd.to_datetime(column, utc=True)), ISO
    if not isinstance(kind, pd.StringDtype):
        return None
    texts = pyarrow.compute.utf8_trim_whitespace(pyarrow.array(column, type=pyarrow.large_string(), from_pandas=True))
    missing = pyarrow.compute.is_in(texts, value_set=pyarrow.array(MISSING, type=pyarrow.large_string()))
    texts = pyarrow.compute.if_else(missing, None, texts)
    if texts.null_count == len(texts):
        return None
    if pyarrow.compute.any(pyarrow.compute.match_substring_regex(texts, r"^0\d")).as_py():
        return None  # perhaps codes
    try:
        numbers = pyarrow.compute.cast(texts, pyarrow.float64())
    except pyarrow.ArrowInvalid:
        return None
    return numbers.to_numpy(zero_copy_only=False).astype(np.float64), NUMBER


def _by_form(
    form: ColumnForm, codes: npt.NDArray[np.int64], found: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The values `[N]` of a column in codes, and `[U]` which of the texts found are not of the form."""
    values = form.values(list(found))
    return np.append(values, np.nan)[codes], np.isnan(values)


def _unread(
    form: ColumnForm, found: npt.NDArray[Any], codes: npt.NDArray[np.int64], unread: npt.NDArray[np.bool_]
) -> str | None:
    if not unread.any():
        return None
    count = int(np.append(unread, False)[codes].sum())
    texts = list(found[unread])
    examples = ", ".join(map(repr, texts[:_EXAMPLES])) + (", …" if len(texts) > _EXAMPLES else "")
    return f"{count} {'value' if count == 1 else 'values'} that {'is' if count == 1 else 'are'} no {form.kind} " + (
        f"counted as missing ({examples})"
    )


def _useless(reading: ColumnReading, values: npt.NDArray[Any]) -> tuple[str | None, str | None]:
    """Why a column `[N]` is no feature, or what is strange about it; None where there is nothing to say."""
    missing = pd.isna(values)
    rows = len(values)
    if missing.all():
        return "has no values", None
    present = values[~missing]
    if rows > 1 and not missing.any() and (present == present[0]).all():
        return None, "the same in every row"
    if reading.form.kind == "date":
        return None, None
    if reading.form.kind == "number":
        if rows > 1 and re.fullmatch(r"|Unnamed: \d+", reading.name) and (np.diff(values) == 1).all():
            return "has no name and counts the rows", None
        if reading.form == NUMBER and _are_days(present):
            return None, "like dates written as 20241231, read as numbers; write them as 2024-12-31"
        if reading.form != NUMBER or len(present) < FEWEST_ROWS or not np.equal(np.mod(present, 1), 0).all():
            return None, None
        different = len(np.unique(present))
        if different < MOSTLY * len(present):
            return None, None
        steps = np.diff(present)
        if (steps == 1).all() or (steps == -1).all():
            return "only counts the rows", None
        if np.ptp(present) < 1.5 * different or _NAMED_LIKE_ONE.fullmatch(reading.name):
            return f"looks like an identifier ({different:,} different whole numbers in {len(present):,} rows)", None
        if (steps > 0).all() or (steps < 0).all():
            return None, "rises or falls from row to row: if it only counts, leave it out with --drop"
        return None, f"{different:,} different whole numbers: if it is an identifier, leave it out with --drop"
    different = len(pd.unique(present))
    if rows > 1 and not missing.any() and different == rows:
        return "has another text in every row", None
    if len(present) >= FEWEST_ROWS and different >= MOSTLY * len(present):
        return f"has {different:,} different texts in {len(present):,} rows", None
    return None, None


def _are_days(present: npt.NDArray[np.float64]) -> bool:
    """Whether numbers `[N]` are years, months and days of 1900 to 2099 in eight digits."""
    if not ((present >= 19000101) & (present <= 20991231)).all() or np.mod(present, 1).any():
        return False
    days = pd.Series(np.unique(present).astype(np.int64)).astype(str)
    return bool(pd.to_datetime(days, format="%Y%m%d", errors="coerce").notna().all())
