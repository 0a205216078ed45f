"""What all samplers have in common: blocks of numbers, trial 0, enqueued trials, and which outcomes are waited for."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState
from proposing import (
    SEVERAL,
    carry_on,
    enqueued,
    finished,
    judged,
    make_proposer,
    params_of,
    propose,
    proposed,
    trial,
    with_state,
)

from search_spaces import SpaceError, load_space
from study.sampling import SAMPLERS

SPACE = load_space("core")

every_sampler = pytest.mark.parametrize("sampler", SEVERAL)
every_search = pytest.mark.parametrize("sampler", [name for name in SEVERAL if not SAMPLERS[name].load().is_fixed_list])


@every_search
def test_trial_0_is_the_baseline(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    assert studies[sampler][0].params == {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.0}


@every_sampler
def test_a_block_ends_at_a_multiple_of_the_cohort_or_at_the_total(
    sampler: str, studies: dict[str, list[FrozenTrial]]
) -> None:
    trials = studies[sampler]
    bounds = {(0, 48): 8, (3, 48): 5, (8, 48): 8, (8, 13): 5, (15, 16): 1}
    for (first, total), length in bounds.items():
        block = propose(make_proposer(sampler=sampler), trials[:first], total)
        assert block is not None
        assert (block.first_number, len(block.proposals)) == (first, length)
    for first, total in ((48, 48), (48, 20), (0, 0)):
        assert propose(make_proposer(sampler=sampler), trials[:first], total) is None


@every_search
def test_a_trial_without_outcome_is_waited_for(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    trials = studies[sampler][:24]
    running = with_state(trials[9], TrialState.RUNNING)
    held = [*trials[:9], running, *trials[10:]]
    waiting = [*trials[:9], with_state(trials[9], TrialState.WAITING), *trials[10:]]
    proposer = make_proposer(sampler=sampler)
    # Cohort 3 needs the outcomes of cohort 1, to which number 9 belongs; cohort 2 does not.
    assert propose(proposer, held, 48, {running._trial_id}) is None
    assert propose(proposer, waiting, 48) is None
    assert propose(proposer, held[:16], 48, {running._trial_id}) is not None
    assert proposed(propose(proposer, trials, 48)) == params_of(studies[sampler][24:32])


@every_sampler
def test_what_trials_of_another_program_left_running_is_not_waited_for(
    sampler: str, studies: dict[str, list[FrozenTrial]]
) -> None:
    trials = studies[sampler][:24]
    left = [*trials[:9], with_state(trials[9], TrialState.RUNNING), *trials[10:]]
    assert propose(make_proposer(sampler=sampler), left, 48, {4711}) is not None


@every_sampler
def test_an_enqueued_trial_is_completed_the_same_way_every_time(
    sampler: str, studies: dict[str, list[FrozenTrial]]
) -> None:
    fixed = {"activation": "prelu", "dropout": 0.3}
    used = make_proposer(sampler=sampler)
    propose(used, studies[sampler][:16], 48)
    first = used.complete(16, fixed)
    assert first == used.complete(16, fixed) == make_proposer(sampler=sampler).complete(16, fixed)
    assert first.params.items() >= fixed.items()
    assert set(first.params) == {"activation", "negative_slope", "initialization", "dropout"}
    assert dict(first.distributions) == SPACE.distributions(first.params)
    assert used.complete(17, fixed).params != first.params


@pytest.mark.parametrize("fixed", [{"dropout": 0.9}, {"droput": 0.1}, {"activation": "gelu"}])
def test_an_enqueued_trial_that_does_not_fit(fixed: dict[str, Any]) -> None:
    with pytest.raises(SpaceError):
        make_proposer().complete(3, fixed)


@every_sampler
def test_enqueued_trials_count_in_their_block(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    trials = [*studies[sampler][:8], enqueued(8, {"dropout": 0.3}), enqueued(9, {})]
    block = propose(make_proposer(sampler=sampler), trials, 48)
    assert block is not None
    assert (block.first_number, len(block.proposals)) == (10, 6)


@every_sampler
def test_an_enqueued_trial_counts_with_the_parameters_it_will_have(
    sampler: str, studies: dict[str, list[FrozenTrial]]
) -> None:
    fixed = {"activation": "tanh", "dropout": 0.55}
    one = make_proposer(sampler=sampler)
    waiting = [*studies[sampler][:24], enqueued(24, fixed)]
    seen_waiting = proposed(propose(one, waiting, 48))
    completed = one.complete(24, fixed)
    done = trial(24, completed.params, completed.distributions, values=judged(24, completed.params), fixed=fixed)
    seen_done = [*studies[sampler][:24], done]
    assert proposed(propose(make_proposer(sampler=sampler), seen_done, 48)) == seen_waiting
    later = [finished(25 + i, p) for i, p in enumerate(propose(make_proposer(sampler=sampler), waiting, 48).proposals)]
    going_on = carry_on(seen_done + later, 48, lambda: one)
    assert params_of(going_on) == params_of(carry_on(seen_done + later, 48, lambda: make_proposer(sampler=sampler)))


def test_an_enqueued_trial_that_does_not_fit_stops_no_proposals(studies: dict[str, list[FrozenTrial]]) -> None:
    trials = [*studies["tpe"][:16], enqueued(16, {"droput": 0.1})]
    assert len(proposed(propose(make_proposer(), trials, 48))) == 7


def test_a_fixed_list_has_its_own_trial_0_and_waits_for_nothing(studies: dict[str, list[FrozenTrial]]) -> None:
    trials = studies["cells"][:24]
    assert trials[0].params != studies["tpe"][0].params
    waiting = [*trials[:9], with_state(trials[9], TrialState.WAITING), *trials[10:]]
    assert proposed(propose(make_proposer(sampler="cells"), waiting, 48)) == params_of(studies["cells"][24:32])
