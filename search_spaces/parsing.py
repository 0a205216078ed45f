"""Reads one parameter's table of a space file, and knows which values each hyperparameter may have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from reluctant.errors import ReluctantError, unknown
from search_spaces.activations import ACTIVATIONS
from search_spaces.initializations import INITIALIZATIONS
from search_spaces.network_names import NORMALIZATIONS


class SpaceError(ReluctantError, ValueError):
    """A search space, or a point of one, is not valid; the text says why."""


@dataclass(frozen=True)
class Domain:
    """The values that a hyperparameter may have in any search space.

    Attributes:
        names: The allowed names, for a parameter whose values are names; else None.
        flag: Whether the values are true and false.
        whole: Whether only whole numbers are allowed.
        low: Smallest allowed number.
        high: Largest allowed number.
        open_low: Whether `low` itself is excluded.
        open_high: Whether `high` itself is excluded.
    """

    names: Collection[str] | None = None
    flag: bool = False
    whole: bool = False
    low: float = 0.0
    high: float = float("inf")
    open_low: bool = False
    open_high: bool = False

    @property
    def listed(self) -> tuple[Any, ...]:
        """All allowed values, for a parameter that has no range; else none."""
        return (False, True) if self.flag else tuple(self.names or ())

    def holds(self, value: float) -> bool:
        """Whether the number `value` is allowed."""
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return above and below and value != float("inf")

    def __str__(self) -> str:
        left = f"{self.low:g} {'<' if self.open_low else '≤'} "
        right = "" if self.high == float("inf") else f" {'<' if self.open_high else '≤'} {self.high:g}"
        return f"{left}{'whole number' if self.whole else 'number'}{right}"


DOMAINS: dict[str, Domain] = {
    "activation": Domain(names=ACTIVATIONS),
    "negative_slope": Domain(high=1.0),
    "initialization": Domain(names=INITIALIZATIONS),
    "dropout": Domain(high=1.0, open_high=True),
    "learning_rate": Domain(high=10.0, open_low=True),
    "weight_decay": Domain(high=10.0),
    "width": Domain(whole=True, low=1, high=8192),
    "depth": Domain(whole=True, low=1, high=100),
    "l1": Domain(high=10.0),
    "normalization": Domain(names=NORMALIZATIONS),
    "bias": Domain(low=-10.0, high=10.0),
    "l2": Domain(high=10.0),
    "residual": Domain(flag=True),
    "shuffled_targets": Domain(flag=True),
    "input_orders": Domain(whole=True, low=1, high=1000),
}
"""The domain of each hyperparameter, in the order of suggestion; a condition refers to an earlier one."""
OF_COMPARISONS = ("shuffled_targets", "input_orders")
"""Parameters that comparisons vary, and that no search can: what is learned is no choice."""


def read_parameter(name: str, table: Any, *, where: str) -> tuple[BaseDistribution, dict[str, tuple[Any, ...]]]:
    """Read the table of one parameter.

    Args:
        name: The name of the parameter, a key of `DOMAINS`.
        table: The value of this key in the TOML file.
        where: The name of the file, for errors.

    Returns:
        The distribution of the parameter, and its condition (empty where it has none).

    Raises:
        SpaceError: See `parse_space`.
    """
    place = f"[{name}] in {where}"
    if not isinstance(table, dict):
        raise SpaceError(f"{place} is {table!r}; it needs a table with `choices`, or `low` and `high`")
    known = ("choices", "low", "high", "log", "step", "when")
    for key in table:
        if key not in known:
            raise SpaceError(unknown("key", key, known, where=place))
    domain = DOMAINS[name]
    if "choices" in table:
        mixed = {"low", "high", "log", "step"} & table.keys()
        if mixed:
            raise SpaceError(f"{place} has choices and also {', '.join(sorted(mixed))}; keep one of the two forms")
        distribution: BaseDistribution = _choices(name, domain, table["choices"], place)
    elif domain.listed:
        example = "[false, true]" if domain.flag else list(domain.listed[:2])
        raise SpaceError(f"{place} has no choices; it needs a list such as choices = {example}")
    else:
        distribution = _range(name, domain, table, place)
    return distribution, _condition(table.get("when", {}), place)


def _choices(name: str, domain: Domain, choices: Any, place: str) -> CategoricalDistribution:
    if not isinstance(choices, list) or not choices:
        raise SpaceError(f"choices of {place} are {choices!r}; they need to be a list of at least one value")
    for choice in choices:
        if domain.flag:
            _flag(choice, f"choices of {place}")
        elif domain.names is None:
            _number(choice, domain, f"choices of {place}")
        elif choice not in list(domain.names):
            raise SpaceError(unknown(name, str(choice), domain.names, where=place))
    for choice in choices:
        if choices.count(choice) > 1:
            raise SpaceError(f"choices of {place} hold {choice!r} twice; every choice needs to stand once")
    return CategoricalDistribution(choices)


def check_value(name: str, value: Any) -> None:
    """Refuse a value that lies outside of the domain of a hyperparameter.

    Args:
        name: The name of the hyperparameter, a key of `DOMAINS`.
        value: The value to check.

    Raises:
        SpaceError: The value is not allowed; the text says what is.
    """
    domain = DOMAINS[name]
    if domain.names is not None:
        if value not in domain.names:
            raise SpaceError(unknown(name, str(value), domain.names))
    elif type(value) in (float, int, bool):
        _check_plain(name, value)
    else:
        _check_of_kind(name, value)


def _check_of_kind(name: str, value: Any) -> None:
    """Refuse what is no flag, or no number in the domain."""
    if DOMAINS[name].flag:
        _flag(value, name)
    else:
        _number(value, DOMAINS[name], name)


# Most hyperparameters of most trials of a study have the same values.
_check_plain = lru_cache(maxsize=4096, typed=True)(_check_of_kind)


def _flag(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        raise SpaceError(f"{place} has the value {value!r}; it needs true or false")


def _number(value: Any, domain: Domain, place: str) -> None:
    if type(value) is (int if domain.whole else float) and domain.holds(value):
        return  # the usual case, without the cost of asking an abstract class
    kinds = Integral if domain.whole else Real
    if isinstance(value, bool) or not isinstance(value, kinds) or not domain.holds(float(value)):
        raise SpaceError(f"{place} has the value {value!r}; it needs {domain}")


def _range(name: str, domain: Domain, table: Mapping[str, Any], place: str) -> FloatDistribution | IntDistribution:
    for key in ("low", "high"):
        if key not in table:
            raise SpaceError(f"{place} has no {key}; it needs `low` and `high`, or `choices`")
        _number(table[key], domain, f"{key} of {place}")
    low, high, log, step = table["low"], table["high"], table.get("log", False), table.get("step")
    if low > high:
        raise SpaceError(f"{place} runs from low = {low} to high = {high}; low needs to be the smaller one")
    if not isinstance(log, bool):
        raise SpaceError(f"log of {place} is {log!r}; it needs to be true or false")
    if log and low <= 0:
        raise SpaceError(f"{place} is a log range that starts at {low}; low needs to be above 0, or log = false")
    if log and step is not None:
        raise SpaceError(f"{place} has log and step; keep one of the two")
    if step is not None:
        if isinstance(step, bool) or not isinstance(step, int | float) or not step > 0:
            raise SpaceError(f"step of {place} is {step!r}; it needs a number above 0")
        if domain.whole and not isinstance(step, int):
            raise SpaceError(f"step of {place} is {step!r}; {name} takes whole numbers only")
        high = _last_step(low, high, step, place)
    if domain.whole:
        return IntDistribution(low, int(high), log=log, step=int(step or 1))
    return FloatDistribution(float(low), float(high), log=log, step=step)


def _last_step(low: float, high: float, step: float, place: str) -> float:
    """The largest low + k · step up to high, in decimal arithmetic; Optuna would change high to it, with a warning."""
    start, end, width = (Decimal(str(value)) for value in (low, high, step))
    try:
        last = float(start + (end - start) // width * width)
        fits = last > low and (Decimal(str(last)) - start) % width == 0
    except InvalidOperation:
        fits = False
    if not fits:
        raise SpaceError(
            f"step of {place} is {step!r}, which does not lead from {low} towards {high}; "
            f"it needs a number of few digits up to {end - start}"
        )
    return last


def _condition(when: Any, place: str) -> dict[str, tuple[Any, ...]]:
    if not isinstance(when, dict):
        raise SpaceError(f"when of {place} is {when!r}; it needs a table such as {{ activation = ['leaky_relu'] }}")
    for other, values in when.items():
        if not isinstance(values, list) or not values:
            raise SpaceError(f"when of {place} gives {other} = {values!r}; it needs a list of at least one value")
    return {other: tuple(values) for other, values in when.items()}
