"""TPE for whole cohorts: one fit and one draw of candidates for all of a cohort's trials.

What is proposed follows Optuna's `TPESampler(multivariate=True, group=True, constant_liar=True)`: its Parzen
estimators, its order of the trials, its acquisition (Bergstra et al. 2011, section 4; several objectives as in Ozaki
et al. 2020). That sampler repeats its reading, its split and its fit for every trial and parameter. Here a cohort
shares them, and what they look at is bounded, so that a proposal costs the same however long the study is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna._hypervolume.hssp import _solve_hssp
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.probability_distributions import _BatchedCategoricalDistributions
from optuna.samplers._tpe.sampler import _get_reference_point, default_gamma, default_weights
from optuna.study._multi_objective import _fast_non_domination_rank
from optuna.trial import FrozenTrial, TrialState
from scipy.special import ndtr, ndtri

from search_spaces import SearchSpace

STARTUP_TRIALS = 10
CANDIDATES = 24
MOST_BETTER = 100
MOST_OTHERS = 256
FITS = 32
"""How often a cohort is looked at anew while it is chosen, at most."""

_PARZEN = _ParzenEstimatorParameters(
    prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights, multivariate=True
)

Numbers = npt.NDArray[np.intp]
Points = npt.NDArray[np.float64]
"""`[n, parameters]` in Optuna's internal representation; NaN where a trial does not have one."""


class Tpe:
    """What is known of a study's trials, in a hundred bytes each.

    Args:
        space: What is searched.
        objectives: How many there are; all are maximized.
    """

    def __init__(self, space: SearchSpace, objectives: int) -> None:
        self._several = objectives > 1
        # Parameters under the same condition have a meaning in the same trials, and are modelled together.
        groups: dict[str, dict[str, BaseDistribution]] = {}
        for parameter in sorted(space.parameters, key=lambda parameter: parameter.name):
            if not parameter.distribution.single():
                groups.setdefault(repr(parameter.when), {})[parameter.name] = parameter.distribution
        self._searched = {name: distribution for group in groups.values() for name, distribution in group.items()}
        ends = list(accumulate(map(len, groups.values())))
        self._groups = [(g, slice(end - len(g), end)) for g, end in zip(groups.values(), ends, strict=True)]
        row = np.dtype(
            [
                ("point", float, (len(self._searched),)),
                ("values", float, (objectives,)),
                ("violation", float),
                ("ended", bool),
                ("complete", bool),
            ]
        )
        self._trials = np.zeros(64, row)

    def see(self, trial: FrozenTrial, params: Mapping[str, Any]) -> None:
        """Takes in a trial that is new, or as it is now; one without values teaches nothing.

        Args:
            trial: The trial.
            params: Its parameters; of one that waits, those that it will have.
        """
        while trial.number >= len(self._trials):
            self._trials = np.concatenate([self._trials, np.zeros_like(self._trials)])
        row = self._trials[trial.number]
        row["point"], row["ended"] = self._point(params), trial.state.is_finished()
        row["complete"] = trial.state is TrialState.COMPLETE
        if row["complete"]:
            row["values"] = trial.values
            row["violation"] = sum(value for value in trial.constraints.values() if value > 0)

    def cohort(self, known: int, first: int, size: int, rng: np.random.RandomState, taken: int = 0) -> Cohort | None:
        """Fits what is known, and draws candidates for a cohort.

        Args:
            known: The outcomes of the trials below this number are made use of, where there are any.
            first: The cohort's first number. All trials before it whose outcomes are not made use of count as bad
                ones, so that nobody tries the same place at the same time (a constant liar).
            size: Trials of the cohort.
            rng: Draws the candidates.
            taken: How many of the cohort's places have trials already.

        Returns:
            The candidates; None while too little is known to propose from.
        """
        complete = np.flatnonzero(self._trials["complete"][:known])
        if len(complete) < STARTUP_TRIALS:
            return None
        better, others = self._split(complete)
        running = np.flatnonzero(~self._trials["ended"][:first] | (np.arange(first) >= known))
        good, bad = (self._trials["point"][numbers] for numbers in (better, np.concatenate([others, running])))
        groups = [_Group(group, columns, good, bad, size, rng, self._several) for group, columns in self._groups]
        cohort = Cohort(groups, self._point)
        for point in self._trials["point"][first : first + taken]:
            cohort.avoid(point)
        return cohort

    def _split(self, complete: Numbers) -> tuple[Numbers, Numbers]:
        """The better of some trials and the others, in number order, so many of each at most."""
        count, violations = len(complete), self._trials["violation"][complete]
        wanted = min(math.ceil(0.1 * count), MOST_BETTER) if self._several else default_gamma(count)
        best = self._best(complete[violations == 0], wanted)
        nearest = complete[violations > 0][np.argsort(violations[violations > 0], kind="stable")]
        better = np.sort(np.concatenate([best, nearest[: wanted - len(best)]]))
        others = np.setdiff1d(complete, better, assume_unique=True)
        if len(others) > MOST_OTHERS:
            # Even over the study's course: how it began is not forgotten for where it has been lately.
            others = others[np.linspace(0, len(others) - 1, MOST_OTHERS).round().astype(np.intp)]
        return better, others

    def _best(self, feasible: Numbers, wanted: int) -> Numbers:
        """So many of the feasible trials; among equal ranks those that add most hypervolume together, as in Optuna."""
        if len(feasible) <= wanted:
            return feasible
        losses = -self._trials["values"][feasible]
        if not self._several:
            return feasible[np.argsort(losses[:, 0], kind="stable")[:wanted]]
        ranks = _fast_non_domination_rank(losses, n_below=wanted)
        last = np.partition(ranks, wanted - 1)[wanted - 1]
        inside, tied = feasible[ranks < last], losses[ranks == last]
        reference = _get_reference_point(tied)
        return np.append(inside, _solve_hssp(tied, feasible[ranks == last], wanted - len(inside), reference))

    def _point(self, params: Mapping[str, Any]) -> Points:
        """`[parameters]` those of a trial's that the space has; somebody else's trial may have other values."""
        point = np.full(len(self._searched), np.nan)
        for place, (name, distribution) in enumerate(self._searched.items()):
            if name in params:
                with suppress(ValueError):
                    value = distribution.to_internal_repr(params[name])
                    if distribution._contains(value):
                        point[place] = value
        return point


