"""What would change the verdict on a contrast: another region of practical equivalence, more seeds, or more rows."""

from __future__ import annotations

import math

from study.comparison.claims import ClaimContrast
from study.intervals import Array, half_width

_MOST_SEEDS = 200
"""Seeds beyond which more rows are asked for instead."""


def what_would_change(
    contrast: ClaimContrast,
    values: Array,
    interval: tuple[float, float] | None,
    *,
    ratio: float,
    level: float,
    asked: int,
) -> str:
    """What would change the verdict on a contrast, in a line.

    Args:
        contrast: The contrast.
        values: `[R]` its values, of the replicates that have one.
        interval: The interval that it is judged by; None where there is none.
        ratio: ρ/(1 - ρ); 0 for values that are independent.
        level: Confidence level.
        asked: How many replicates there are, with a value or without.
    """
    if interval is None:
        return _without_interval(contrast, len(values), asked)
    low, high = interval
    verdict = contrast.region.verdict(interval)
    if verdict == "no practical difference":
        return f"a ROPE that leaves out {low:+.3g} … {high:+.3g} {contrast.unit}"
    if verdict != "undecided":
        nearest = low if low > contrast.region.rope[1] else high
        return f"a ROPE that reaches {nearest:+.3g} {contrast.unit}"
    return _more_data(contrast, values, ratio, level)


def _without_interval(contrast: ClaimContrast, count: int, asked: int) -> str:
    if contrast.kind == "time":
        return "the layers were not timed; `reluctant compare` times them"
    if contrast.without and count < min(2, asked):
        return f"{asked - count} of {asked} replicates have no value, for {contrast.without}"
    if not count:
        return "no replicate has a value: a cell that it reads failed or diverged"
    if count > 1:
        return "all replicates count the same, which is no spread to judge by; more rows would show one"
    if asked > 1:
        return f"{asked - 1} of {asked} replicates have no value, for they diverged; a lower --learning-rate may help"
    return "one seed gives no interval; give more --seeds"


def _more_data(contrast: ClaimContrast, values: Array, ratio: float, level: float) -> str:
    """How many seeds, or else rows, would narrow the interval until it no longer reaches the nearest bound."""
    needed = contrast.region.distance(float(values.mean()))
    deviation = float(values.std(ddof=1))

    def width(replicates: int) -> float:
        return float(half_width(deviation, replicates, ratio, level))

    enough = next((count for count in range(len(values) + 1, _MOST_SEEDS + 1) if width(count) < needed), None)
    if enough is not None:
        what = "processes of timing" if contrast.kind == "time" else "--seeds"
        return f"about {enough} {what}, where mean and spread stay as they are"
    floor = width(_MOST_SEEDS)
    times = math.inf if needed == 0 else (floor / needed) ** 2
    factor = f"{times:.0f}" if times >= 10 else f"{max(1.1, times):.1f}"
    more = f"about {factor} times the rows" if times < 1000 else "far more rows"
    return f"{more}: {_MOST_SEEDS} seeds leave ±{floor:.2g} {contrast.unit} on this much data"
