"""What one data set says of a contrast, together with what many others say of the effect on a new one.

The prior is a mixture: the predictive distribution over the other data sets, and with a weight of 0.2 a wide t
distribution about the same centre. A prior without that part holds on the average user's data and fails on those that
are unlike all others (Schmidli et al. 2014, robust meta-analytic priors): where own data contradict it, the wide part
takes over, and the answer is theirs. The likelihood is Student's t about the data's own estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from study.comparison.across_data_sets import distribution_of_new
from study.comparison.heterogeneity import Predictive
from study.comparison.set_estimates import SetEstimate
from study.intervals import Array, Region, Verdict

WIDE_WEIGHT, WIDE_FREEDOM = 0.2, 3
"""Weight and degrees of freedom of the wide part of the prior."""
FEWEST_OTHERS = 3
"""Other data sets without which there is no prior."""
CONFLICT = 0.05
"""Below this prior-predictive p-value data and prior contradict each other."""
_LEVEL = 0.95
_STEPS, _REACH = 501, 8.0


@dataclass(frozen=True)
class Posterior:
    """A contrast on a data set, by its own estimate and those of others.

    Attributes:
        estimate: The mean of the distribution of the effect.
        interval: Where it lies with 95 %, with the same probability beyond either end.
        verdict: The verdict by this interval.
        below: Probability that it lies below the region of practical equivalence.
        inside: That it lies inside.
        above: That it lies above; the three add to 1.
        conflict: Two-sided prior-predictive p-value of the own estimate: how rarely one as far from the prior's centre
            would be seen, if the prior were right.
        data_sets: How many others the prior is of.
    """

    estimate: float
    interval: tuple[float, float]
    verdict: Verdict
    below: float
    inside: float
    above: float
    conflict: float
    data_sets: int

    @property
    def contradicts(self) -> bool:
        """Whether the own data contradict the others."""
        return self.conflict < CONFLICT


@dataclass(frozen=True)
class EffectDistribution:
    """The distribution of the effect on a data set, at points that are dense where it is.

    Attributes:
        x: `[n]` points, increasing.
        density: `[n]` its density there; the integral by trapezoids is 1.
        prior: `[n]` density of the prior there.
        cumulated: `[n]` the probability at or below each point.
    """

    x: Array
    density: Array
    prior: Array
    cumulated: Array

    def at_most(self, bound: float) -> float:
        """The probability of an effect at or below a bound."""
        return float(np.interp(bound, self.x, self.cumulated))

    def mean_of(self, values: Array) -> float:
        """The expectation of a function of the effect, of which `[n]` values at the points are given."""
        return float(np.trapezoid(values * self.density, self.x))

    @property
    def interval(self) -> tuple[float, float]:
        """Where the effect lies with 95 %, with the same probability beyond either end."""
        tail = (1.0 - _LEVEL) / 2.0
        low, high = (float(np.interp(share, self.cumulated, self.x)) for share in (tail, 1.0 - tail))
        return low, high


def posterior(own: SetEstimate, freedom: int, others: list[SetEstimate], region: Region) -> Posterior | None:
    """What own data and others say together.

    Args:
        own: The estimate on the data set, with its standard error.
        freedom: Degrees of freedom of that error: replicates less one.
        others: The estimates on other data sets, at least three.
        region: The contrast's region of practical equivalence.

    Returns:
        None where the own standard error is unknown, or there are fewer than three others.

    Example:
        >>> others = [SetEstimate(value, 0.1) for value in (-0.2, 0.0, 0.1, 0.3)]
        >>> found = posterior(SetEstimate(1.0, 2.0), 9, others, Region((-0.5, 0.5)))
        >>> found.verdict, round(found.estimate, 1), round(found.below + found.inside + found.above, 9)
        ('undecided', 0.1, 1.0)
    """
    if own.standard_error is None or own.standard_error <= 0 or freedom < 1 or len(others) < FEWEST_OTHERS:
        return None
    likelihood = stats.t(freedom, own.value, own.standard_error)
    found = distribution_of_effect(own, freedom, distribution_of_new(others), region)
    least, most = (found.at_most(bound) for bound in region.rope)
    return Posterior(
        estimate=found.mean_of(found.x),
        interval=found.interval,
        verdict=region.verdict(found.interval),
        below=least,
        inside=most - least,
        above=1.0 - most,
        conflict=_conflict(found.prior, likelihood, found.x),
        data_sets=len(others),
    )


def distribution_of_effect(own: SetEstimate, freedom: int, prior: Predictive, region: Region) -> EffectDistribution:
    """The distribution of the effect on a data set, by its own estimate and what others say of the effect on a new one.

    Args:
        own: The estimate on the data set, with its standard error, which is known and not 0.
        freedom: Degrees of freedom of that error.
        prior: Of the others: `distribution_of_new`.
        region: The contrast's region of practical equivalence.
    """
    likelihood = stats.t(freedom, own.value, own.standard_error)
    x = _grid(prior, own, region)
    prior_density = _prior_density(prior, x)
    joint = prior_density * likelihood.pdf(x)
    cumulated = _cumulated(joint, x)
    if cumulated[-1] <= 0:  # so far apart that no number holds it: the own data alone
        joint, cumulated = likelihood.pdf(x), _cumulated(likelihood.pdf(x), x)
    return EffectDistribution(x, joint / cumulated[-1], prior_density, cumulated / cumulated[-1])


def _wide_scale(prior: Predictive) -> float:
    """The scale of the wide part: half the width of the 95 % prediction interval.

    Beyond about 2.4 standard deviations of a normal predictive part the wide one weighs more, further in less.
    """
    low, high = prior.interval(_LEVEL)
    return max((high - low) / 2.0, 1e-9)


def _prior_density(prior: Predictive, x: Array) -> Array:
    """`[n]` density of the mixture at `[n]` points."""
    wide = stats.t(WIDE_FREEDOM, prior.centre, _wide_scale(prior)).pdf(x)
    density: Array = (1.0 - WIDE_WEIGHT) * prior.density(x) + WIDE_WEIGHT * wide
    return density


def _grid(prior: Predictive, own: SetEstimate, region: Region) -> Array:
    """Points that are dense about the prior's centre and about the own estimate, within the contrast's domain."""
    spread, error = _wide_scale(prior), float(own.standard_error or 0.0)
    reach = max(abs(own.value - prior.centre), spread, error) * _REACH
    steps = np.sinh(np.linspace(-_REACH, _REACH, _STEPS)) / np.sinh(_REACH)
    narrow = min(float(prior.scales.min()), error)
    parts = [
        centre + width * steps
        for centre in (prior.centre, own.value)
        for width in (reach, _REACH * spread, _REACH * error, _REACH * narrow)
    ]
    points = np.concatenate([*parts, np.array(region.rope)])
    points = points[(points >= region.domain[0]) & (points <= region.domain[1])]
    grid: Array = np.unique(points)
    return grid


def _cumulated(density: Array, x: Array) -> Array:
    """`[n]` integral of a density up to each of `[n]` points, by trapezoids."""
    areas = (density[1:] + density[:-1]) / 2.0 * np.diff(x)
    cumulated: Array = np.concatenate([[0.0], np.cumsum(areas)])
    return cumulated


def _conflict(density: Array, likelihood: stats.rv_continuous, x: Array) -> float:
    """The two-sided p-value of the own estimate under the prior with the own error."""
    # t is symmetric: an estimate at or below the own one, given the effect x, is as likely as x at or above it.
    at_most = float(np.trapezoid(density * likelihood.sf(x), x) / np.trapezoid(density, x))
    return min(1.0, 2.0 * min(at_most, 1.0 - at_most))
