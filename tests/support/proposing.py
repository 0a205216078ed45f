"""Studies proposed block by block, without a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search_spaces import Hyperparameters, SearchSpace, load_space
from storage import Block, Proposal
from study.config import StudyConfig
from study.records.trial_feed import TrialFeed
from study.sampling.base import SampledStudy
from study.sampling.proposer import Proposer
from study.sampling.registry import make_sampler

DEFAULTS = Hyperparameters(hidden=(32, 32))
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


def make_proposer(space: SearchSpace | None = None, **options: Any) -> Proposer:
    """A proposer of two objectives, cohort 8."""
    config = StudyConfig(**{"cohort": 8, **options})
    study = SampledStudy(space or load_space("core"), objectives=2, cohort=config.cohort, seed=config.seed)
    return Proposer(make_sampler(config.sampler, study), DEFAULTS)


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
        take: Callable[[list[FrozenTrial]], None],
    ) -> set[int]:
        found = [row for row in self.trials if row.number >= from_number or row._trial_id in trial_ids]
        self.read = [row.number for row in found]
        take(found)
        return set(self.leased)


def propose(
    proposer: Proposer, trials: Sequence[FrozenTrial], total: int, leased: Collection[int] = ()
) -> Block | None:
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


def print_study(sampler: str, total: int) -> None:
    """Prints the parameters of a study as JSON, for another process to compare."""
    proposer = make_proposer(sampler=sampler)
    print(json.dumps(params_of(carry_on([], total, lambda: proposer))))
