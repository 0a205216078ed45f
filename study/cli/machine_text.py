"""Text for machines: strict JSON and CSV, with the same numbers and the same times in both."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON by its standard, which has neither NaN nor infinity: such numbers become null.

    Example:
        >>> json_text({"best": float("inf"), "rate": 0.1}, indent=None)
        '{"best": null, "rate": 0.1}'
    """
    return json.dumps(_jsonable(value), indent=indent, allow_nan=False)


def write_csv(rows: Sequence[Mapping[str, Any]], stream: TextIO) -> None:
    """Writes rows as CSV; what a row lacks, or knows no number for, is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row.get(name)) for name in columns])


def cell(value: Any) -> Any:
    """A value as one cell of a table: a time in ISO 8601, a list or a mapping as JSON; None where it is no number."""
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, Mapping | list | tuple):
        return json_text(value, indent=None)
    return None if value != value else value


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _jsonable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(each) for each in value]
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value.item() if hasattr(value, "item") else value


def _time(value: datetime) -> str:
    return value.isoformat(timespec="microseconds")
