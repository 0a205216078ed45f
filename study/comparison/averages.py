"""The average of a contrast over data sets, each a single observation: the mean, or for skewed contrasts the median."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import stats

from study.comparison.claims import Average
from study.intervals import Array, Region, corrected_interval, enough, error_at

Interval = tuple[float, float]


class AverageOver(Protocol):
    """An average over data sets, and the inference that belongs to it."""

    def of(self, values: Array) -> float:
        """The average of `[n]` values."""

    def interval(self, values: Array, level: float) -> Interval | None:
        """The confidence interval of the average; None where so few values give none."""

    def error(self, values: Array, region: Region) -> float:
        """The smallest error at which the interval leaves the region's nearest bound; 1 where none does."""

    def enough(self, values: Array, region: Region, error: float, numbers: range) -> int | None:
        """The first number of data sets like these at which an error decides; None where none does."""


@dataclass(frozen=True)
class Mean:
    """The unweighted mean, with the interval of Student's t: δ̄ ± t s / √n."""

    def of(self, values: Array) -> float:
        """The mean."""
        return float(values.mean())

    def interval(self, values: Array, level: float) -> Interval | None:
        """Student's interval; None for a single value."""
        if len(values) < 2:
            return None
        _, low, high = corrected_interval(values, 0.0, level)
        return float(low), float(high)

    def error(self, values: Array, region: Region) -> float:
        """The two-sided p-value of Student's test of the nearest bound."""
        if len(values) < 2:
            return 1.0
        return error_at(region.distance(self.of(values)), float(values.std(ddof=1)), len(values), 0.0)

    def enough(self, values: Array, region: Region, error: float, numbers: range) -> int | None:
        """Where mean and standard deviation stay as they are."""
        return enough(float(values.std(ddof=1)), region.distance(self.of(values)), 0.0, 1.0 - error, numbers)


@dataclass(frozen=True)
class Median:
    """The median, with the interval of the sign test, which assumes no shape (Hollander, Wolfe and Chicken, 3.6)."""

    def of(self, values: Array) -> float:
        """The median."""
        return float(np.median(values))

    def interval(self, values: Array, level: float) -> Interval | None:
        """From the r-th smallest to the r-th largest value, r as large as the level allows; None for too few values.

        Example:
            >>> Median().interval(np.arange(10.0), 0.95), Median().interval(np.arange(5.0), 0.95)
            ((1.0, 8.0), None)
        """
        ordered = np.sort(values)
        # Of `outside` values or less on one side of the median: P ≤ (1 - level) / 2.
        outside = int(np.searchsorted(_cumulated(len(ordered)), (1.0 - level) / 2.0, side="right")) - 1
        return (float(ordered[outside]), float(ordered[-1 - outside])) if outside >= 0 else None

    def error(self, values: Array, region: Region) -> float:
        """The larger two-sided p-value of the sign tests of the bounds on either side of the median.

        Example:
            >>> Median().error(np.full(8, 1.0), Region((-0.5, 0.5))), 2 * 0.5**8
            (0.0078125, 0.0078125)
        """
        return _sign_test(self._beyond(values, region), len(values))

    def enough(self, values: Array, region: Region, error: float, numbers: range) -> int | None:
        """Where the shares of the values beyond each bound stay as they are.

        Example:
            >>> Median().enough(np.array([1.0] * 7 + [0.0] * 3), Region((-0.5, 0.5)), 0.05, range(11, 100))
            30
        """
        shares = [few / len(values) for few in self._beyond(values, region)]

        def error_of(count: int) -> float:
            return _sign_test([math.ceil(share * count - 1e-9) for share in shares], count)

        return next((count for count in numbers if error_of(count) <= error), None)

    def _beyond(self, values: Array, region: Region) -> list[int]:
        """How many values lie beyond the bounds on either side of the median."""
        centre = self.of(values)
        inside = region.verdict((centre, centre)) == "no practical difference"
        above, below = [b for b in region.bounds if b > centre], [b for b in region.bounds if b <= centre]
        # A value at the bound speaks for the region.
        beyond = [
            *([np.sum(values > min(above)) if inside else np.sum(values >= min(above))] if above else []),
            *([np.sum(values < max(below)) if inside else np.sum(values <= max(below))] if below else []),
        ]
        return [int(few) for few in beyond]


def _sign_test(beyond: Sequence[int], count: int) -> float:
    """The largest two-sided p-value of sign tests that have so few of so many values on one side."""
    return max((min(1.0, 2.0 * float(stats.binom.cdf(few, count, 0.5))) for few in beyond), default=1.0)


AVERAGES: dict[Average, AverageOver] = {"mean": Mean(), "median": Median()}
"""The averages by name."""


def leave_one_out(values: Array, average: AverageOver) -> Interval:
    """The smallest and the largest average that is left when one data set is left out.

    Example:
        >>> leave_one_out(np.array([0.0, 1.0, 5.0]), Mean())
        (0.5, 3.0)
    """
    found = [average.of(np.delete(values, place)) for place in range(len(values))]
    return min(found), max(found)


def _cumulated(count: int) -> Array:
    """`[count // 2]` probabilities that at most 0, 1, … of so many values lie on one side of the median."""
    cumulated: Array = stats.binom.cdf(np.arange(count // 2), count, 0.5)
    return cumulated
