"""A cohort's proposals against stock Optuna's `TPESampler`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import proposing
import pytest
from optuna.samplers import TPESampler
from optuna.samplers._tpe.sampler import _split_trials, default_gamma
from optuna.trial import FrozenTrial, TrialState, create_trial
from proposing import carry_on, enqueued, judged, judged_anew, make_proposer, params_of, propose, proposed, with_state

from search_spaces import Hyperparameters, SearchSpace, load_space, parse_space
from search_spaces.points import random_params
from study.records.rung_results import rungs_attribute
from study.sampling.base import SampledStudy
from study.sampling.candidates import CANDIDATES, Candidates
from study.sampling.tpe import MOST_BETTER, MOST_OTHERS, Tpe
from study.training.rungs import RungResult

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


def known(space: SearchSpace, trials: list[FrozenTrial], objectives: int) -> Tpe:
    """What the trials teach."""
    tpe = Tpe(SampledStudy(space, objectives))
    for number, trial in enumerate(trials):
        trial.number = number
        tpe.record(trial, trial.params)
    return tpe


def cohort(tpe: Tpe, trials: list[FrozenTrial], size: int, seed: int) -> Candidates:
    """Candidates for the trials that come next, with the knowledge of all outcomes so far."""
    found = tpe.candidates(len(trials), len(trials), size, np.random.RandomState(seed))
    assert found is not None
    return found


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
    tpe = known(space, trials, objectives)
    for seed in range(8):
        ours = space.suggest(cohort(tpe, trials, 1, seed).at(0))
        theirs = stock(space, trials, objectives, seed)
        for name, value in ours.items():
            assert value == theirs[name] if isinstance(value, str) else value == pytest.approx(theirs[name], rel=1e-6)


def test_the_second_of_a_cohort_is_what_stock_tpe_proposes_beside_the_first() -> None:
    """The places of a cohort have candidates of their own; what is occupied counts as running."""
    space = STEPPED
    trials = history(space, 60, 10, 2)
    tpe = known(space, trials, 2)
    two = cohort(tpe, trials, 2, 3)
    first = space.suggest(two.at(0))
    two.occupy(first)
    (group,) = two._groups
    second = space.suggest(two.at(1))
    # The same candidates, judged by an estimator that was told of the first as of any trial that runs.
    more = [*trials, create_trial(state=TrialState.RUNNING, params=first, distributions=space.distributions(first))]
    assert space.suggest(cohort(known(space, more, 2), more, 2, 3).at(1)) == second
    # Or as of one of the same cohort that was there before.
    taken = known(space, more, 2).candidates(len(trials), len(trials), 2, np.random.RandomState(3), occupied=1)
    assert taken is not None
    assert space.suggest(taken.at(1)) == second
    own = [values[CANDIDATES:] for values in group._candidates.values()]
    assert all(len(values) == CANDIDATES for values in own)


def test_what_is_looked_at_is_bounded() -> None:
    space = load_space("core")
    tpe = known(space, history(space, 1600, 0, 2), 2)
    better, others = (part.tolist() for part in tpe._split(np.flatnonzero(tpe._trials["judged"])))
    assert len(better) == MOST_BETTER
    assert len(others) == MOST_OTHERS
    assert not set(better) & set(others)
    assert better == sorted(better)
    assert others == sorted(set(others))


def test_a_trial_that_ends_late_counts_as_one_that_ended_in_time() -> None:
    space = load_space("core")
    trials = history(space, 40, 0, 2)
    in_time, late = known(space, trials, 2), Tpe(SampledStudy(space, 2))
    # One that is among the better, as soon as its outcome is known.
    slow = in_time._split(np.flatnonzero(in_time._trials["judged"]))[0][0]
    params = trials[slow].params
    running = create_trial(state=TrialState.RUNNING, params=params, distributions=space.distributions(params))
    running.number = slow
    for trial in (*trials[:slow], running, *trials[slow + 1 :]):
        late.record(trial, trial.params)

    def next_ones(tpe: Tpe) -> list[dict[str, Any]]:
        return [space.suggest(cohort(tpe, trials, 1, seed).at(0)) for seed in range(8)]

    before = next_ones(late)
    late.record(trials[slow], params)
    assert next_ones(in_time) == next_ones(late) != before


@pytest.mark.parametrize("objectives", [1, 2])
@pytest.mark.parametrize(
    ("count", "infeasible"), [(12, 0.0), (40, 0.3), (300, 0.0), (300, 0.5), (300, 0.99), (30, 1.0)]
)
def test_the_better_trials_are_those_that_stock_tpe_picks(count: int, infeasible: float, objectives: int) -> None:
    """Also where many have the same values, and where few or none are feasible."""
    generator = np.random.default_rng(count)
    space = load_space("core")
    params = space.baseline(Hyperparameters())
    trials = []
    for number in range(count):
        violation = int(generator.integers(1, 9)) / 8 if generator.random() < infeasible else 0.0
        trials.append(
            create_trial(
                params=params,
                distributions=space.distributions(params),
                values=(generator.integers(0, 12, objectives) / 12).tolist(),
                system_attrs={"constraints:floor": violation},
            )
        )
        trials[-1].number = number
    study = optuna.create_study(directions=["maximize"] * objectives)
    wanted = min(math.ceil(0.1 * count), MOST_BETTER) if objectives > 1 else default_gamma(count)
    theirs, _ = _split_trials(study, trials, wanted)
    better, others = known(space, trials, objectives)._split(np.arange(count))
    assert better.tolist() == sorted(trial.number for trial in theirs)
    assert set(others) <= set(range(count)) - set(better)


@pytest.mark.parametrize("first_total", [210, 245, 255])
def test_a_total_that_cuts_a_large_cohort_changes_nothing(first_total: int) -> None:
    """Where a cohort is looked at anew after every third trial only, also for a worker that comes in between."""
    whole = carry_on([], 300, lambda: make_proposer(cohort=100))
    cut = carry_on([], first_total, lambda: make_proposer(cohort=100))
    assert len(cut) == first_total
    assert params_of(carry_on(cut, 300, lambda: make_proposer(cohort=100))) == params_of(whole)


def test_outcomes_of_the_cohort_two_before_do_matter(studies: dict[str, list[FrozenTrial]]) -> None:
    trials = studies["tpe"]
    expected = params_of(trials[40:])
    for changed in (
        [judged_anew(done) for done in trials[24:32]],
        [with_state(done, TrialState.FAIL) for done in trials[24:32]],
    ):
        assert proposed(propose(make_proposer(), trials[:24] + changed + trials[32:40], 48)) != expected


def test_constraints_of_the_cohort_two_before_do_matter(studies: dict[str, list[FrozenTrial]]) -> None:
    trials = studies["tpe"]
    infeasible = [
        proposing.trial(done.number, done.params, done.distributions, values=done.values, floor=0.3)
        for done in trials[:32]
    ]
    mixed = [infeasible[number] if number % 4 else trials[number] for number in range(32)]
    assert proposed(propose(make_proposer(), mixed + trials[32:40], 48)) != params_of(trials[40:])


def test_parameters_of_the_cohort_before_do_matter(studies: dict[str, list[FrozenTrial]]) -> None:
    """A constant liar: the same place is not proposed again while it is tried."""
    trials = studies["tpe"]
    elsewhere = [
        proposing.trial(done.number, trials[0].params, trials[0].distributions, values=[0, 0]) for done in trials[32:40]
    ]
    assert proposed(propose(make_proposer(), trials[:32] + elsewhere, 48)) != params_of(trials[40:])


def test_tpe_learns() -> None:
    """Among trials that were proposed with knowledge, the best activations stand oftener than chance has it."""
    one = make_proposer()
    late = carry_on([], 96, lambda: one, lambda number, params: [float(params["activation"] == "elu"), 0.0])[40:]
    assert sum(done.params["activation"] == "elu" for done in late) > 2 * len(late) / 6


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED])
def test_trials_without_values_are_no_obstacle(state: TrialState, studies: dict[str, list[FrozenTrial]]) -> None:
    trials = [with_state(done, state) if done.number % 3 == 1 else done for done in studies["tpe"][:24]]
    one = make_proposer()
    expected = proposed(propose(make_proposer(), trials, 48))
    assert propose(one, trials[:16], 48) is not None
    assert proposed(propose(one, trials, 48)) == expected


def stopped(done: FrozenTrial, rung: int, values: list[float], violation: float = -0.1) -> FrozenTrial:
    """A trial as it is stored that was stopped at a rung."""
    pruned = with_state(done, TrialState.PRUNED)
    reached = {epoch: RungResult(tuple(values), violation) for epoch in (1, 3, 9) if epoch <= rung}
    pruned.system_attrs.update(rungs_attribute(reached))
    return pruned


@pytest.mark.parametrize("objectives", [1, 2])
def test_the_better_trials_are_complete_ones_then_those_stopped_latest_then_the_least_infeasible(
    objectives: int, studies: dict[str, list[FrozenTrial]]
) -> None:
    done, worst, good = studies["tpe"], [0.1] * objectives, [0.9] * objectives
    of_kind = {
        "complete": [proposing.trial(0, done[0].params, done[0].distributions, values=worst)],
        "stopped late": [stopped(done[1], 9, worst)],
        "stopped early": [stopped(done[2], 3, good), stopped(done[3], 3, worst)],
        "infeasible": [
            stopped(done[4], 9, good, 0.3),
            proposing.trial(5, done[5].params, done[5].distributions, values=good, floor=0.2),
        ],
    }
    trials = [trial for kind in of_kind.values() for trial in kind]
    tpe = known(load_space("core"), trials, objectives)
    judged_ones = np.flatnonzero(tpe._trials["judged"])
    assert len(judged_ones) == 6
    order = [0, 1, 2, 3, 5, 4]
    for wanted in range(1, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("study.sampling.tpe.MOST_BETTER", wanted)
            patch.setattr("study.sampling.tpe.default_gamma", lambda count, wanted=wanted: wanted)
            patch.setattr("study.sampling.tpe.math.ceil", lambda share: 6)
            assert sorted(order[:wanted]) == tpe._split(judged_ones)[0].tolist()


@pytest.mark.parametrize("objectives", [1, 2])
def test_not_all_that_survive_are_good_ones_where_few_do(
    objectives: int, studies: dict[str, list[FrozenTrial]]
) -> None:
    """Guards against learning from every survivor, which keeps the search where its first brackets were."""
    complete, trials = 15, []
    for number in range(200):
        done = studies["tpe"][number % 40]
        share = number / complete
        values = [share, 1.0 - share if 3 <= number < complete else 0.0][:objectives]
        whole = proposing.trial(number, done.params, done.distributions, values=values)
        trials.append(whole if number < complete else stopped(whole, 9, [0.5] * objectives))
    tpe = known(load_space("core"), trials, objectives)
    better, _ = tpe._split(np.flatnonzero(tpe._trials["judged"]))
    # A tenth of all would be 20. With two objectives, twelve complete ones are on the front.
    assert better.tolist() == list(range(3, 15) if objectives == 2 else range(5, 15))


def test_stopped_trials_count_towards_the_start_up(studies: dict[str, list[FrozenTrial]]) -> None:
    """Where one of 27 survives, ten complete ones would not come for long."""
    trials = [stopped(done, 3, done.values) if done.number % 8 else done for done in studies["tpe"][:24]]
    by_another_program = [with_state(each, TrialState.PRUNED) if each.number % 8 else each for each in trials]
    quasi_random = proposed(propose(make_proposer(sampler="qmc"), trials, 32))
    assert proposed(propose(make_proposer(), by_another_program, 32)) == quasi_random
    assert proposed(propose(make_proposer(), trials, 32)) != quasi_random


def test_an_enqueued_trial_that_failed_untrained_counts_as_it_did(studies: dict[str, list[FrozenTrial]]) -> None:
    def after(last: Callable[[int], FrozenTrial]) -> list[dict[str, Any]]:
        trials = [*studies["tpe"][:32], *map(last, range(32, 40))]
        return proposed(propose(make_proposer(), trials, 48))

    fixed = studies["tpe"][0].params
    waits = after(lambda number: enqueued(number, fixed))
    fails = after(lambda number: proposing.trial(number, {}, {}, state=TrialState.FAIL, fixed=fixed))
    says_nothing = after(lambda number: proposing.trial(number, {}, {}, state=TrialState.FAIL))
    assert waits == fails != says_nothing