class Cohort:
    """Candidates for every trial of a cohort, each chosen in view of those before it."""

    def __init__(self, groups: Sequence[_Group], point: Callable[[Mapping[str, Any]], Points]) -> None:
        """Use `Tpe.cohort`."""
        self._groups, self._point = groups, point

    def at(self, place: int) -> _Suggester:
        """Suggests values for the trial at a place of the cohort."""
        return _Suggester(self._groups, place)

    def occupy(self, params: Mapping[str, Any]) -> None:
        """Takes note of what the next place's trial was proposed with; later ones keep away from it."""
        self.avoid(self._point(params))

    def avoid(self, point: Points) -> None:
        """As `occupy`, in the internal representation."""
        for group in self._groups:
            group.avoid(point)


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
        columns: slice,
        good: Points,
        bad: Points,
        size: int,
        rng: np.random.RandomState,
        several: bool,
    ) -> None:
        self.space, self._columns = dict(space), columns
        good, self._bad = self._own(good), self._own(bad)
        # With several objectives the better trials weigh the same, with one the latest weigh most, as in Optuna.
        better = _ParzenEstimator(self._observed(good), self.space, _PARZEN, np.ones(len(good)) if several else None)
        self._candidates = _draw(better, rng, CANDIDATES * size)
        self._log_better = better.log_pdf(self._candidates)
        self._stride = -(-size // FITS)
        self._occupied: list[Points] = []
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
        others = _ParzenEstimator(self._observed(self._bad), self.space, _PARZEN)
        candidates = {name: values[own] for name, values in self._candidates.items()}
        scores = (self._log_better[own] - others.log_pdf(candidates)).reshape(-1, CANDIDATES)
        best = CANDIDATES * np.arange(first, first + len(scores)) + np.argmax(scores, 1)
        self._best = dict(enumerate(best.tolist(), first))

    def avoid(self, point: Points) -> None:
        """Counts the point of the next place among the bad ones, from the next look on."""
        self._occupied.append(point)
        if len(self._occupied) == self._stride:
            self._bad = np.concatenate([self._bad, self._own(np.stack(self._occupied))])
            self._occupied, self._best = [], {}

    def _own(self, points: Points) -> Points:
        """The columns of this group, where a trial has them all."""
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
