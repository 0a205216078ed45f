"""What to try next: proposals that depend on the study's identity and trial numbers alone.

Cohort j, the block of numbers up to the next multiple of the cohort size, is proposed from the parameters of all
lower numbers and the outcomes of cohorts up to j − 2; cohort j − 1 counts as running even where it has finished.
Every number has a random stream of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from search_spaces import Hyperparameters, SearchSpace, SpaceError, Suggester
from storage import Proposal, ProposedCohort
from study.config import StudyConfig
from study.records.trial_feed import Mirror
from study.sampling.points import UnitPoint
from study.sampling.tpe import Tpe
from study.training import Purpose, Streams

_COHORT = 1
"""Last place of the stream that a cohort's candidates come from; a trial's own stream ends with its number."""


class Proposer:
    """Proposes the trials of one study.

    Args:
        config: Sampler, cohort size, study seed.
        space: What is searched.
        defaults: Hyperparameters that the space does not search.
        objectives: How many there are; all are maximized.
        given: The parameters of each trial number, where they do not depend on outcomes: a comparison.
    """

    def __init__(
        self,
        config: StudyConfig,
        space: SearchSpace,
        defaults: Hyperparameters,
        objectives: int,
        given: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self._config, self._space, self._defaults, self._given = config, space, defaults, given
        self._streams = Streams(config.seed)
        self._tpe = Tpe(space, objectives)
        self._learns = config.sampler == "tpe" and given is None
        self._sobol: Any = None

    def see(self, trial: FrozenTrial) -> None:
        """Takes in a trial that is new, or that was unfinished, as it is now."""
        if self._learns:
            self._tpe.see(trial, self._params(trial))

    def block(self, mirror: Mirror, total: int) -> ProposedCohort | None:
        """The next block of proposals.

        Args:
            mirror: The study, all of whose trials were seen. What strangers left RUNNING is not waited for.
            total: Trials that the study is to have.

        Returns:
            Proposals for the numbers up to the end of the block or the total; None where there is nothing to
            propose, or outcomes that they depend on are still to come.
        """
        first, size = mirror.count, self._config.cohort
        if first >= total:
            return None
        last = min(total, (first // size + 1) * size)
        if self._given is not None:
            return ProposedCohort(first, [self._proposal(dict(params)) for params in self._given[first:last]])
        start = first // size * size
        visible = max(0, start - size)
        if any(t.state is TrialState.WAITING or t._trial_id in mirror.leased for t in mirror.unfinished_below(visible)):
            return None
        cohort = None
        if self._learns:
            stream = self._streams.generator(Purpose.PROPOSAL, start, _COHORT)
            rng = np.random.RandomState(stream.bit_generator)
            cohort = self._tpe.cohort(visible, start, size, rng, taken=first - start)
        proposals = []
        for number in range(first, last):
            params = self._suggest(number, None if cohort is None else cohort.at(number - start))
            proposals.append(self._proposal(params))
            if cohort is not None:
                cohort.occupy(params)
        return ProposedCohort(first, proposals)

    def complete(self, number: int, fixed: Mapping[str, Any]) -> Proposal:
        """The parameters of a trial that a user enqueued, perhaps in part; the rest is drawn from its stream.

        Raises:
            SpaceError: What was fixed does not fit the space.
        """
        return self._proposal(self._space.suggest(self._random_point(number), fixed))

    def _proposal(self, params: dict[str, Any]) -> Proposal:
        return Proposal(params, self._space.distributions(params))

    def _suggest(self, number: int, suggester: Suggester | None) -> dict[str, Any]:
        if number == 0:
            return self._space.baseline(self._defaults)
        if suggester is not None:
            return self._space.suggest(suggester)
        if self._config.sampler == "random":
            return self._space.suggest(self._random_point(number))
        return self._space.suggest(self._quasi_random_point(number))

    def _params(self, trial: FrozenTrial) -> Mapping[str, Any]:
        """A trial's parameters; one that was enqueued and not claimed yet has those it will have."""
        if not trial.params and "fixed_params" in trial.system_attrs:
            with suppress(SpaceError):
                return self.complete(trial.number, trial.system_attrs["fixed_params"]).params
        return trial.params

    def _random_point(self, number: int) -> UnitPoint:
        point = self._streams.generator(Purpose.PROPOSAL, number).random(len(self._space.parameters))
        return UnitPoint(self._space, point)

    def _quasi_random_point(self, number: int) -> UnitPoint:
        if self._sobol is None:
            from scipy.stats import qmc  # half a second of imports that other samplers do without

            self._sobol = qmc.Sobol(len(self._space.parameters), scramble=True, rng=self._config.seed)
        return UnitPoint(self._space, self._sobol.reset().fast_forward(number).random(1)[0])
