"""The forms in which a column's values can be written: numbers with their separators and units, dates, text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

MOSTLY = 0.95
"""Share of the values that are there from which on a column is of a form, and its other values count as missing."""
_FEW = 9
"""Up to so many different numbers with a unit may be the names of sizes."""
_UNITS = r"[$€£¥]|USD|EUR|GBP|CHF|%"
_DIGITS = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:inf(?:inity)?)"
_SPACES = " \u00a0\u202f"
_TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p")
_MONTHS = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
_LIKE_DATES = re.compile(
    r"\d{4}[-/]\d{1,2}|\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b.*|\d{1,2}:\d{2}\b.*"
    rf"|(?i:.*\b(?:{_MONTHS}|nov(?:ember)?|dec(?:ember)?)\b.*)"
)
"""Texts that people take for dates or times, whether their form is known or not."""
_CODE, _PADDED = re.compile(r"\d+"), re.compile(r"0\d+")


@dataclass(frozen=True, kw_only=True)
class ColumnForm:
    """How the values of a column are read.

    Attributes:
        kind: What they become: numbers, seconds since 1970, or categories.
        name: The form in words; empty where nothing needs to be said about it.
        match: Regular expression of a whole value that is of the form.
        remove: Regular expression of what is no part of a number: separators of thousands, units.
        decimal: The decimal separator of a number.
        formats: Formats of a date, as pandas takes them, in the order in which they are tried.
        unread: Values of the training data that are not of the form, and count as missing.
    """

    kind: Literal["number", "date", "text"]
    name: str = ""
    match: str = ""
    remove: str = ""
    decimal: str = "."
    formats: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def matches(self, text: str) -> bool:
        """Whether a text is of the form."""
        return re.fullmatch(self.match, text) is not None

    def values(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Texts `[N]` that are of the form as `[N]` float64; NaN where they are not.

        Example:
            >>> COMMA.values(["1,5", "-2", "x"])
            array([ 1.5, -2. ,  nan])
        """
        if self.kind == "number":
            return np.array([self._number(text) if self.matches(text) else np.nan for text in texts], dtype=np.float64)
        dates = pd.Series([text if self.matches(text) else None for text in texts], dtype=object)
        found = pd.Series(pd.NaT, index=dates.index, dtype="datetime64[us, UTC]")
        for form in self.formats:
            parsed = pd.to_datetime(dates, format=form, errors="coerce", utc=True)
            found = found.fillna(parsed.astype("datetime64[us, UTC]"))
        return seconds(found)

    def _number(self, text: str) -> float:
        plain = re.sub(self.remove, "", text) if self.remove else text
        return float(plain.replace(self.decimal, "."))


TEXT = ColumnForm(kind="text")
NUMBER = ColumnForm(kind="number", match=rf"[+-]?(?:{_DIGITS})")
COMMA = ColumnForm(kind="number", name="decimal commas", match=r"[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?", decimal=",")


def _thousands(separator: str, decimal: str, name: str) -> ColumnForm:
    fraction = rf"(?:{re.escape(decimal)}\d+)?"
    whole = rf"[1-9]\d{{0,2}}(?:[{separator}]\d{{3}})+{fraction}|\d{{1,3}}{fraction}"
    return ColumnForm(kind="number", name=name, match=rf"[+-]?(?:{whole})", remove=f"[{separator}]", decimal=decimal)


