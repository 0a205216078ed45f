"""TPE for whole cohorts: one fit and one draw of candidates for all of a cohort's trials.

Proposals follow Optuna's `TPESampler(multivariate=True, group=True, constant_liar=True)`: its Parzen estimators, its
order of the trials, its acquisition (Bergstra et al. 2011, section 4; several objectives as in Ozaki et al. 2020).
That sampler repeats its reading, its split and its fit for every trial and parameter. Here a cohort shares them, and
the number of trials that they use is bounded, so that a proposal costs the same however long the study is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from itertools import accumulate
from typing import Any

import numpy as np
from optuna._hypervolume.hssp import _solve_hssp
from optuna.distributions import BaseDistribution
from optuna.samplers._tpe.sampler import _get_reference_point, default_gamma
from optuna.study._multi_objective import _fast_non_domination_rank
from optuna.trial import FrozenTrial, TrialState

from study.records.rung_results import rung_results
from study.sampling.base import CohortSampler, SampledStudy, constraints_of
from study.sampling.candidates import Candidates, Group, Numbers, Points
from study.sampling.quasi_random import QuasiRandom
from study.training import Purpose

STARTUP_TRIALS = 10
"""Trials with values that TPE needs, also of those that were stopped early; before, trials are quasi-random."""
MOST_BETTER = 100
MOST_OTHERS = 256

_COHORT = 1
"""Last place of the stream that a cohort's candidates come from; a trial's own stream ends with its number."""


class Tpe(CohortSampler):
    """Models where the better trials lie and where the others do, and proposes where the ratio is largest.

    It keeps about a hundred bytes for each trial.
    """

    def __init__(self, study: SampledStudy) -> None:
        super().__init__(study)
        self._startup = QuasiRandom(study)
        self._multi_objective = study.objectives > 1
        # Parameters under the same condition are active in the same trials, and are modelled together.
        groups: dict[str, dict[str, BaseDistribution]] = {}
        for parameter in sorted(study.space.parameters, key=lambda parameter: parameter.name):
            if not parameter.distribution.single():
                groups.setdefault(repr(parameter.when), {})[parameter.name] = parameter.distribution
        self._searched = {name: distribution for group in groups.values() for name, distribution in group.items()}
        ends = list(accumulate(map(len, groups.values())))
        self._groups = [(g, slice(end - len(g), end)) for g, end in zip(groups.values(), ends, strict=True)]
        row = np.dtype(
            [
                ("point", float, (len(self._searched),)),
                ("values", float, (study.objectives,)),
                ("violation", float),
                ("ended", bool),
                ("judged", bool),
                ("rung", float),
            ]
        )
        self._trials = np.zeros(64, row)

    @classmethod
    def uninformed_trials(cls, cohort: int, options: Mapping[str, Any]) -> int:
        """The cohorts before the first that sees the outcomes of `STARTUP_TRIALS` trials of two or more cohorts ago."""
        return cohort * (1 + -(-STARTUP_TRIALS // cohort))

    def record(self, trial: FrozenTrial, params: Mapping[str, Any]) -> None:
        """Records a new or updated trial: its values, or those at the last rung that it reached where it was stopped.

        A trial that failed teaches nothing, and neither does one that another program stopped.
        """
        while trial.number >= len(self._trials):
            self._trials = np.concatenate([self._trials, np.zeros_like(self._trials)])
        row = self._trials[trial.number]
        row["point"], row["ended"] = self._point(params), trial.state.is_finished()
        row["judged"] = False
        if trial.state is TrialState.COMPLETE:
            violation = sum(value for value in constraints_of(trial).values() if value > 0)
            row["judged"], row["rung"], row["values"], row["violation"] = True, math.inf, trial.values, violation
        elif trial.state is TrialState.PRUNED and (reached := rung_results(trial)):
            rung, result = max(reached.items())
            row["judged"], row["rung"], row["values"] = True, rung, result.values
            row["violation"] = max(0.0, result.violation)

    def cohort(self, numbers: range, *, start: int, visible: int) -> list[dict[str, Any]]:
        """Proposes trials, each in view of those before it; see `CohortSampler.cohort`."""
        stream = self.study.streams.generator(Purpose.PROPOSAL, start, _COHORT)
        rng = np.random.RandomState(stream.bit_generator)
        candidates = self.candidates(visible, start, self.study.cohort, rng, occupied=numbers.start - start)
        if candidates is None:
            return self._startup.cohort(numbers, start=start, visible=visible)
        proposed = []
        for number in numbers:
            params = self.study.space.suggest(candidates.at(number - start))
            candidates.occupy(params)
            proposed.append(params)
        return proposed

    def candidates(
        self, visible: int, start: int, size: int, rng: np.random.RandomState, occupied: int = 0
    ) -> Candidates | None:
        """Fits the recorded trials, and draws candidates for a cohort.

        Args:
            visible: The outcomes of trials below this number are used.
            start: The cohort's first number. All trials before it whose outcomes are not used count as bad ones, so
                that the same place is not tried twice at the same time (a constant liar).
            size: Trials of the cohort.
            rng: Draws the candidates.
            occupied: How many of the cohort's places have trials already.

        Returns:
            The candidates; None where fewer than `STARTUP_TRIALS` have values.
        """
        judged = np.flatnonzero(self._trials["judged"][:visible])
        if len(judged) < STARTUP_TRIALS:
            return None
        better, others = self._split(judged)
        running = np.flatnonzero(~self._trials["ended"][:start] | (np.arange(start) >= visible))
        good, bad = (self._trials["point"][numbers] for numbers in (better, np.concatenate([others, running])))
        groups = [
            Group(group, columns, good, bad, size, rng, equal_weights=self._multi_objective)
            for group, columns in self._groups
        ]
        candidates = Candidates(groups, self._point)
        for point in self._trials["point"][start : start + occupied]:
            candidates.avoid(point)
        return candidates

    def _split(self, judged: Numbers) -> tuple[Numbers, Numbers]:
        """The better of some trials and the others, in number order, at most `MOST_BETTER` and `MOST_OTHERS`.

        The better ones are the best that were trained to the end, then the best that were stopped, those of later rungs
        first, and then the infeasible ones of least violation. Where trials are stopped, fewer than a tenth may be
        complete; not all of these are good, but those on their front, or ten.
        """
        count, violations = len(judged), self._trials["violation"][judged]
        wanted = min(math.ceil(0.1 * count), MOST_BETTER) if self._multi_objective else default_gamma(count)
        feasible = judged[violations == 0]
        rungs = self._trials["rung"][feasible]
        if not np.isinf(self._trials["rung"][judged]).all():
            wanted = min(wanted, max(STARTUP_TRIALS, self._on_front(feasible[np.isinf(rungs)])))
        best = feasible[:0]
        for rung in np.unique(rungs)[::-1]:
            if len(best) < wanted:
                best = np.append(best, self._best(feasible[rungs == rung], wanted - len(best)))
        nearest = judged[violations > 0][np.argsort(violations[violations > 0], kind="stable")]
        better = np.sort(np.concatenate([best, nearest[: wanted - len(best)]]))
        others = np.setdiff1d(judged, better, assume_unique=True)
        if len(others) > MOST_OTHERS:
            # Evenly over the whole study, so that its early trials keep their weight beside its latest ones.
            others = others[np.linspace(0, len(others) - 1, MOST_OTHERS).round().astype(np.intp)]
        return better, others

    def _on_front(self, complete: Numbers) -> int:
        """How many of some trials lie on their Pareto front."""
        if not self._multi_objective:
            return 1
        return int((_fast_non_domination_rank(-self._trials["values"][complete]) == 0).sum()) if len(complete) else 0

    def _best(self, feasible: Numbers, wanted: int) -> Numbers:
        """The best feasible trials; of equal rank those that add most hypervolume together, as in Optuna."""
        if len(feasible) <= wanted:
            return feasible
        losses = -self._trials["values"][feasible]
        if not self._multi_objective:
            return feasible[np.argsort(losses[:, 0], kind="stable")[:wanted]]
        ranks = _fast_non_domination_rank(losses, n_below=wanted)
        last = np.partition(ranks, wanted - 1)[wanted - 1]
        inside, tied = feasible[ranks < last], losses[ranks == last]
        reference = _get_reference_point(tied)
        return np.append(inside, _solve_hssp(tied, feasible[ranks == last], wanted - len(inside), reference))

    def _point(self, params: Mapping[str, Any]) -> Points:
        """`[parameters]` a trial's values; NaN for parameters, or values, that the space does not have."""
        point = np.full(len(self._searched), np.nan)
        for place, (name, distribution) in enumerate(self._searched.items()):
            if name in params:
                with suppress(ValueError):
                    value = distribution.to_internal_repr(params[name])
                    if distribution._contains(value):
                        point[place] = value
        return point
