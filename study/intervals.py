"""Intervals of paired contrasts over replicates that share a data set, their errors, and the verdicts they allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

Array = npt.NDArray[np.float64]
Verdict = Literal["supported", "refuted", "no practical difference", "undecided"]
FAMILY_ERROR = 0.05


@dataclass(frozen=True)
class Region:
    """The region of practical equivalence of a contrast, and on which side of it a claim lies.

    Attributes:
        rope: The bounds of the region.
        above: Whether the claim says that the contrast lies above the region; else below.
        limit: Bound that the contrast of a claim that says "some, not all" stays below.
        domain: Smallest and largest possible value of the contrast; an interval is cut there.
    """

    rope: tuple[float, float]
    above: bool = True
    limit: float = math.inf
    domain: tuple[float, float] = (-math.inf, math.inf)

    def verdict(self, interval: tuple[float, float] | None) -> Verdict:
        """The verdict that an interval allows; without an interval it is "undecided".

        Example:
            >>> region = Region((-0.5, 0.5))
            >>> region.verdict((0.6, 1.2)), region.verdict((-0.2, 0.1)), region.verdict((0.3, 0.9))
            ('supported', 'no practical difference', 'undecided')
        """
        if interval is None:
            return "undecided"
        (low, high), (least, most) = interval, self.rope
        if low > most:
            if low > self.limit:
                return "refuted"
            return ("supported" if self.above else "refuted") if high < self.limit else "undecided"
        if high < least:
            return "refuted" if self.above else "supported"
        return "no practical difference" if least <= low and high <= most else "undecided"

    def possible(self, interval: tuple[float, float] | None) -> tuple[Verdict, ...]:
        """The verdicts that an interval leaves possible: what a narrower one inside it could come to.

        Example:
            >>> region = Region((-0.5, 0.5))
            >>> region.possible((0.3, 0.9)), region.possible((0.6, 0.9))
            (('supported', 'no practical difference'), ('supported',))
        """
        (low, high), (least, most) = interval or (-math.inf, math.inf), self.rope
        above, below = ("supported", "refuted") if self.above else ("refuted", "supported")
        found = {above} if high > most and low < self.limit else set()
        found |= {"refuted"} if high > self.limit else set()
        found |= {"no practical difference"} if least < most and low <= most and high >= least else set()
        found |= {below} if low < least else set()
        ordered: tuple[Verdict, ...] = ("supported", "no practical difference", "refuted")
        return tuple(verdict for verdict in ordered if verdict in found)

    def within(self, interval: tuple[float, float] | None) -> tuple[float, float] | None:
        """The part of an interval that the contrast can take.

        Example:
            >>> Region((0.0, 1.0), domain=(0.0, 100.0)).within((-2.0, 3.0))
            (0.0, 3.0)
        """
        low, high = self.domain
        if interval is None:
            return None
        return min(high, max(low, interval[0])), min(high, max(low, interval[1]))

    @property
    def bounds(self) -> tuple[float, ...]:
        """The bounds at which the verdict changes, of which none is an end of the domain.

        Example:
            >>> Region((0.0, 1.0), limit=99.0, domain=(0.0, 100.0)).bounds
            (1.0, 99.0)
        """
        least, most = self.domain
        return tuple(bound for bound in (*self.rope, self.limit) if least < bound < most or bound == self.limit)

    def distance(self, estimate: float) -> float:
        """Distance from an estimate to the nearest bound at which the verdict changes.

        Example:
            >>> Region((0.0, 1.0), domain=(0.0, 100.0)).distance(0.25)
            0.75
        """
        return min(abs(estimate - bound) for bound in self.bounds)

    def decided(self, interval: tuple[float, float], verdict: Verdict, estimate: float) -> tuple[float, float]:
        """The part of an interval that agrees with a verdict which a sharper procedure reached.

        Example:
            >>> Region((-0.5, 0.5)).decided((0.4, 1.2), "supported", 0.8)
            (0.5, 1.2)
        """
        (low, high), (least, most) = interval, self.rope
        if verdict == "no practical difference":
            return max(low, least), min(high, most)
        if verdict == "undecided":
            return interval
        if estimate <= least:
            return low, min(high, least)
        return (max(low, self.limit), high) if estimate > self.limit else (max(low, most), min(high, self.limit))


def corrected_interval(values: Array, ratio: float, level: float) -> tuple[Any, Any, Any]:
    """Mean and corrected resampled t interval of contrasts (Nadeau and Bengio 2003, section 3).

    Replicates divide the same samples anew, so that their contrasts may be correlated. With a correlation of ρ the
    variance of the mean of k of them is (1/k + ρ/(1 - ρ)) σ², where σ² is the expectation of their sample variance s².
    Nadeau and Bengio put ρ at n_test/(n_test + n_train), with which ρ/(1 - ρ) = n_test/n_train.

    Args:
        values: `[..., R]` one value a replicate, at least two.
        ratio: ρ/(1 - ρ); 0 for values that are independent.
        level: Confidence level.

    Returns:
        `[...]` mean, lower and upper bound.
    """
    half = half_width(values.std(axis=-1, ddof=1), values.shape[-1], ratio, level)
    mean = values.mean(axis=-1)
    return mean, mean - half, mean + half


def half_width(deviation: Any, replicates: float, ratio: float, level: float) -> Any:
    """Half the width of the interval of `corrected_interval`.

    Args:
        deviation: Standard deviation of the values.
        replicates: Number of values, at least two.
        ratio: ρ/(1 - ρ); 0 for values that are independent.
        level: Confidence level.

    Example:
        >>> round(float(half_width(0.1, 3, 0.0, 0.95)), 4)
        0.2484
    """
    quantile = stdtrit(replicates - 1, (1.0 + level) / 2.0)
    return quantile * deviation * np.sqrt(1.0 / replicates + ratio)


def enough(deviation: float, distance: float, ratio: float, level: float, numbers: range) -> int | None:
    """The first number of replicates at which half the width of an interval is below a distance; None where none is.

    Args:
        deviation: Standard deviation of the values.
        distance: Of the mean from the bound that the interval is to leave out.
        ratio: ρ/(1 - ρ); 0 for values that are independent.
        level: Confidence level.
        numbers: The numbers of replicates that are tried.

    Example:
        >>> enough(1.0, 0.5, 0.0, 0.95, range(10, 100))
        18
    """
    return next((count for count in numbers if half_width(deviation, count, ratio, level) < distance), None)


def error_at(distance: float, deviation: float, replicates: float, ratio: float) -> float:
    """The error, 1 - level, at which half the width of an interval is a distance: the smallest at which it decides.

    Args:
        distance: Of the mean from the bound that the interval is to leave out, above 0.
        deviation: Standard deviation of the values.
        replicates: Number of values, at least two.
        ratio: ρ/(1 - ρ); 0 for values that are independent.

    Example:
        >>> round(error_at(0.2484, 0.1, 3, 0.0), 4)
        0.05
    """
    error = deviation * math.sqrt(1.0 / replicates + ratio)
    return float(2.0 * stdtr(replicates - 1, -distance / error)) if error > 0 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values after Holm's step-down correction (Holm 1979), in the order given.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted, largest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def holm_errors(p_values: Sequence[float], error: float = FAMILY_ERROR) -> list[float]:
    """The error that Holm's procedure grants each hypothesis, in the order given.

    The hypothesis with the smallest p-value gets the error over their number, the next one the error over one less,
    until one is not rejected; it and all that follow get what it got.

    Example:
        >>> [round(each, 4) for each in holm_errors([0.001, 0.9, 0.04])]
        [0.0167, 0.025, 0.025]
    """
    granted, left = [0.0] * len(p_values), len(p_values)
    for index in sorted(range(len(p_values)), key=lambda index: p_values[index]):
        granted[index] = error / left
        left -= p_values[index] <= granted[index] and left > 1
    return granted
