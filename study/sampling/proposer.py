"""What all samplers have in common: trial 0, enqueued trials, and the outcomes that a cohort may depend on.

Cohort j, the trial numbers up to the next multiple of the cohort size, is proposed from the parameters of all lower
numbers and the outcomes of cohorts up to j − 2; cohort j − 1 counts as running even where it has finished. So the
next cohort can be proposed while this one trains, and is the same whoever proposes it when.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search_spaces import Hyperparameters, SpaceError
from storage import Proposal, ProposedCohort
from study.problem import Problem
from study.records.attributes import BRACKET
from study.records.trial_feed import TrialFeed
from study.sampling.base import CohortSampler, SampledStudy
from study.sampling.registry import make_sampler


class Proposer:
    """Proposes the trials of one study.

    Args:
        sampler: Chooses hyperparameters.
        defaults: Hyperparameters that the space does not search.
        bracket: Trials that compete with one another; None where none are stopped early.
    """

    def __init__(self, sampler: CohortSampler, defaults: Hyperparameters, *, bracket: int | None = None) -> None:
        self._sampler, self._defaults, self._bracket = sampler, defaults, bracket
        self._study, self._space = sampler.study, sampler.study.space

    @classmethod
    def of(cls, problem: Problem) -> Proposer:
        """The proposer of a search or a comparison.

        Raises:
            SamplerError: There is no sampler of the name that the problem has, or it does not fit the problem.
        """
        config = problem.config
        study = SampledStudy(
            space=problem.space,
            objectives=len(problem.judge.metric_names),
            cohort=config.cohort,
            seed=config.seed,
            cells=problem.cells,
            options=config.sampler_options,
        )
        bracket = None if problem.halving is None else problem.halving.bracket
        return cls(make_sampler(problem.sampler, study), problem.defaults, bracket=bracket)

    def record(self, trial: FrozenTrial) -> None:
        """Records a trial that is new, or that was unfinished, as it is now."""
        self._sampler.record(trial, self._params(trial))

    def propose(self, feed: TrialFeed, total: int) -> ProposedCohort | None:
        """Proposes the trials up to the end of the next cohort.

        Args:
            feed: The study's trials, all of which were recorded. Trials that other programs left RUNNING are not
                waited for.
            total: Trials that the study is to have.

        Returns:
            Proposals for the numbers up to the end of the cohort or the total; None where there is nothing to
            propose, or outcomes that they depend on are still to come.
        """
        first, size = feed.count, self._study.cohort
        if first >= total:
            return None
        start = first // size * size
        visible = max(0, start - size)
        if not self._sampler.is_fixed_list and _is_awaited(feed, visible):
            return None
        return ProposedCohort(first, self._proposals(range(first, min(total, start + size))))

    def beyond(self, feed: TrialFeed) -> dict[int, Proposal]:
        """The trials that a larger total would add to the bracket that the present trials end in, by number.

        Args:
            feed: The study's trials, all of which were recorded, and the last of which are of such a bracket.
        """
        bracket = self._bracket or 1
        numbers = range(feed.count, -(-feed.count // bracket) * bracket)
        return dict(zip(numbers, self._proposals(numbers), strict=True)) if numbers else {}

    def complete(self, number: int, fixed_params: Mapping[str, Any]) -> Proposal:
        """The parameters of a trial that a user enqueued, perhaps in part; the rest is drawn from its stream.

        Raises:
            SpaceError: What was fixed does not fit the space.
        """
        return self._proposal(self._space.suggest(self._study.random_point(number), fixed_params))

    def _proposals(self, numbers: range) -> list[Proposal]:
        """Proposals for numbers of one cohort, each with the bracket in which it competes."""
        start = numbers[0] // self._study.cohort * self._study.cohort
        sampled = self._sample(numbers, start, max(0, start - self._study.cohort))
        proposals = [self._proposal(params) for params in sampled]
        if self._bracket is None:
            return proposals
        # The baseline, with which everything is compared, is trained to the end and competes with nobody.
        return [
            replace(proposal, system_attrs={BRACKET: number // self._bracket * self._bracket}) if number else proposal
            for number, proposal in zip(numbers, proposals, strict=True)
        ]

    def _sample(self, numbers: range, start: int, visible: int) -> list[dict[str, Any]]:
        if 0 in numbers and not self._sampler.is_fixed_list:
            others = self._sampler.cohort(numbers[1:], start=start, visible=visible)
            return [self._space.baseline(self._defaults), *others]
        return self._sampler.cohort(numbers, start=start, visible=visible)

    def _proposal(self, params: dict[str, Any]) -> Proposal:
        return Proposal(params, self._space.distributions(params))

    def _params(self, trial: FrozenTrial) -> Mapping[str, Any]:
        """A trial's parameters; one that was enqueued and not claimed yet has those it will have."""
        if not trial.params and "fixed_params" in trial.system_attrs:
            with suppress(SpaceError):
                return self.complete(trial.number, trial.system_attrs["fixed_params"]).params
        return trial.params


def _is_awaited(feed: TrialFeed, visible: int) -> bool:
    """Whether an outcome that is to be visible is still to come."""
    return any(
        trial.state is TrialState.WAITING or trial._trial_id in feed.leased for trial in feed.unfinished_below(visible)
    )
