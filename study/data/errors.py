"""Errors of reading data, and phrases that several error texts share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from reluctant.errors import ReluctantError, nearest

_MOST_NAMES = 20
_MOST_ROWS = 5


class DataError(ReluctantError, ValueError):
    """The data cannot be used as it is; the text says why, and what to change."""


class DataNotFoundError(DataError, FileNotFoundError):
    """There is no data set or file of this name, or a part of it is missing."""


def listing(names: Sequence[str]) -> str:
    """List names, cut off where there are too many to read.

    Example:
        >>> listing(["age", "sex"])
        'age, sex'
    """
    shown = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def did_you_mean(seen: str, known: Iterable[str]) -> str:
    """A hint with the most similar known name, to append to an error text; empty where no name is similar."""
    near = nearest(seen, known)
    return f"; did you mean {near!r}?" if near else ""


def rows_where(bad: npt.NDArray[np.bool_]) -> str:
    """Describe where a boolean column `[N]` is true: the count and the first rows, counted from 1 without the header.

    Example:
        >>> rows_where(np.array([False, True, True]))
        '2 rows (2, 3)'
    """
    rows = np.flatnonzero(bad) + 1
    first = ", ".join(str(row) for row in rows[:_MOST_ROWS])
    more = ", …" if len(rows) > _MOST_ROWS else ""
    return f"{len(rows)} row{'s' if len(rows) != 1 else ''} ({first}{more})"
