"""A cohort's proposals against stock Optuna's `TPESampler`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial
from proposing import judged

from search_spaces import SearchSpace, load_space, parse_space
from study.sampling import random_params
from study.tpe import CANDIDATES, MOST_BETTER, MOST_OTHERS, Tpe

STEPPED = parse_space(
    """
    [activation]
    choices = ["relu", "tanh", "elu"]
    [dropout]
    low = 0.0
    high = 0.6
    step = 0.1
    [learning_rate]
    low = 1e-4
    high = 1e-1
    log = true
    [width]
    low = 8
    high = 128
    log = true
    [depth]
    low = 1
    high = 4
    """,
    name="stepped",
    where="stepped.toml",
)


def history(space: SearchSpace, finished: int, running: int, objectives: int) -> list[FrozenTrial]:
    """Trials at random points, every fourth infeasible, every seventh failed."""
    generator = np.random.default_rng(7)
    trials = []
    for number in range(finished + running):
        params = random_params(space, generator)
        state = TrialState.COMPLETE if number < finished else TrialState.RUNNING
        if state is TrialState.COMPLETE and number % 7 == 6:
            state = TrialState.FAIL
        done = state is TrialState.COMPLETE
        trials.append(
            create_trial(
                state=state,
                params=params,
                distributions=space.distributions(params),
                values=judged(number, params)[:objectives] if done else None,
                system_attrs={"constraints:floor": 0.01 * number if number % 4 == 3 else -1.0} if done else None,
            )
        )
    return trials


def known(space: SearchSpace, trials: list[FrozenTrial], objectives: int) -> tuple[Tpe, list[dict[str, Any]]]:
    """What the trials teach, and the parameters of those that run."""
    tpe = Tpe(space, objectives)
    for number, trial in enumerate(trials):
        if trial.state.is_finished():
            trial.number = number
            tpe.learn(trial)
    return tpe, [trial.params for trial in trials if not trial.state.is_finished()]


def stock(space: SearchSpace, trials: list[FrozenTrial], objectives: int, seed: int) -> dict[str, Any]:
    """What Optuna's own sampler proposes next, one group of parameters after the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = TPESampler(multivariate=True, group=True, constant_liar=True, seed=seed)
    study = optuna.create_study(directions=["maximize"] * objectives, sampler=sampler)
    study.add_trials(trials)
    number = study.ask().number
    asked = study.get_trials(deepcopy=False)[number]
    sampler._rng.rng.seed(seed)
    conditional = {p.name for p in space.parameters if p.when}
    names = sorted(p.name for p in space.parameters)
    distributions = {p.name: p.distribution for p in space.parameters}
    proposed: dict[str, Any] = {}
    for group in ([n for n in names if n not in conditional], [n for n in names if n in conditional]):
        if group:
            proposed |= sampler._sample(study, asked, {name: distributions[name] for name in group})
    return proposed


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize("space", [load_space("core"), STEPPED], ids=["core", "stepped"])
@pytest.mark.parametrize(("finished", "running"), [(20, 0), (120, 30)])
def test_the_first_of_a_cohort_is_what_stock_tpe_proposes(
    space: SearchSpace, objectives: int, finished: int, running: int
) -> None:
    trials = history(space, finished, running, objectives)
    tpe, runs = known(space, trials, objectives)
    for seed in range(8):
        ours = space.suggest(tpe.cohort(runs, 1, np.random.RandomState(seed)).at(0))
        theirs = stock(space, trials, objectives, seed)
        for name, value in ours.items():
            assert value == theirs[name] if isinstance(value, str) else value == pytest.approx(theirs[name], rel=1e-6)


def test_the_second_of_a_cohort_is_what_stock_tpe_proposes_beside_the_first() -> None:
    """The places of a cohort have candidates of their own; what is occupied counts as running."""
    space = STEPPED
    trials = history(space, 60, 10, 2)
    tpe, runs = known(space, trials, 2)
    cohort = tpe.cohort(runs, 2, np.random.RandomState(3))
    first = space.suggest(cohort.at(0))
    cohort.occupy(first)
    (group,) = cohort._groups
    second = space.suggest(cohort.at(1))
    # The same candidates, judged by an estimator that was told of the first as of any trial that runs.
    other = tpe.cohort([*runs, first], 2, np.random.RandomState(3))
    assert space.suggest(other.at(1)) == second
    own = [values[CANDIDATES:] for values in group._candidates.values()]
    assert all(len(values) == CANDIDATES for values in own)


def test_what_is_looked_at_is_bounded() -> None:
    space = load_space("core")
    tpe, _ = known(space, history(space, 1600, 0, 2), 2)
    better, others = tpe._split()
    assert len(better) == MOST_BETTER
    assert len(others) == MOST_OTHERS
    assert not set(better) & set(others)
    assert better == sorted(better)
    assert others == sorted(set(others))


def test_a_trial_that_ends_late_counts_as_one_that_ended_in_time() -> None:
    space = load_space("core")
    trials = history(space, 40, 0, 2)
    in_time, _ = known(space, trials, 2)
    late = Tpe(space, 2)
    for trial in (*trials[:9], *trials[10:], trials[9]):
        late.learn(trial)
    ours, theirs = (space.suggest(tpe.cohort([], 1, np.random.RandomState(0)).at(0)) for tpe in (in_time, late))
    assert ours == theirs
