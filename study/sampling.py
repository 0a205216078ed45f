"""What to try next: proposals that depend on the study's identity and trial numbers alone.

Cohort j, the block of numbers up to the next multiple of the cohort size, is proposed from the parameters of all
lower numbers and the outcomes of cohorts up to j − 2; cohort j − 1 counts as running even where it has finished.
Every number has a random stream of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from scipy.stats import qmc

from search_spaces import Hyperparameters, SearchSpace, SpaceError
from storage import Block, CohortStorage, Proposal
from study.config import StudyConfig
from study.training import Purpose, Streams


class Mirror:
    """A study's trials in memory, in number order, kept up to date by reading what is new.

    Attributes:
        trials: As stock Optuna reads them.
        leased: Ids of the trials that a worker holds a lease on.
    """

    def __init__(self, storage: CohortStorage, study_id: int) -> None:
        self._storage, self._study_id = storage, study_id
        self.trials: list[FrozenTrial] = []
        self.leased: set[int] = set()

    def refresh(self) -> None:
        """Reads new trials, and again those that were unfinished."""
        open_ids = [trial._trial_id for trial in self.trials if not trial.state.is_finished()]
        known = len(self.trials)
        changed, self.leased = self._storage.read_changes(self._study_id, from_number=known, trial_ids=open_ids)
        for trial in changed:
            if trial.number < known:
                self.trials[trial.number] = trial
            else:
                self.trials.append(trial)


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
        self._objectives = objectives
        self._forget()

    def _forget(self) -> None:
        """Starts a new copy of the study, which shows the sampler what it may know and no more."""
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._shown = optuna.create_study(directions=["maximize"] * self._objectives, storage=InMemoryStorage())
        optuna.logging.set_verbosity(verbosity)

    def block(self, trials: Sequence[FrozenTrial], total: int, leased: Collection[int] = ()) -> Block | None:
        """The next block of proposals.

        Args:
            trials: All trials so far, in number order.
            total: Trials that the study is to have.
            leased: Ids of trials that a worker of ours trains; what others left RUNNING is not waited for.

        Returns:
            Proposals for the numbers up to the end of the block or the total; None where there is nothing to
            propose, or outcomes that they depend on are still to come.
        """
        first, size = len(trials), self._config.cohort
        if first >= total:
            return None
        last = min(total, (first // size + 1) * size)
        if self._given is not None:
            return Block(first, [self._proposal(dict(params)) for params in self._given[first:last]])
        visible = max(0, (first // size - 1) * size)
        if any(trial.state is TrialState.WAITING or trial._trial_id in leased for trial in trials[:visible]):
            return None
        if self._config.sampler == "tpe":
            self._show(trials, visible)
        proposals = []
        for number in range(first, last):
            proposals.append(self._proposal(self._suggest(number)))
            if number == 0 and self._config.sampler == "tpe":
                self._shown.add_trial(
                    create_trial(
                        state=TrialState.RUNNING,
                        params=dict(proposals[0].params),
                        distributions=dict(proposals[0].distributions),
                    )
                )
        return Block(first, proposals)

    def complete(self, number: int, fixed: Mapping[str, Any]) -> Proposal:
        """The parameters of a trial that a user enqueued, perhaps in part; the rest is drawn from its stream.

        Raises:
            SpaceError: What was fixed does not fit the space.
        """
        return self._proposal(self._space.suggest(self._random_point(number), fixed))

    def _proposal(self, params: dict[str, Any]) -> Proposal:
        return Proposal(params, self._space.distributions(params))

    def _suggest(self, number: int) -> dict[str, Any]:
        if number == 0:
            return self._space.baseline(self._defaults)
        if self._config.sampler == "tpe":
            return self._suggest_by_tpe(number)
        if self._config.sampler == "qmc":
            return self._space.suggest(self._quasi_random_point(number))
        return self._space.suggest(self._random_point(number))

    def _suggest_by_tpe(self, number: int) -> dict[str, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            seed = int(self._streams.generator(Purpose.PROPOSAL, number).integers(2**32))
            self._shown.sampler = TPESampler(multivariate=True, group=True, constant_liar=True, seed=seed)
        trial = self._shown.ask()
        params = self._space.suggest(_FromTrial(trial))
        # TPE notes on a running trial what it drew for parameters that then were not active, and would look at it
        # later; who reads the trial from the database could not. An empty note is no note.
        storage = self._shown._storage
        for key in storage.get_trial(trial._trial_id).system_attrs:
            if key.startswith("tpe:relative_params"):
                storage.set_trial_system_attr(trial._trial_id, key, "")
        return params

    def _show(self, trials: Sequence[FrozenTrial], visible: int) -> None:
        """Shows the sampler trials that it has not seen, as running, and outcomes that it may know by now."""
        shown = self._shown.get_trials(deepcopy=False)
        if len(shown) > len(trials) or any(
            ours.params != self._running(trials[ours.number]).params for ours in shown if not ours.state.is_finished()
        ):
            # Somebody else's trials took the numbers of a block that was proposed here.
            self._forget()
            shown = []
        for trial in trials[len(shown) :]:
            self._shown.add_trial(self._running(trial))
        for ours in self._shown.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if ours.number < visible and trials[ours.number].state.is_finished():
                self._finish(ours._trial_id, trials[ours.number])

    def _finish(self, trial_id: int, trial: FrozenTrial) -> None:
        storage = self._shown._storage
        for name, value in trial.constraints.items():
            storage.set_trial_system_attr(trial_id, f"constraints:{name}", value)
        if trial.state is TrialState.COMPLETE:
            storage.set_trial_state_values(trial_id, TrialState.COMPLETE, trial.values)
        else:
            storage.set_trial_state_values(trial_id, TrialState.FAIL)

    def _running(self, trial: FrozenTrial) -> FrozenTrial:
        """A trial as one that runs; one that was enqueued and not claimed yet has the parameters it will have."""
        params, distributions = trial.params, trial.distributions
        if not params and "fixed_params" in trial.system_attrs:
            with suppress(SpaceError):
                completed = self.complete(trial.number, trial.system_attrs["fixed_params"])
                params, distributions = dict(completed.params), dict(completed.distributions)
        return create_trial(state=TrialState.RUNNING, params=params, distributions=distributions)

    def _random_point(self, number: int) -> _UnitPoint:
        point = self._streams.generator(Purpose.PROPOSAL, number).random(len(self._space.parameters))
        return _UnitPoint(self._space, point)

    def _quasi_random_point(self, number: int) -> _UnitPoint:
        sobol = qmc.Sobol(len(self._space.parameters), scramble=True, rng=self._config.seed)
        return _UnitPoint(self._space, sobol.fast_forward(number).random(1)[0])


def random_params(space: SearchSpace, generator: np.random.Generator) -> dict[str, Any]:
    """A uniformly drawn point of a space."""
    return space.suggest(_UnitPoint(space, generator.random(len(space.parameters))))


class _FromTrial:
    """Asks an Optuna trial."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        return self._trial._suggest(name, distribution)


class _UnitPoint:
    """Reads values off a point of the unit cube, one axis a parameter.

    Every parameter keeps its axis, whether it is active or not, so that conditions do not disturb a sequence's
    even spread.
    """

    def __init__(self, space: SearchSpace, point: np.ndarray) -> None:
        self._axes = {parameter.name: float(u) for parameter, u in zip(space.parameters, point, strict=True)}

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        u = self._axes[name]
        if isinstance(distribution, CategoricalDistribution):
            return distribution.choices[int(u * len(distribution.choices))]
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        low, high, step = float(distribution.low), float(distribution.high), distribution.step
        if step is not None and not distribution.log:
            value = low + int(u * (round((high - low) / step) + 1)) * step
        elif distribution.log:
            value = float(np.exp(np.log(low) + u * (np.log(high) - np.log(low))))
        else:
            value = low + u * (high - low)
        value = min(max(value, low), high)
        return round(value) if isinstance(distribution, IntDistribution) else value
