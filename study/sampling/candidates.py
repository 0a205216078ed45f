"""Candidates of TPE for the trials of one cohort: drawn where the better trials lie, chosen one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.probability_distributions import _BatchedCategoricalDistributions
from optuna.samplers._tpe.sampler import default_weights
from scipy.special import ndtr, ndtri

from study.sampling.parzen_density import log_density, quick_log_density

CANDIDATES = 24
"""Candidates of each trial, of which one is chosen."""
MOST_FITS = 32
"""How often the density of the bad trials is fitted anew while a cohort is chosen, at most."""
_CLOSE = 1e-6
"""Scores that differ by less are compared by the densities of Optuna, to the bit; quick ones are right to 1e-9."""

_PARZEN = _ParzenEstimatorParameters(
    prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights, multivariate=True
)

Numbers = npt.NDArray[np.intp]
Points = npt.NDArray[np.float64]
"""`[n, parameters]` in Optuna's internal representation; NaN where a trial does not have a parameter."""


class Candidates:
    """Candidates for every trial of a cohort, each chosen in view of those before it.

    Args:
        groups: Parameters that are modelled together.
        point: Turns parameters into a point of the internal representation.
    """

    def __init__(self, groups: Sequence[Group], point: Callable[[Mapping[str, Any]], Points]) -> None:
        self._groups, self._point = groups, point

    def at(self, place: int) -> _Suggester:
        """Suggests values for the trial at a place of the cohort."""
        return _Suggester(self._groups, place)

    def occupy(self, params: Mapping[str, Any]) -> None:
        """Records the parameters of the next place's trial, so that later trials keep away from them."""
        self.avoid(self._point(params))

    def avoid(self, point: Points) -> None:
        """The same for a point in the internal representation."""
        for group in self._groups:
            group.avoid(point)


class _Suggester:
    def __init__(self, groups: Sequence[Group], place: int) -> None:
        self._groups, self._place = groups, place
        self._values: dict[str, Any] = {}

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """The value of a parameter; those of one group are chosen together, when the first is asked for."""
        if distribution.single():
            return _only_value(distribution)
        if name not in self._values:
            self._values |= next(group for group in self._groups if name in group.space).choose(self._place)
        return self._values[name]


class Group:
    """Parameters that are modelled together: the density of the better trials against that of all others.

    Args:
        space: The parameters' distributions.
        columns: Their columns in a point.
        good: `[n, parameters]` the better trials.
        bad: `[n, parameters]` all others.
        size: Trials of the cohort.
        rng: Draws the candidates.
        equal_weights: Whether the better trials weigh the same, as Optuna has it for several objectives; with one
            objective the latest weigh most.
    """

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        columns: slice,
        good: Points,
        bad: Points,
        size: int,
        rng: np.random.RandomState,
        *,
        equal_weights: bool,
    ) -> None:
        self.space, self._columns = dict(space), columns
        good, self._bad = self._own(good), self._own(bad)
        weights = np.ones(len(good)) if equal_weights else None
        self._better = _ParzenEstimator(self._observed(good), self.space, _PARZEN, weights)
        self._candidates = _draw(self._better, rng, CANDIDATES * size)
        self._log_better = quick_log_density(self._better, self._candidates)
        self._stride = -(-size // MOST_FITS)
        self._occupied: list[Points] = []
        self._best: dict[int, int] = {}

    def choose(self, place: int) -> dict[str, Any]:
        """The candidate of a place that is likeliest to be one of the better trials."""
        if place not in self._best:
            self._fit_and_choose(place)
        return {
            name: distribution.to_external_repr(self._candidates[name][self._best[place]].item())
            for name, distribution in self.space.items()
        }

    def _fit_and_choose(self, first: int) -> None:
        """Fits the bad trials, and chooses the candidates of the places up to the next fit."""
        last = first - first % self._stride + self._stride
        own = slice(CANDIDATES * first, CANDIDATES * last)
        others = _ParzenEstimator(self._observed(self._bad), self.space, _PARZEN)
        candidates = {name: values[own] for name, values in self._candidates.items()}
        scores = (self._log_better[own] - quick_log_density(others, candidates)).reshape(-1, CANDIDATES)
        best = np.argmax(scores, 1)
        close = ~(scores < scores.max(1, keepdims=True) - _CLOSE)  # NaN is close to everything
        for row in np.flatnonzero(close.sum(1) > 1):
            at = np.flatnonzero(close[row])
            best[row] = at[self._likeliest(others, CANDIDATES * (first + row) + at)]
        self._best = dict(enumerate((CANDIDATES * np.arange(first, first + len(scores)) + best).tolist(), first))

    def _likeliest(self, others: _ParzenEstimator, at: Numbers) -> np.intp:
        """Which of some candidates is likeliest to be one of the better trials, to the bit; the first of equals.

        Args:
            others: The density of the bad trials.
            at: Places of the candidates.
        """
        candidates = {name: values[at] for name, values in self._candidates.items()}
        if all((values == values[0]).all() for values in candidates.values()):
            return np.intp(0)
        return np.argmax(log_density(self._better, candidates) - log_density(others, candidates))

    def avoid(self, point: Points) -> None:
        """Counts the point of the next place among the bad ones, from the next fit on."""
        self._occupied.append(point)
        if len(self._occupied) == self._stride:
            self._bad = np.concatenate([self._bad, self._own(np.stack(self._occupied))])
            self._occupied, self._best = [], {}

    def _own(self, points: Points) -> Points:
        """The columns of this group, of the trials that have all of them."""
        own = points[:, self._columns]
        return own[~np.isnan(own).any(1)]

    def _observed(self, points: Points) -> dict[str, Points]:
        return dict(zip(self.space, np.ascontiguousarray(points.T), strict=True))


def _draw(estimator: _ParzenEstimator, rng: np.random.RandomState, size: int) -> dict[str, np.ndarray]:
    """Samples of a Parzen estimator, as its own `sample` draws them, by a quantile function in compiled code."""
    mixture = estimator._mixture_distribution
    kernels = rng.choice(len(mixture.weights), p=mixture.weights, size=size)
    parameters = list(zip(estimator._search_space, mixture.distributions, strict=True))
    drawn = {}
    for name, parts in parameters:
        if isinstance(parts, _BatchedCategoricalDistributions):
            u = rng.rand(size)
            drawn[name] = (np.cumsum(parts.weights[kernels], 1)[:, :-1] < u[:, None]).sum(1).astype(float)
    for name, parts in parameters:
        if not isinstance(parts, _BatchedCategoricalDistributions):
            mean, deviation = parts.mu[kernels], parts.sigma[kernels]
            low, high = (ndtr((end - mean) / deviation) for end in (parts.adapted_low, parts.adapted_high))
            values = mean + deviation * ndtri(low + rng.rand(size) * (high - low))
            if parts.is_log:
                values = np.exp(values)
            if parts.step:
                values = parts.low + np.round((values - parts.low) / parts.step) * parts.step
            drawn[name] = np.clip(values, parts.low, parts.high)
    return drawn


def _only_value(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return distribution.low
