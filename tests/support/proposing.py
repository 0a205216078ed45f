"""Studies proposed block by block, without a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from search_spaces import Hyperparameters, SearchSpace, load_space
from search_spaces.points import random_params
from storage import Proposal, ProposedCohort
from study.records.trial_feed import TrialFeed
from study.sampling.base import CohortSampler, SampledStudy
from study.sampling.proposer import Proposer
from study.sampling.registry import SAMPLERS, make_sampler

DEFAULTS = Hyperparameters(hidden=(32, 32))
SEVERAL = [name for name, entry in SAMPLERS.items() if entry.load().most_objectives is None]
"""The samplers of several objectives."""
OPTIONS: dict[str, dict[str, Any]] = {
    "nsga2": {"population_size": 8},
    "nsga3": {"population_size": 8},
    "gp": {"n_startup_trials": 30},
}
"""Such that a study of 48 trials learns from its outcomes, in short time."""
Judged = Callable[[int, Mapping[str, Any]], list[float]]


def judged(number: int, params: Mapping[str, Any]) -> list[float]:
    """An accuracy and a sparsity that depend on the parameters, so that a sampler has something to learn."""
    worth = {"relu": 0.9, "leaky_relu": 0.92, "prelu": 0.91, "elu": 0.88, "tanh": 0.85}
    accuracy = worth.get(params.get("activation", ""), 0.5) - (params.get("dropout", 0.0) - 0.2) ** 2
    return [accuracy + 1e-3 * (number % 7), 0.5 + params.get("dropout", 0.0) / 2 - params.get("negative_slope", 0.0)]


def other(number: int, params: Mapping[str, Any]) -> list[float]:
    """The contrary of `judged`."""
    return [-value for value in judged(number, params)]


def trial(
    number: int,
    params: Mapping[str, Any],
    distributions: Mapping[str, Any],
    *,
    state: TrialState = TrialState.COMPLETE,
    values: Sequence[float] | None = None,
    floor: float = -0.1,
    fixed: Mapping[str, Any] | None = None,
) -> FrozenTrial:
    """A trial as the database gives it; its id is not its number."""
    attributes: dict[str, Any] = {} if fixed is None else {"fixed_params": dict(fixed)}
    if state is TrialState.COMPLETE:
        attributes["constraints:accuracy_floor"] = floor
    started = None if state is TrialState.WAITING else datetime(2026, 1, 1)
    return FrozenTrial(
        number=number,
        state=state,
        value=None,
        values=None if values is None else list(values),
        datetime_start=started,
        datetime_complete=started if state.is_finished() else None,
        params=dict(params),
        distributions=dict(distributions),
        user_attrs={},
        system_attrs=attributes,
        intermediate_values={},
        trial_id=number + 1000,
    )


def finished(number: int, proposal: Proposal, judge: Judged = judged) -> FrozenTrial:
    """A proposal that was trained; every fifth is infeasible."""
    floor = 0.1 if number % 5 == 4 else -0.1
    values = judge(number, proposal.params)
    return trial(number, proposal.params, proposal.distributions, values=values, floor=floor)


def make_sampler_of(name: str, space: SearchSpace, *, cohort: int = 8, seed: int = 0) -> CohortSampler:
    """A sampler of two objectives; a fixed list has cells at random points of the space."""
    generator = np.random.default_rng(5)
    cells = [random_params(space, generator) for _ in range(400)]
    options = OPTIONS.get(name, {})
    return make_sampler(name, SampledStudy(space, objectives=2, cohort=cohort, seed=seed, cells=cells, options=options))


def make_proposer(
    space: SearchSpace | None = None, *, sampler: str = "tpe", cohort: int = 8, seed: int = 0
) -> Proposer:
    """A proposer of two objectives."""
    return Proposer(make_sampler_of(sampler, space or load_space("core"), cohort=cohort, seed=seed), DEFAULTS)


class Rows:
    """A storage of one study that notes what is read of it."""

    def __init__(self, trials: Sequence[FrozenTrial] = (), leased: Collection[int] = ()) -> None:
        self.trials, self.leased = list(trials), set(leased)
        self.read: list[int] = []

    def read_changes(
        self,
        study_id: int,
        *,
        from_number: int,
        trial_ids: Collection[int],
        on_trials: Callable[[list[FrozenTrial]], None],
        attributes: Collection[str],
    ) -> set[int]:
        found = [row for row in self.trials if row.number >= from_number or row._trial_id in trial_ids]
        self.read = [row.number for row in found]
        on_trials(found)
        return set(self.leased)


def propose(
    proposer: Proposer, trials: Sequence[FrozenTrial], total: int, leased: Collection[int] = ()
) -> ProposedCohort | None:
    """The next block after these trials, of which those with the ids `leased` are being trained."""
    feed = TrialFeed(Rows(trials, leased), 1, proposer.record)  # type: ignore[arg-type]
    feed.refresh()
    return proposer.propose(feed, total)


def carry_on(
    trials: list[FrozenTrial], total: int, proposer: Callable[[], Proposer], judge: Judged = judged
) -> list[FrozenTrial]:
    """Proposes and finishes block after block until there are so many trials; `proposer` is called for each block."""
    trials = list(trials)
    while len(trials) < total:
        block = propose(proposer(), trials, total)
        assert block is not None
        assert block.first_number == len(trials)
        trials += [finished(len(trials) + i, proposal, judge) for i, proposal in enumerate(block.proposals)]
    return trials


def params_of(trials: Sequence[FrozenTrial]) -> list[dict[str, Any]]:
    """The parameters of each trial."""
    return [trial.params for trial in trials]


def proposed(block: ProposedCohort | None) -> list[dict[str, Any]]:
    """The parameters of each proposal."""
    assert block is not None
    return [dict(proposal.params) for proposal in block.proposals]


def with_state(done: FrozenTrial, state: TrialState) -> FrozenTrial:
    """A finished trial as it was, or would have been, in another state."""
    values = done.values if state is TrialState.COMPLETE else None
    return trial(done.number, done.params, done.distributions, state=state, values=values)


def judged_anew(done: FrozenTrial) -> FrozenTrial:
    """A finished trial with other values, and infeasible."""
    return trial(done.number, done.params, done.distributions, values=other(done.number, done.params), floor=0.3)


def enqueued(number: int, fixed: dict[str, Any]) -> FrozenTrial:
    """A trial that a user enqueued, and that no worker has claimed."""
    return trial(number, {}, {}, state=TrialState.WAITING, fixed=fixed)


def trials_of_another_program(first: int, count: int) -> list[FrozenTrial]:
    """Trials of another program, with parameters of its own."""
    params = {"activation": "relu", "momentum": 0.5}
    distributions = {"activation": load_space("core").parameters[0].distribution, "momentum": FloatDistribution(0, 1)}
    return [trial(first + i, params, distributions, values=[0.5, 0.5]) for i in range(count)]


def assert_like_fresh(used: Proposer, trials: Sequence[FrozenTrial], total: int = 48, **options: Any) -> None:
    """A proposer that was used before proposes what a fresh one does."""
    assert proposed(propose(used, trials, total)) == proposed(propose(make_proposer(**options), trials, total))


def print_studies(total: int) -> None:
    """Prints the parameters of a study of each sampler as JSON, for another process to compare."""
    proposers = {name: make_proposer(sampler=name) for name in SEVERAL}
    studies = {name: carry_on([], total, lambda each=each: each) for name, each in proposers.items()}
    print(json.dumps({name: params_of(trials) for name, trials in studies.items()}))
