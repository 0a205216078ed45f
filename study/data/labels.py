"""Turns labels of any type into class indices, and refuses targets that are quantities."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reluctant.errors import ReluctantWarning
from study.data.errors import DataError, listing, rows_where
from study.data.targets import Targets

MOST_CLASSES = 1000
_FEW = 20
MISSING_TEXTS = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A")


def encode_labels(values: pd.Series[Any] | npt.NDArray[Any], *, what: str, comma_first: bool = False) -> Targets:
    """Turn labels into class indices; the classes are in natural order, and numbers are ordered by value.

    A warning names labels that differ by upper and lower case or by blanks alone; they stay classes of their own.

    Args:
        values: `[N]` labels of any type.
        what: What the labels are, for error texts: "target 'income' of adult.csv".
        comma_first: Of no account: labels stay as they are written.

    Returns:
        The indices and names of the classes.

    Raises:
        DataError: Labels are missing or all equal, or they look like a quantity instead of classes.

    Example:
        >>> encode_labels(np.array([10, 9, 10]), what="target 'size'")
        Targets(y=array([1, 0, 1]), classes=('9', '10'), strata=None, task='classification')
    """
    texts, missing = _texts(pd.Series(values))
    if missing.any():
        raise DataError(
            f"{what} has no label in {rows_where(missing)}; every row needs one (empty, '?', 'NA', 'None' and the "
            "like count as missing); fill them in or remove these rows"
        )
    codes, found = pd.factorize(texts)
    classes = sorted(map(str, found), key=_natural)
    if len(classes) == 1:
        raise DataError(
            f"{what} has one class only, {classes[0]!r}, in all {len(texts):,} rows; two or more are needed; "
            "choose another target or add rows of another class"
        )
    if _is_quantity(classes, rows=len(texts)):
        raise DataError(
            f"{what} has {len(classes):,} different values in {len(texts):,} rows ({listing(classes[:3])}, …) and "
            "looks like a quantity or an identifier; to predict a quantity, use --task regression and one of its "
            f"metrics; for classification choose a target of at most {MOST_CLASSES} classes, or put the values into "
            "classes first"
        )
    for same in _written_alike(classes):
        warnings.warn(
            f"{what} has labels that differ by case or blanks alone: {', '.join(map(repr, same))}; each is a class "
            "of its own; if they mean the same, write them alike",
            ReluctantWarning,
            stacklevel=2,
        )
    place = {name: index for index, name in enumerate(classes)}
    return Targets(np.array([place[str(name)] for name in found], dtype=np.int64)[codes], tuple(classes))


def missing_labels(values: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    """Which labels `[N]` are missing."""
    return _texts(values)[1]


def label_texts(values: pd.Series[Any]) -> npt.NDArray[np.object_]:
    """Convert labels `[N]` to text, as classes are named; missing labels become empty."""
    return _texts(values)[0]


def _texts(values: pd.Series[Any]) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """Labels `[N]` as text, and `[N]` whether each is missing."""
    missing = values.isna().to_numpy(dtype=bool)
    codes, found = pd.factorize(values.astype(object))
    names = np.array([_text(value) for value in found] + [""], dtype=object)
    texts = names[codes]  # a missing label has code −1: the last name
    return texts, missing | np.isin(texts, MISSING_TEXTS)


def _text(value: object) -> str:
    """One label as text; a whole number is written without decimals, whatever its type is."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _natural(text: str) -> tuple[int, float, list[tuple[int, int, str]], str]:
    """Sorting key: numbers come first, by value; then texts, in which runs of digits are compared by value."""
    number = _number(text)
    if number is not None:
        return (0, number, [], text)
    runs = [(0, int(run), "") if run.isdecimal() else (1, 0, run) for run in re.split(r"(\d+)", text) if run]
    return (1, 0.0, runs, text)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if np.isnan(value) else value


def _written_alike(classes: list[str]) -> list[list[str]]:
    """Groups of two or more labels that differ by case or blanks alone."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault("".join(name.casefold().split()), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _is_quantity(classes: list[str], *, rows: int) -> bool:
    """Whether the labels look like a quantity: too many in all, more than a fifth of the rows, or many fractions."""
    if len(classes) > MOST_CLASSES:
        return True
    numbers = [_number(name) for name in classes]
    fractions = any(number is not None and not number.is_integer() for number in numbers)
    return len(classes) > _FEW and (fractions or len(classes) * 5 > rows)
