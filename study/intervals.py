"""Intervals of paired contrasts over replicates that share a data set, and the verdict that an interval allows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

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


def corrected_interval(values: Array, ratio: float, level: float) -> tuple[Any, Any, Any]:
    """Mean and corrected resampled t interval of contrasts (Nadeau and Bengio 2003, section 3).

    Replicates divide the same samples anew, so that their contrasts are correlated: the variance of the mean is
    (1/k + n_test/n_train) s², not s²/k.

    Args:
        values: `[..., R]` one value a replicate, at least two.
        ratio: n_test/n_train; 0 for values that are independent.
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
        ratio: n_test/n_train; 0 for values that are independent.
        level: Confidence level.

    Example:
        >>> round(float(half_width(0.1, 3, 0.0, 0.95)), 4)
        0.2484
    """
    quantile = stats.t.ppf((1.0 + level) / 2.0, replicates - 1)
    return quantile * deviation * np.sqrt(1.0 / replicates + ratio)