_THOUSANDS = (
    _thousands(",", ".", "commas between thousands"),
    _thousands(_SPACES, ".", "blanks between thousands"),
    _thousands("'’", ".", "apostrophes between thousands"),
)
_THOUSANDS_COMMA = (
    _thousands(r"\.", ",", "points between thousands, decimal commas"),
    _thousands(_SPACES, ",", "blanks between thousands, decimal commas"),
    _thousands("'’", ",", "apostrophes between thousands, decimal commas"),
)
DATES = (
    ColumnForm(
        kind="date", name="dates year-month-day", match=rf"\d{{4}}-\d{{2}}-\d{{2}}{_TIME}", formats=("ISO8601",)
    ),
    *(
        ColumnForm(
            kind="date",
            name=f"dates {name}",
            match=rf"{pattern}(?: \d{{1,2}}:\d{{2}}(?::\d{{2}})?(?: ?[AaPp][Mm])?)?",
            formats=(form, *(f"{form} {time}" for time in _TIMES)),
        )
        for name, pattern, form in (
            ("year/month/day", r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
            ("day.month.year", r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
            ("day/month/year", r"\d{1,2}/\d{1,2}/\d{4}", "%d/%m/%Y"),
            ("month/day/year", r"\d{1,2}/\d{1,2}/\d{4}", "%m/%d/%Y"),
            ("day-month-year", r"\d{1,2}-\d{1,2}-\d{4}", "%d-%m-%Y"),
            ("day-month-year", r"\d{1,2}-[A-Za-z]{3}-\d{4}", "%d-%b-%Y"),
            ("month day, year", r"[A-Za-z]{3} \d{1,2}, \d{4}", "%b %d, %Y"),
            ("month day, year", r"[A-Za-z]{3,9} \d{1,2}, \d{4}", "%B %d, %Y"),
        )
    ),
)
ISO = DATES[0]


def seconds(dates: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Dates `[N]` as seconds since 1970; without a time zone they count as UTC."""
    start = pd.Timestamp(0, tz=getattr(dates.dtype, "tz", None))
    return np.asarray((dates - start).dt.total_seconds(), dtype=np.float64)


def find_form(
    texts: Sequence[str], counts: npt.NDArray[np.int64], *, comma_first: bool = False
) -> tuple[ColumnForm, tuple[str, ...]]:
    """Decides how a column is read.

    Args:
        texts: `[U]` the different values that are there, stripped.
        counts: `[U]` how often each occurs.
        comma_first: Whether 1,234 is rather 1.234 than 1234, as in files whose values are separated by semicolons.

    Returns:
        The form that fits at least 95 % of the values, among several the one that fits most; else text. And what a
        user should know, a phrase each.

    Example:
        >>> form, notes = find_form(["$1,200", "$35", "$7.50"], np.array([1, 1, 1]))
        >>> form.name, form.values(["$1,200"]).tolist()
        ('commas between thousands, $ left out', [1200.0])
    """
    total = int(counts.sum())
    if all(map(_CODE.fullmatch, texts)) and any(map(_PADDED.fullmatch, texts)):
        return TEXT, ("written with leading zeros: codes, taken as text",)

    def share(form: ColumnForm) -> float:
        fitting = np.array([form.matches(text) for text in texts])
        if form.kind == "date" and counts[fitting].sum() >= MOSTLY * total:
            fitting = ~np.isnan(form.values(texts))  # 31 February is none
        return float(counts[fitting].sum()) / total

    shares = [(share(form), form) for form in _number_forms(texts, counts, comma_first=comma_first)]
    best = max(share for share, _ in shares)
    if best >= MOSTLY:
        return next(form for share, form in shares if share == best), ()
    dates = [(share(form), form) for form in DATES]
    most = max(share for share, _ in dates)
    if most >= MOSTLY:
        fitting = [form for share, form in dates if share == most]
        if len({form.name for form in fitting}) > 1:
            return TEXT, ("day and month of its dates cannot be told apart: taken as text; write them as 2024-12-31",)
        return _or_iso(fitting[0]), ()
    if (text := _what_numbers_lack(texts, counts)) is not None:
        return TEXT, (text,)
    if max(best, most) >= 0.5:
        seen = "numbers" if best >= most else "dates"
        others = [text for text in texts if not any(form.matches(text) for _, form in (*shares, *dates))]
        return TEXT, (f"{max(best, most):.0%} {seen}, too few to be read as such: taken as text ({_examples(others)})",)
    return TEXT, ()


def _what_numbers_lack(texts: Sequence[str], counts: npt.NDArray[np.int64]) -> str | None:
    """What a user should know of texts that people take for dates or quantities; None where they are neither."""

    def is_like_a_date(text: str) -> bool:
        return _LIKE_DATES.fullmatch(text) is not None and any(map(str.isdigit, text))

    def is_most(fitting: Sequence[bool]) -> bool:
        return float(counts[np.array(fitting)].sum()) >= MOSTLY * float(counts.sum())

    if any(map(is_like_a_date, texts[:_FEW])) and is_most([*map(is_like_a_date, texts)]):
        return "like dates or times, of a form that is not known: taken as text; write them as 2024-12-31 10:30"
    parts = [re.fullmatch(rf"[+-]?(?:{_DIGITS})\s*([^\W\d_]+)", text) for text in texts]
    units = {part[1] for part in parts if part}
    if len(units) == 1 and len(texts) > _FEW and is_most([part is not None for part in parts]):
        (unit,) = units
        return f"numbers with {unit!r} behind them: taken as text; leave it out to have them read as numbers"
    return None


def _or_iso(form: ColumnForm) -> ColumnForm:
    """A form of dates that reads year-month-day too, as other files may have it."""
    if form == ISO:
        return form
    return replace(form, match=f"{form.match}|{ISO.match}", formats=(*form.formats, *ISO.formats))


def _number_forms(texts: Sequence[str], counts: npt.NDArray[np.int64], *, comma_first: bool) -> Sequence[ColumnForm]:
    """The forms of numbers with the unit that most values have; of those that fit equally well the first one counts."""
    commas = (COMMA, *_THOUSANDS_COMMA)
    forms = (NUMBER, *commas, *_THOUSANDS) if comma_first else (NUMBER, *_THOUSANDS, *commas)
    before, after = _most_frequent_unit(texts, counts)
    if not before and not after:
        return forms
    return [_with_unit(form, before, after) for form in forms]


def _most_frequent_unit(texts: Sequence[str], counts: npt.NDArray[np.int64]) -> tuple[str, str]:
    found: dict[tuple[str, str], int] = {}
    for text, count in zip(texts, counts, strict=True):
        parts = re.fullmatch(rf"[+-]?({_UNITS})?\s*[+-]?[\d.,][\d.,'’\seE+-]*?\s*({_UNITS})?", text)
        if parts:
            unit = (parts[1] or "", parts[2] or "")
            found[unit] = found.get(unit, 0) + int(count)
    return max(found, key=lambda unit: found[unit]) if found else ("", "")


def _with_unit(form: ColumnForm, before: str, after: str) -> ColumnForm:
    body = form.match.removeprefix("[+-]?")
    unit = " ".join(filter(None, (before, after)))
    left = rf"(?:[+-]?{re.escape(before)}\s*|{re.escape(before)}\s*[+-]?)" if before else "[+-]?"
    removed = "|".join(filter(None, (form.remove, re.escape(before), re.escape(after), r"\s")))
    return replace(
        form,
        name=f"{form.name}{', ' if form.name else ''}{unit} left out",
        match=rf"{left}{body}" + (rf"\s*{re.escape(after)}" if after else ""),
        remove=removed,
    )


def _examples(texts: Sequence[str], most: int = 3) -> str:
    return ", ".join(map(repr, texts[:most])) + (", …" if len(texts) > most else "")
