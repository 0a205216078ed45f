"""What would change the verdict on a contrast: another region of practical equivalence, more seeds, rows or data."""

from __future__ import annotations

import math

import numpy as np

from study.comparison.averages import AVERAGES
from study.comparison.claims import ClaimContrast
from study.intervals import Array, Region, enough, half_width

_MOST_SEEDS = 200
"""Seeds beyond which more rows are asked for instead."""
_MOST_TIMES = 50
"""Times the seeds of each data set beyond which no number is named."""
_MOST_DATA_SETS = 2_000
"""Data sets beyond which no number of them is named."""


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
    if contrast.region.verdict(interval) == "undecided":
        return _more_data(contrast, values, ratio, level)
    return _other_region(contrast.region, interval, contrast.unit)


def what_would_change_across(
    contrast: ClaimContrast,
    values: Array,
    variances: Array,
    interval: tuple[float, float] | None,
    error: float,
) -> str:
    """What would change the verdict on the average of a contrast over data sets, in a line.

    Args:
        contrast: The contrast.
        values: `[n]` its estimates on the data sets.
        variances: `[n]` their variances; NaN where unknown.
        interval: The interval of the average that it is judged by; None where there is none.
        error: The error that the verdict may have.
    """
    if interval is None:
        return f"more data sets: {len(values)} give no interval"
    if contrast.region.verdict(interval) != "undecided":
        return _other_region(contrast.region, interval, contrast.unit)
    numbers = range(len(values) + 1, _MOST_DATA_SETS + 1)
    needed = AVERAGES[contrast.average].enough(values, contrast.region, error, numbers)
    more = f"about {needed} data sets in all" if needed else f"more than {_MOST_DATA_SETS:,} data sets"
    ways = [
        f"{more}, where {contrast.average} and spread stay as they are",
        _more_seeds(contrast, values, variances, error),
    ]
    least, most = contrast.region.rope
    ways += [f"a ROPE of ±{max(abs(bound) for bound in interval):.2g} {contrast.unit}"] if least == -most else []
    return "; or ".join(filter(None, ways))


def _more_seeds(contrast: ClaimContrast, values: Array, variances: Array, error: float) -> str:
    """How many times the seeds would decide a mean, if that is possible: they narrow each estimate, not the effects."""
    known = variances[~np.isnan(variances)]
    if contrast.average != "mean" or not len(known):
        return ""
    of_a_unit = float(half_width(1.0, len(values), 0.0, 1.0 - error))
    allowed = (contrast.region.distance(float(values.mean())) / of_a_unit) ** 2
    measured = float(known.mean())
    left = allowed - max(0.0, float(values.var(ddof=1)) - measured)
    times = measured / left if left > 0 else math.inf
    return f"about {times:.1f} times the seeds of each" if 1.0 < times <= _MOST_TIMES else ""


def _other_region(region: Region, interval: tuple[float, float], unit: str) -> str:
    """The region of practical equivalence with which a verdict would be another one."""
    low, high = interval
    if region.verdict(interval) == "no practical difference":
        return f"a ROPE that leaves out {low:+.3g} … {high:+.3g} {unit}"
    return f"a ROPE that reaches {low if low > region.rope[1] else high:+.3g} {unit}"


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

    seeds = enough(deviation, needed, ratio, level, range(len(values) + 1, _MOST_SEEDS + 1))
    if seeds is not None:
        what = "processes of timing" if contrast.kind == "time" else "--seeds"
        return f"about {seeds} {what}, where mean and spread stay as they are"
    floor = width(_MOST_SEEDS)
    times = math.inf if needed == 0 else (floor / needed) ** 2
    factor = f"{times:.0f}" if times >= 10 else f"{max(1.1, times):.1f}"
    more = f"about {factor} times the rows" if times < 1000 else "far more rows"
    return f"{more}: {_MOST_SEEDS} seeds leave ±{floor:.2g} {contrast.unit} on this much data"
