"""A study of Optuna's in memory, with which its own samplers are asked; it follows a study of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from study.sampling.base import SampledStudy, constraints_of


class ShadowStudy:
    """A study in memory that follows a study of ours.

    Args:
        study: What is sampled.
        trials: Trials with their parameters, by number.
    """

    def __init__(self, study: SampledStudy, trials: Mapping[int, tuple[FrozenTrial, Mapping[str, Any]]]) -> None:
        self._space, self._trials = study.space, trials
        self._storage = InMemoryStorage()
        self._ids: list[int] = []
        self._revealed = 0
        self._unended: set[int] = set()
        self._unconfirmed: dict[int, dict[str, Any]] = {}
        name, directions = "shadow", [StudyDirection.MAXIMIZE] * study.objectives
        self._storage.create_new_study(directions, study_name=name)
        self._study: Study = optuna.load_study(study_name=name, storage=self._storage)

    @property
    def count(self) -> int:
        """Trials that it has."""
        return len(self._ids)

    def holds(self, first: int) -> bool:
        """Whether a study that is built anew before a trial would have what this one has."""
        as_here = all(self._params(number) == params for number, params in self._unconfirmed.items())
        ended_since = any(self._trials[number][0].state.is_finished() for number in self._unended & self._trials.keys())
        for number in self._unconfirmed.keys() & self._trials.keys():
            del self._unconfirmed[number]
        return as_here and not ended_since and self.count <= first

    def add(self, number: int) -> None:
        """Adds a trial as running, without asking for it."""
        params = self._params(number)
        distributions = self._space.distributions(params)
        template = create_trial(state=TrialState.RUNNING, params=params, distributions=distributions)
        self._ids.append(self._storage.create_new_trial(self._study._study_id, template))

    def ask_again(self, number: int, sampler: BaseSampler) -> None:
        """Asks for a trial that exists, for what the sampler writes to it, and gives it its own parameters."""
        self._study.sampler = sampler
        trial = self._study.ask()
        _ = trial.relative_params  # the sampler is asked when a value is first needed
        trial_id = trial._trial_id
        self._ids.append(trial_id)
        params = self._params(number)
        if number not in self._trials:
            self._unconfirmed[number] = params
        for name, distribution in self._space.distributions(params).items():
            self._storage.set_trial_param(trial_id, name, distribution.to_internal_repr(params[name]), distribution)

    def ask(self, sampler: BaseSampler) -> dict[str, Any]:
        """Asks for the parameters of the next trial."""
        self._study.sampler = sampler
        trial = self._study.ask()
        self._ids.append(trial._trial_id)
        params = self._space.suggest(_Suggester(trial))
        self._unconfirmed[trial.number] = dict(params)
        return params

    def reveal(self, visible: int) -> None:
        """Ends the trials below a number as they ended; those that have not are left running."""
        for number in range(self._revealed, visible):
            if number not in self._trials or not self._trials[number][0].state.is_finished():
                self._unended.add(number)
                continue
            trial, trial_id = self._trials[number][0], self._ids[number]
            for key, value in constraints_of(trial).items():
                self._storage.set_trial_system_attr(trial_id, f"constraints:{key}", value)
            self._storage.set_trial_state_values(trial_id, trial.state, trial.values)
        self._revealed = max(self._revealed, visible)

    def _params(self, number: int) -> dict[str, Any]:
        """The parameters of a trial that the space knows; a trial of another program may have others."""
        if number not in self._trials:
            return {}
        given = self._trials[number][1]
        distributions = {each.name: each.distribution for each in self._space.parameters if each.name in given}
        return {name: given[name] for name, each in distributions.items() if _holds(each, given[name])}


class _Suggester:
    """Asks a trial of Optuna's for the value of each parameter."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """A value from the sampler."""
        if isinstance(distribution, CategoricalDistribution):
            return self._trial.suggest_categorical(name, distribution.choices)
        if isinstance(distribution, IntDistribution):
            low, high = distribution.low, distribution.high
            return self._trial.suggest_int(name, low, high, step=distribution.step, log=distribution.log)
        assert isinstance(distribution, FloatDistribution)
        least, most, width = distribution.low, distribution.high, distribution.step
        value = self._trial.suggest_float(name, least, most, step=width, log=distribution.log)
        # A Gaussian process comes back from its unit cube a little beside the grid.
        return value if width is None else min(least + round((value - least) / width) * width, most)


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (TypeError, ValueError):
        return False
