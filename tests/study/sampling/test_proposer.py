"""What is proposed is a function of the study's identity and trial numbers alone."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import proposing
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState
from proposing import DEFAULTS, Rows, carry_on, finished, judged, make_proposer, other, params_of, propose, trial

from search_spaces import ACTIVATIONS, SpaceError, load_space, parse_space
from search_spaces.points import random_params
from storage import Block
from study.records.trial_feed import TrialFeed
from study.sampling.proposer import Proposer
from study.training import Purpose, Streams

SAMPLERS = ("tpe", "qmc", "random")
every_sampler = pytest.mark.parametrize("sampler", SAMPLERS)

SPACE = load_space("core")


@pytest.fixture(scope="module")
def studies() -> dict[str, list[FrozenTrial]]:
    """48 trials of each sampler, every block from a proposer that knows nothing but the trials."""
    return {name: carry_on([], 48, lambda name=name: make_proposer(sampler=name)) for name in SAMPLERS}


def proposed(block: Block | None) -> list[dict[str, Any]]:
    assert block is not None
    return [dict(proposal.params) for proposal in block.proposals]


def with_state(done: FrozenTrial, state: TrialState) -> FrozenTrial:
    values = done.values if state is TrialState.COMPLETE else None
    return trial(done.number, done.params, done.distributions, state=state, values=values)


def judged_anew(done: FrozenTrial) -> FrozenTrial:
    return trial(done.number, done.params, done.distributions, values=other(done.number, done.params), floor=0.3)


@every_sampler
def test_one_proposer_equals_a_fresh_one_at_every_block(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    one = make_proposer(sampler=sampler)
    assert params_of(carry_on([], 48, lambda: one)) == params_of(studies[sampler])


@every_sampler
def test_a_proposer_that_starts_anywhere_goes_on_the_same(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    for start in (8, 24, 40):
        one = make_proposer(sampler=sampler)
        assert params_of(carry_on(studies[sampler][:start], 48, lambda one=one: one)) == params_of(studies[sampler])


@every_sampler
@pytest.mark.parametrize("first_total", [1, 5, 16, 27, 33])
def test_a_total_that_is_raised_changes_nothing(
    sampler: str, first_total: int, studies: dict[str, list[FrozenTrial]]
) -> None:
    one = make_proposer(sampler=sampler)
    trials = carry_on([], first_total, lambda: one)
    assert len(trials) == first_total
    assert params_of(carry_on(trials, 48, lambda: one)) == params_of(studies[sampler])
    fresh = carry_on(trials, 48, lambda: make_proposer(sampler=sampler))
    assert params_of(fresh) == params_of(studies[sampler])


@pytest.mark.parametrize("first_total", [210, 245, 255])
def test_a_total_that_cuts_a_large_cohort_changes_nothing(first_total: int) -> None:
    """Where a cohort is looked at anew after every third trial only, also for a worker that comes in between."""
    whole = carry_on([], 300, lambda: make_proposer(cohort=100))
    cut = carry_on([], first_total, lambda: make_proposer(cohort=100))
    assert len(cut) == first_total
    assert params_of(carry_on(cut, 300, lambda: make_proposer(cohort=100))) == params_of(whole)


@every_sampler
def test_proposals_lie_in_the_space(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    for done in studies[sampler]:
        assert done.distributions == SPACE.distributions(done.params)
        for name, distribution in done.distributions.items():
            assert distribution._contains(distribution.to_internal_repr(done.params[name]))
        sloped = ACTIVATIONS[done.params["activation"]].slope != "none"
        assert ("negative_slope" in done.params) == sloped
    assert {"negative_slope" in done.params for done in studies[sampler]} == {True, False}
    # Points, not one point again and again.
    assert len({done.params["dropout"] for done in studies[sampler]}) > 40


@every_sampler
def test_trial_0_is_the_baseline(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    assert studies[sampler][0].params == {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.0}


@every_sampler
def test_another_seed_is_another_study(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    another = proposed(propose(make_proposer(sampler=sampler, seed=1), [], 8))
    ours = params_of(studies[sampler][:8])
    assert another[0] == ours[0]
    assert all(a != b for a, b in zip(another[1:], ours[1:], strict=True))


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


@every_sampler
def test_outcomes_of_the_cohort_before_do_not_matter(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    """So the next cohort can be proposed while this one trains, and is the same whoever proposes it when."""
    trials = studies[sampler]
    expected = params_of(trials[40:])
    for changed in (
        [judged_anew(done) for done in trials[32:40]],
        [with_state(done, TrialState.RUNNING) for done in trials[32:40]],
        [with_state(done, TrialState.FAIL) for done in trials[32:40]],
        [with_state(done, TrialState.WAITING) for done in trials[32:40]],
    ):
        assert proposed(propose(make_proposer(sampler=sampler), trials[:32] + changed, 48)) == expected


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
        trial(done.number, done.params, done.distributions, values=done.values, floor=0.3) for done in trials[:32:2]
    ]
    mixed = [infeasible[number // 2] if number % 2 == 0 else trials[number] for number in range(32)]
    assert proposed(propose(make_proposer(), mixed + trials[32:40], 48)) != params_of(trials[40:])


def test_parameters_of_the_cohort_before_do_matter(studies: dict[str, list[FrozenTrial]]) -> None:
    """A constant liar: the same place is not proposed again while it is tried."""
    trials = studies["tpe"]
    elsewhere = [trial(done.number, trials[0].params, trials[0].distributions, values=[0, 0]) for done in trials[32:40]]
    assert proposed(propose(make_proposer(), trials[:32] + elsewhere, 48)) != params_of(trials[40:])


def test_tpe_learns() -> None:
    """Among trials that were proposed with knowledge, the best activations stand oftener than chance has it."""
    one = make_proposer()
    late = carry_on([], 96, lambda: one, lambda number, params: [float(params["activation"] == "elu"), 0.0])[40:]
    assert sum(done.params["activation"] == "elu" for done in late) > 2 * len(late) / 6


@every_sampler
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


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED])
def test_trials_without_values_are_no_obstacle(state: TrialState, studies: dict[str, list[FrozenTrial]]) -> None:
    trials = [with_state(done, state) if done.number % 3 == 1 else done for done in studies["tpe"][:24]]
    one = make_proposer()
    expected = proposed(propose(make_proposer(), trials, 48))
    assert propose(one, trials[:16], 48) is not None
    assert proposed(propose(one, trials, 48)) == expected


# Enqueued trials


def enqueued(number: int, fixed: dict[str, Any]) -> FrozenTrial:
    return trial(number, {}, {}, state=TrialState.WAITING, fixed=fixed)


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


def test_an_enqueued_trial_that_failed_untrained_counts_as_it_did(studies: dict[str, list[FrozenTrial]]) -> None:
    def after(last: Callable[[int], FrozenTrial]) -> list[dict[str, Any]]:
        trials = [*studies["tpe"][:32], *map(last, range(32, 40))]
        return proposed(propose(make_proposer(), trials, 48))

    fixed = studies["tpe"][0].params
    waits = after(lambda number: enqueued(number, fixed))
    fails = after(lambda number: trial(number, {}, {}, state=TrialState.FAIL, fixed=fixed))
    says_nothing = after(lambda number: trial(number, {}, {}, state=TrialState.FAIL))
    assert waits == fails != says_nothing


def test_an_enqueued_trial_that_does_not_fit_stops_no_proposals(studies: dict[str, list[FrozenTrial]]) -> None:
    trials = [*studies["tpe"][:16], enqueued(16, {"droput": 0.1})]
    assert len(proposed(propose(make_proposer(), trials, 48))) == 7


# A block that was proposed and whose numbers others took


def trials_of_another_program(first: int, count: int) -> list[FrozenTrial]:
    """Trials of another program, with parameters of its own."""
    params = {"activation": "relu", "momentum": 0.5}
    distributions = {"activation": SPACE.parameters[0].distribution, "momentum": FloatDistribution(0, 1)}
    return [trial(first + i, params, distributions, values=[0.5, 0.5]) for i in range(count)]


def assert_like_fresh(used: Proposer, trials: Sequence[FrozenTrial], total: int = 48, **options: Any) -> None:
    assert proposed(propose(used, trials, total)) == proposed(propose(make_proposer(**options), trials, total))


@every_sampler
@pytest.mark.parametrize("count", [1, 3, 8])
def test_trials_of_another_program_in_the_numbers_of_a_block(
    sampler: str, count: int, studies: dict[str, list[FrozenTrial]]
) -> None:
    one = make_proposer(sampler=sampler)
    trials = studies[sampler][:24]
    propose(one, trials, 48)
    trials = trials + trials_of_another_program(24, count)
    assert_like_fresh(one, trials, sampler=sampler)
    trials = carry_on(trials, 40, lambda: make_proposer(sampler=sampler))
    assert_like_fresh(one, trials, sampler=sampler)


@every_sampler
def test_a_block_that_nobody_took_is_proposed_again(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    """The insert may have failed, or a signal may have come in between."""
    one = make_proposer(sampler=sampler)
    for first in (0, 24):
        trials = studies[sampler][:first]
        assert proposed(propose(one, trials, 48)) == proposed(propose(one, trials, 48))


@every_sampler
def test_a_block_of_which_another_worker_took_the_beginning(
    sampler: str, studies: dict[str, list[FrozenTrial]]
) -> None:
    """That worker knew of a smaller total."""
    one = make_proposer(sampler=sampler)
    propose(one, studies[sampler][:24], 48)
    assert_like_fresh(one, studies[sampler][:27], sampler=sampler)


# The samplers


def test_tpe_does_not_depend_on_hash_randomization(studies: dict[str, list[FrozenTrial]]) -> None:
    code = "import proposing; proposing.print_study('tpe', 32)"
    folders = [str(Path(proposing.__file__).parent), os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    first, second = (json.loads(process.communicate(timeout=120)[0]) for process in processes)
    assert first == second == params_of(studies["tpe"][:32])


def test_qmc_covers_every_parameter_evenly() -> None:
    proposer = make_proposer(sampler="qmc", cohort=64)
    block = propose(proposer, carry_on([], 64, lambda: proposer), 128)
    assert block is not None
    for parameter in ("activation", "initialization"):
        counts = Counter(proposal.params[parameter] for proposal in block.proposals)
        choices = next(p.distribution.choices for p in SPACE.parameters if p.name == parameter)
        # A share of an axis, [i/k, (i + 1)/k), covers at least ⌊64/k⌋ − 1 of its 64 cells, and each holds one point.
        assert set(counts) == set(choices)
        assert max(counts.values()) <= math.ceil(64 / len(choices)) + 1
        assert min(counts.values()) >= math.floor(64 / len(choices)) - 1
    cells = Counter(int(proposal.params["dropout"] / 0.6 * 64) for proposal in block.proposals)
    assert cells == Counter(range(64))


def test_qmc_of_another_cohort_size_is_the_same_sequence() -> None:
    one, other_size = make_proposer(sampler="qmc"), make_proposer(sampler="qmc", cohort=5)
    assert params_of(carry_on([], 24, lambda: one)) == params_of(carry_on([], 24, lambda: other_size))


def test_random_equals_its_stream(studies: dict[str, list[FrozenTrial]]) -> None:
    for done in studies["random"][1:]:
        stream = Streams(0).generator(Purpose.PROPOSAL, done.number)
        activation, slope, initialization, _ = (parameter.distribution for parameter in SPACE.parameters)
        u = stream.random(4)
        expected = {
            "activation": activation.choices[math.floor(u[0] * 6)],
            "initialization": initialization.choices[math.floor(u[2] * 5)],
            "dropout": 0.6 * u[3],
        }
        if expected["activation"] in ("leaky_relu", "prelu"):
            expected["negative_slope"] = 0.001 * (0.7 / 0.001) ** u[1]
        assert done.params == pytest.approx(expected)
        assert random_params(SPACE, Streams(0).generator(Purpose.PROPOSAL, done.number)) == done.params
    assert slope.low == 0.001


@every_sampler
def test_steps_and_whole_numbers(sampler: str) -> None:
    space = parse_space(
        "[dropout]\nlow=0.0\nhigh=0.6\nstep=0.2\n[width]\nlow=16\nhigh=64\nstep=16\n[depth]\nlow=1\nhigh=4\nlog=true\n",
        name="steps",
        where="steps.toml",
    )
    one = make_proposer(space, sampler=sampler, cohort=16)
    trials = carry_on([], 96, lambda: one)
    seen = {name: {done.params[name] for done in trials} for name in ("dropout", "width", "depth")}
    assert sorted(seen["dropout"]) == pytest.approx([0.0, 0.2, 0.4, 0.6])
    assert seen["width"] == {16, 32, 48, 64}
    assert seen["depth"] == {1, 2, 3, 4}
    assert all(type(done.params[name]) is int for done in trials for name in ("width", "depth"))
    for done in trials:
        space.hyperparameters(done.params, DEFAULTS)


def test_random_points_are_uniform() -> None:
    generator = np.random.default_rng(3)
    drawn = [random_params(SPACE, generator) for _ in range(3000)]
    counts = Counter(params["activation"] for params in drawn)
    # Five standard deviations of a binomial count.
    assert all(abs(count - 500) < 5 * math.sqrt(3000 / 6 * 5 / 6) for count in counts.values())
    assert len(counts) == 6


# The feed


def test_the_feed_reads_what_is_new_or_was_unfinished(studies: dict[str, list[FrozenTrial]]) -> None:
    rows, trials = Rows(), studies["random"]
    passed_on: list[FrozenTrial] = []
    feed = TrialFeed(rows, 1, passed_on.append)  # type: ignore[arg-type]
    feed.refresh()
    assert (feed.count, feed.done, feed.unfinished, passed_on) == (0, 0, {}, [])
    running, waiting = with_state(trials[1], TrialState.RUNNING), with_state(trials[2], TrialState.WAITING)
    rows.trials, rows.leased = [trials[0], running, waiting], {1001}
    feed.refresh()
    assert passed_on == rows.trials
    assert (feed.count, feed.done, feed.unfinished) == (3, 1, {1: running, 2: waiting})
    assert feed.unfinished_below(2) == [running]
    assert feed.leased == {1001}
    claimed = with_state(trials[2], TrialState.RUNNING)
    rows.trials, rows.leased = [*trials[:2], claimed, trials[3]], set()
    feed.refresh()
    assert rows.read == [1, 2, 3]
    assert passed_on[3:] == rows.trials[1:]
    assert (feed.count, feed.done, feed.unfinished, feed.leased) == (4, 3, {2: claimed}, set())
    feed.refresh()
    assert rows.read == [2]


def test_the_feed_knows_the_best_values() -> None:
    rows = Rows()
    feed = TrialFeed(rows, 1)  # type: ignore[arg-type]

    def more(*values: list[float], **options: Any) -> list[list[float]]:
        first = len(rows.trials)
        rows.trials += [trial(first + place, {}, {}, values=pair, **options) for place, pair in enumerate(values)]
        feed.refresh()
        return feed.best

    assert more([0.9, 0.2], [0.8, 0.1], [0.7, 0.6]) == [[0.9, 0.2], [0.7, 0.6]]
    # Infeasible ones, and those without values, compete with nobody.
    assert more([1.0, 1.0], floor=0.1) == [[0.9, 0.2], [0.7, 0.6]]
    assert more([1.0, 1.0], floor=math.nan) == [[0.9, 0.2], [0.7, 0.6]]
    rows.trials.append(trial(len(rows.trials), {}, {}, state=TrialState.FAIL))
    assert more([0.8, 0.4], [0.9, 0.3]) == [[0.9, 0.3], [0.8, 0.4], [0.7, 0.6]]


def test_what_a_worker_keeps_of_a_finished_trial_is_small() -> None:
    """A study may go on for as long as it likes."""
    one = make_proposer()
    trials = carry_on([], 64, lambda: one)
    many = [
        trial(n, t.params, t.distributions, values=t.values) for n, t in zip(range(4096), cycle(trials), strict=False)
    ]
    tracemalloc.start()
    feed = TrialFeed(Rows(many), 1, one.record)  # type: ignore[arg-type]
    feed.refresh()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert feed.done == 4096
    assert kept < 200 * 4096
