"""TPE for whole cohorts: one fit and one draw of candidates for all of a cohort's trials.

What is proposed follows Optuna's `TPESampler(multivariate=True, group=True, constant_liar=True)`: its Parzen
estimators, its order of the trials, its acquisition (Bergstra et al. 2011, section 4; several objectives as in Ozaki
et al. 2020). That sampler repeats its reading, its split and its fit for every trial and parameter. Here a cohort
shares them, and what they look at is bounded, so that a proposal costs the same however long the study is.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.probability_distributions import _BatchedCategoricalDistributions
from optuna.samplers._tpe.sampler import _split_complete_trials, default_gamma, default_weights
from optuna.study import StudyDirection
from optuna.trial import TrialState
from scipy.special import ndtr, ndtri

from search_spaces import SearchSpace
from study.mirror import Trial

STARTUP_TRIALS = 10
CANDIDATES = 24
MOST_BETTER = 100
MOST_OTHERS = 256
FITS = 32
"""How often a cohort is looked at anew while it is chosen, at most."""

_PARZEN = _ParzenEstimatorParameters(
    prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights, multivariate=True
)

Point = Mapping[str, float]
"""A trial's parameters in Optuna's internal representation."""


class Tpe:
    """What is known of a study's finished trials.

    Args:
        space: What is searched.
        objectives: How many there are; all are maximized.
    """

    def __init__(self, space: SearchSpace, objectives: int) -> None:
        self._several = objectives > 1
        self._study: Any = SimpleNamespace(
            directions=[StudyDirection.MAXIMIZE] * objectives, direction=StudyDirection.MAXIMIZE
        )
        # Parameters under the same condition have a meaning in the same trials, and are modelled together.
        groups: dict[str, dict[str, BaseDistribution]] = {}
        for parameter in sorted(space.parameters, key=lambda parameter: parameter.name):
            if not parameter.distribution.single():
                groups.setdefault(repr(parameter.when), {})[parameter.name] = parameter.distribution
        self._groups = list(groups.values())
        self._trials: list[Any] = []
        self._points: list[Point] = []
        self._violations: list[float] = []

    @property
    def ready(self) -> bool:
        """Whether enough is known to propose from."""
        return len(self._trials) >= STARTUP_TRIALS

    def learn(self, trial: Trial) -> None:
        """Takes in a finished trial; one without values teaches nothing."""
        if trial.state is TrialState.COMPLETE:
            place = bisect(self._trials, trial.number, key=lambda known: known.number)
            self._trials.insert(place, trial)
            self._points.insert(place, self._point(trial.params))
            self._violations.insert(place, sum(value for value in trial.constraints.values() if value > 0))

    def cohort(self, running: Iterable[Mapping[str, Any]], size: int, rng: np.random.RandomState) -> Cohort:
        """Fits what is known, and draws candidates for a cohort.

        Args:
            running: Parameters of the trials before the cohort whose outcomes may not be known yet. They count as
                bad ones, so that nobody tries the same place at the same time (a constant liar).
            size: Trials of the cohort.
            rng: Draws the candidates.
        """
        better, others = self._split()
        good = [self._points[index] for index in better]
        bad = [*(self._points[index] for index in others), *map(self._point, running)]
        return Cohort([_Group(group, good, bad, size, rng, self._several) for group in self._groups], self._point)

    def _split(self) -> tuple[list[int], list[int]]:
        """Places of the better trials and of the others, in number order, so many of each at most."""
        count = len(self._trials)
        wanted = min(math.ceil(0.1 * count), MOST_BETTER) if self._several else default_gamma(count)
        feasible = [trial for trial, violation in zip(self._trials, self._violations, strict=True) if violation == 0]
        best = {trial.number for trial in _split_complete_trials(feasible, self._study, wanted)[0]}
        infeasible = [place for place in range(count) if self._violations[place] > 0]
        nearest = sorted(infeasible, key=lambda place: self._violations[place])[: wanted - len(best)]
        better = sorted([place for place, trial in enumerate(self._trials) if trial.number in best] + nearest)
        others = sorted(set(range(count)) - set(better))
        if len(others) > MOST_OTHERS:
            # Even over the study's course: how it began is not forgotten for where it has been lately.
            others = [others[round(place)] for place in np.linspace(0, len(others) - 1, MOST_OTHERS)]
        return better, others

    def _point(self, params: Mapping[str, Any]) -> Point:
        """Those of a trial's parameters that the space has; somebody else's trial may have other values."""
        point: dict[str, float] = {}
        for name, distribution in ((n, d) for group in self._groups for n, d in group.items() if n in params):
            try:
                value = distribution.to_internal_repr(params[name])
            except ValueError:
                continue
            if distribution._contains(value):
                point[name] = value
        return point


class Cohort:
    """Candidates for every trial of a cohort, each chosen in view of those before it."""

    def __init__(self, groups: Sequence[_Group], point: Callable[[Mapping[str, Any]], Point]) -> None:
        """Use `Tpe.cohort`."""
        self._groups, self._point = groups, point

    def at(self, place: int) -> _Suggester:
        """Suggests values for the trial at a place of the cohort."""
        return _Suggester(self._groups, place)

    def occupy(self, params: Mapping[str, Any]) -> None:
        """Takes note of what the next place's trial was proposed with; later ones keep away from it."""
        for group in self._groups:
            group.avoid(self._point(params))


