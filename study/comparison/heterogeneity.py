"""How far the effects of data sets differ, and what a data set that is not among them is to be expected to have.

An estimate of each data set differs from the mean by its own error, whose variance is known, and by how far its effect
truly lies from the mean: that variance, τ², is not. A plugged-in estimate of it is 0 on half of all occasions where it
is small, and prediction intervals by it hold 77-96 % instead of 95. So τ² is weighed here by its confidence
distribution, which comes from Cochran's Q and needs no simulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from study.intervals import Array

_STEPS, _SMALLEST, _LARGEST = 400, 1e-4, 1e3
_FLOOR = 1e-3
"""Smallest variance of an estimate, as a part of the mean of all: equal replicates are no certainty."""


@dataclass(frozen=True)
class Predictive:
    """The distribution of the effect on a new data set: normal, its scale weighed by a confidence distribution.

    Attributes:
        centre: Its centre, the unweighted mean of the estimates.
        scales: `[K]` standard deviations.
        weights: `[K]` their weights, which add to 1.
    """

    centre: float
    scales: Array
    weights: Array

    def below(self, bound: float) -> float:
        """The probability that the effect lies below a bound."""
        return float(self.weights @ stats.norm.cdf((bound - self.centre) / self.scales))

    def density(self, x: Array) -> Array:
        """`[...]` density at `[...]`."""
        z = (x[..., None] - self.centre) / self.scales
        density: Array = (np.exp(-0.5 * z**2) / (math.sqrt(2.0 * math.pi) * self.scales)) @ self.weights
        return density

    def interval(self, level: float) -> tuple[float, float]:
        """The prediction interval: so much of the distribution, with the same probability beyond either end."""
        share = (1.0 - level) / 2.0
        furthest = 2.0 * self.scales.max() * stats.norm.isf(share / 2.0)

        def excess(half: float) -> float:
            return self.below(self.centre - half) - share

        half = (
            float(brentq(excess, 0.0, furthest, xtol=1e-12 + 1e-9 * furthest))
            if excess(0.0) > 0 > excess(furthest)
            else 0.0
        )
        return self.centre - half, self.centre + half


def predictive(estimates: Array, variances: Array) -> Predictive:
    """What estimates on some data sets say of the effect on a new one (Nagashima, Noma and Furukawa 2019).

    Given τ², the effect on a new data set lies around the unweighted mean of n estimates with the variance
    τ² + (τ² + v̄) / n, v̄ being the mean of their variances. τ² has the confidence distribution whose distribution
    function is P(χ²_{n-1} > Q(τ²)), where Q is Cochran's statistic with the weights 1 / (v_i + τ²). Where the effects
    differ far more than the estimates err, this is the t distribution with n - 1 degrees of freedom and the variance
    s² (1 + 1/n).

    Args:
        estimates: `[n]` estimates of data sets, at least two.
        variances: `[n]` their variances; NaN where unknown, which counts as the mean of those that are known.

    Example:
        >>> found = predictive(np.array([-1.0, 0.0, 1.0, 2.0]), np.full(4, 1e-9))
        >>> low, high = found.interval(0.95)
        >>> round(low, 2), round(high, 2), round(float(stats.t.ppf(0.975, 3) * (5 / 3 * 5 / 4) ** 0.5), 2)
        (-4.09, 5.09, 4.59)
    """
    count, spread = len(estimates), float(np.var(estimates, ddof=1))
    variances = _known(variances)
    mean = float(variances.mean())
    unit = max(spread, mean)
    if unit <= np.finfo(float).eps ** 2 * float((estimates**2).max()):
        return Predictive(float(estimates.mean()), np.array([1e-300]), np.ones(1))
    grid = unit * np.concatenate([[0.0], np.geomspace(_SMALLEST, _LARGEST, _STEPS)])
    exceeds = stats.chi2.sf([cochran_q(estimates, variances, tau2) for tau2 in grid], count - 1)
    steps = np.diff(np.concatenate([[0.0], np.maximum.accumulate(exceeds), [1.0]]))
    tau2 = np.concatenate([[0.0], (grid[1:] + grid[:-1]) / 2.0, grid[-1:]])
    scales = np.sqrt(tau2 + (tau2 + mean) / count)
    there = (steps > 0) & (scales > 0)
    return Predictive(float(estimates.mean()), scales[there], steps[there] / steps[there].sum())


def cochran_q(estimates: Array, variances: Array, tau2: float) -> float:
    """Cochran's Q with the weights 1 / (v_i + τ²); infinite where all of these variances are 0.

    Example:
        >>> cochran_q(np.array([0.0, 2.0]), np.ones(2), 1.0)
        1.0
    """
    total = variances + tau2
    if not (total > 0).all():
        return math.inf if np.ptp(estimates) > 0 else 0.0
    weights = 1.0 / total
    return float(weights @ (estimates - weights @ estimates / weights.sum()) ** 2)


@dataclass(frozen=True)
class Weighted:
    """The mean of estimates weighted by their variances: a second opinion beside the unweighted one.

    Attributes:
        estimate: The mean.
        interval: Its 95 % interval.
        tau: Standard deviation of the effects over data sets.
    """

    estimate: float
    interval: tuple[float, float]
    tau: float


def paule_mandel(estimates: Array, variances: Array, level: float) -> Weighted | None:
    """The weighted mean with τ² by Paule and Mandel (1982) and the interval of Hartung and Knapp (2001).

    τ² is where Cochran's Q is n - 1, or 0 where it is less even there (DerSimonian and Kacker 2007, section 2.4); the
    interval has t quantiles with n - 1 degrees of freedom.

    Args:
        estimates: `[n]` estimates of data sets, at least two.
        variances: `[n]` their variances; NaN where unknown, which counts as the mean of those that are known.
        level: Confidence level.

    Returns:
        None where no variance is known or the estimates do not differ.
    """
    if np.isnan(variances).all() or np.ptp(estimates) == 0:
        return None
    variances, freedom = _known(variances), len(estimates) - 1

    def excess(tau2: float) -> float:
        return cochran_q(estimates, variances, tau2) - freedom

    tau2 = 0.0
    if excess(0.0) > 0:
        tau2 = float(brentq(excess, 0.0, np.ptp(estimates) ** 2 + variances.max(), xtol=1e-14, rtol=1e-12))
    weights = 1.0 / (variances + tau2)
    mean = float(weights @ estimates / weights.sum())
    error = math.sqrt(cochran_q(estimates, variances, tau2) / (freedom * weights.sum()))
    half = float(stats.t.ppf((1.0 + level) / 2.0, freedom)) * error
    return Weighted(mean, (mean - half, mean + half), math.sqrt(tau2))


def _known(variances: Array) -> Array:
    """The variances without gaps and zeros; all 0 where none is known."""
    there = variances[~np.isnan(variances)]
    mean = float(there.mean()) if len(there) else 0.0
    known: Array = np.maximum(np.where(np.isnan(variances), mean, variances), _FLOOR * mean)
    return known
