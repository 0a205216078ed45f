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

# SQLite allows 32,766 bound values in a statement, older builds 999.
_CHUNK = 900

T = TypeVar("T")


def now() -> datetime:
    """The current time as Optuna stores it: in UTC, without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Split `items` into lists that are short enough for one SQL statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def to_json(value: Any) -> str:
    """Encode `value` as JSON; numpy scalars become plain numbers."""
    if type(value) is float and math.isfinite(value):  # as most are; the encoder would take ten times as long
        return float.__repr__(value)
    return _ENCODER.encode(value)


def numbers_to_json(numbers: Mapping[str, float] | Sequence[float]) -> str:
    """Encode numbers as standard JSON, which has neither NaN nor infinity: numbers that are not finite become null."""
    if isinstance(numbers, Mapping):
        return _ENCODER.encode({name: _finite(number) for name, number in numbers.items()})
    return _ENCODER.encode([_finite(number) for number in numbers])


def json_to_numbers(text: str) -> Any:
    """Decode what `numbers_to_json` encoded; null becomes NaN."""
    read = json.loads(text)
    if isinstance(read, dict):
        return {name: math.nan if number is None else number for name, number in read.items()}
    return [math.nan if number is None else number for number in read]


def param_rows(
    trial_id: int, params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
) -> list[dict[str, Any]]:
    """Rows of Optuna's table `trial_params` for the parameters of one trial."""
    return [
        {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": distributions[name].to_internal_repr(value),
            "distribution_json": distribution_to_json(distributions[name]),
        }
        for name, value in params.items()
    ]


def attribute_rows(owner: Mapping[str, int], attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of one of Optuna's attribute tables; `owner` is `{"trial_id": …}` or `{"study_id": …}`."""
    return [{**owner, "key": key, "value_json": to_json(value)} for key, value in attributes.items()]


@lru_cache(maxsize=4096)
def json_to_cached_distribution(text: str) -> BaseDistribution:
    """Decode a distribution; equal texts give the same object."""
    return json_to_distribution(text)


def _finite(number: float) -> float | None:
    plain = float(number)
    return plain if math.isfinite(plain) else None


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be stored as JSON")


_ENCODER = json.JSONEncoder(default=_plain)