class _Suggester:
    def __init__(self, groups: Sequence[_Group], place: int) -> None:
        self._groups, self._place = groups, place
        self._values: dict[str, Any] = {}

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """The value of a parameter; those of one group are chosen together, where the first is asked for."""
        if distribution.single():
            return _only_value(distribution)
        if name not in self._values:
            self._values |= next(group for group in self._groups if name in group.space).choose(self._place)
        return self._values[name]


class _Group:
    """Parameters that are modelled together: the density of the better trials against that of all others."""

    def __init__(
        self,
        space: Mapping[str, BaseDistribution],
        good: Sequence[Point],
        bad: Sequence[Point],
        size: int,
        rng: np.random.RandomState,
        several: bool,
    ) -> None:
        self.space = dict(space)
        good = [point for point in good if self.space.keys() <= point.keys()]
        self._bad = [point for point in bad if self.space.keys() <= point.keys()]
        # With several objectives the better trials weigh the same, with one the latest weigh most, as in Optuna.
        better = _ParzenEstimator(self._columns(good), self.space, _PARZEN, np.ones(len(good)) if several else None)
        self._candidates = _draw(better, rng, CANDIDATES * size)
        self._log_better = better.log_pdf(self._candidates)
        self._stride = -(-size // FITS)
        self._occupied: list[Point] = []
        self._seen = 0
        self._best: dict[int, int] = {}

    def choose(self, place: int) -> dict[str, Any]:
        """The candidate of a place that is likeliest to be one of the better."""
        if place not in self._best:
            self._look(place)
        return {
            name: distribution.to_external_repr(self._candidates[name][self._best[place]].item())
            for name, distribution in self.space.items()
        }

    def _look(self, first: int) -> None:
        """Fits the others as they are known, and judges the candidates of the places up to the next look."""
        last = first - first % self._stride + self._stride
        own = slice(CANDIDATES * first, CANDIDATES * last)
        others = _ParzenEstimator(self._columns(self._bad), self.space, _PARZEN)
        candidates = {name: values[own] for name, values in self._candidates.items()}
        scores = (self._log_better[own] - others.log_pdf(candidates)).reshape(-1, CANDIDATES)
        best = CANDIDATES * np.arange(first, first + len(scores)) + np.argmax(scores, 1)
        self._best = dict(enumerate(best.tolist(), first))

    def avoid(self, point: Point) -> None:
        """Counts the point of the next place among the bad ones, from the next look on."""
        if self.space.keys() <= point.keys():
            self._occupied.append(point)
        self._seen += 1
        if self._seen % self._stride == 0:
            self._bad += self._occupied
            self._occupied, self._best = [], {}

    def _columns(self, points: Sequence[Point]) -> dict[str, np.ndarray]:
        return {name: np.array([point[name] for point in points]) for name in self.space}


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
