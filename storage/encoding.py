"""How values become rows and JSON: the rows of Optuna's tables, and JSON that every database accepts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution

BOUND_VALUES = 900
"""Values that are bound in one statement, at most: SQLite allows 32,766, older builds 999."""

PARAM_COLUMNS = ("trial_id", "param_name", "param_value", "distribution_json")
"""Columns of the rows of `param_rows`."""

T = TypeVar("T")


def now() -> datetime:
    """The current time as Optuna stores it: in UTC, without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Split `items` into lists that are short enough for one SQL statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, BOUND_VALUES)):
        yield chunk


def to_json(value: Any) -> str:
    """Encode `value` as JSON; numpy scalars become plain numbers."""
    if type(value) is float and math.isfinite(value):  # as most are; the encoder would take ten times as long
        return float.__repr__(value)
    return _ENCODER.encode(value)


def numbers_to_json(numbers: Mapping[str, float] | Sequence[float]) -> str:
    """Encode numbers as standard JSON, which has neither NaN nor infinity: numbers that are not finite become null."""
    if isinstance(numbers, Mapping):
        return f"{{{', '.join([f'{_quoted(name)}: {_number(number)}' for name, number in numbers.items()])}}}"
    return f"[{', '.join(map(_number, numbers))}]"


def json_to_numbers(text: str) -> Any:
    """Decode what `numbers_to_json` encoded; null becomes NaN."""
    read = json.loads(text)
    if isinstance(read, dict):
        return {name: math.nan if number is None else number for name, number in read.items()}
    return [math.nan if number is None else number for number in read]


def param_rows(
    trials: Iterable[tuple[int, Mapping[str, Any], Mapping[str, BaseDistribution]]],
) -> list[tuple[int, str, float, str]]:
    """Rows of Optuna's table `trial_params`: see `PARAM_COLUMNS`.

    Args:
        trials: The id of each trial, its parameters, and their distributions.
    """
    # Most trials of a study have the same distributions. Their objects live as long as `trials` does.
    trials, texts, rows = list(trials), dict[int, str](), list[tuple[int, str, float, str]]()
    for trial_id, params, distributions in trials:
        for name, value in params.items():
            distribution = distributions[name]
            text = texts.get(id(distribution))
            if text is None:
                text = texts[id(distribution)] = distribution_to_json(distribution)
            rows.append((trial_id, name, distribution.to_internal_repr(value), text))
    return rows


def attribute_rows(owner: int, attributes: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """Rows of one of Optuna's attribute tables: the id of their study or trial, the keys, the values as JSON."""
    return [(owner, key, to_json(value)) for key, value in attributes.items()]


@lru_cache(maxsize=4096)
def json_to_cached_distribution(text: str) -> BaseDistribution:
    """Decode a distribution; equal texts give the same object."""
    return json_to_distribution(text)


def _number(number: float) -> str:
    """A number as the JSON encoder writes it; null for one that is not finite."""
    text = float.__repr__(float(number))
    return "null" if text in ("nan", "inf", "-inf") else text


@lru_cache(maxsize=4096)
def _quoted(name: str) -> str:
    return _ENCODER.encode(name)


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be stored as JSON")


_ENCODER = json.JSONEncoder(default=_plain)
