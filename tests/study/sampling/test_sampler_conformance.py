"""What every registered sampler must keep: a proposal is a function of the seed, lower numbers and visible outcomes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import proposing
import pytest
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)
from optuna.trial import FrozenTrial, TrialState
from proposing import (
    DEFAULTS,
    SEVERAL,
    assert_like_fresh,
    carry_on,
    judged_anew,
    make_proposer,
    make_sampler_of,
    params_of,
    propose,
    proposed,
    trials_of_another_program,
    with_state,
)

from search_spaces import ACTIVATIONS, Parameter, SearchSpace, load_space, parse_space, preset_names
from study.config import StudyConfig
from study.sampling import SAMPLER_NAMES, SAMPLERS, SampledStudy, SamplerError, make_sampler

SPACE = load_space("core")

OTHERS_OF_OPTUNA = ("nsga3", "gp")

every_sampler = pytest.mark.parametrize("sampler", SEVERAL)
SEARCHING = [name for name in SEVERAL if not SAMPLERS[name].load().is_fixed_list]
"""Those that choose; a fixed list depends on no seed, and lies in whatever space it was made for."""


# A function of the study's seed, the parameters of lower numbers, and visible outcomes


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
@pytest.mark.parametrize("first_total", [1, 16, 27])
def test_a_total_that_is_raised_changes_nothing(
    sampler: str, first_total: int, studies: dict[str, list[FrozenTrial]]
) -> None:
    one = make_proposer(sampler=sampler)
    trials = carry_on([], first_total, lambda: one)
    assert len(trials) == first_total
    assert params_of(carry_on(trials, 48, lambda: one)) == params_of(studies[sampler])
    fresh = carry_on(trials, 48, lambda: make_proposer(sampler=sampler))
    assert params_of(fresh) == params_of(studies[sampler])


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
    assert len({tuple(sorted(done.params.items())) for done in studies[sampler]}) > 40


@every_sampler
def test_steps_and_whole_numbers(sampler: str) -> None:
    space = parse_space(
        "[dropout]\nlow=0.0\nhigh=0.6\nstep=0.2\n[width]\nlow=16\nhigh=64\nstep=16\n[depth]\nlow=1\nhigh=4\nlog=true\n",
        name="steps",
        where="steps.toml",
    )
    one = make_proposer(space, sampler=sampler, cohort=16)
    trials = carry_on([], 64, lambda: one)
    seen = {name: {done.params[name] for done in trials} for name in ("dropout", "width", "depth")}
    assert sorted(seen["dropout"]) == pytest.approx([0.0, 0.2, 0.4, 0.6])
    assert seen["width"] == {16, 32, 48, 64}
    assert seen["depth"] == {1, 2, 3, 4}
    assert all(type(done.params[name]) is int for done in trials for name in ("width", "depth"))
    for done in trials:
        space.hyperparameters(done.params, DEFAULTS)


@pytest.mark.parametrize("sampler", SEARCHING)
def test_another_seed_is_another_study(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    another = proposed(propose(make_proposer(sampler=sampler, seed=1), [], 8))
    ours = params_of(studies[sampler][:8])
    assert another[0] == ours[0]
    assert all(a != b for a, b in zip(another[1:], ours[1:], strict=True))


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


@every_sampler
@pytest.mark.parametrize("count", [1, 8])
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


@every_sampler
def test_each_preset_is_sampled_within_its_conditions(sampler: str) -> None:
    for name in preset_names():
        space = load_space(name)
        one = make_proposer(space, sampler=sampler)
        for done in carry_on([], 48, lambda one=one: one):
            active: dict[str, Any] = {}
            for parameter in space.parameters:
                assert (parameter.name in done.params) == parameter.active(active), (name, done.params)
                if parameter.name in done.params:
                    value = done.params[parameter.name]
                    assert parameter.distribution._contains(parameter.distribution.to_internal_repr(value))
                    active[parameter.name] = value


@every_sampler
def test_a_sampler_that_is_asked_twice_answers_the_same(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    """Asking changes nothing in it, whatever else it is asked in between."""
    one = make_sampler_of(sampler, SPACE)
    for done in studies[sampler][:40]:
        one.record(done, done.params)
    first = one.cohort(range(40, 48), start=40, visible=32)
    one.cohort(range(24, 32), start=24, visible=16)
    assert one.cohort(range(40, 48), start=40, visible=32) == first == params_of(studies[sampler][40:])


@every_sampler
def test_a_cohort_that_is_cut_is_the_same_cohort(sampler: str, studies: dict[str, list[FrozenTrial]]) -> None:
    trials = studies[sampler]
    for cut in (41, 43, 47):
        one = make_sampler_of(sampler, SPACE)
        for done in trials[:cut]:
            one.record(done, done.params)
        assert one.cohort(range(cut, 48), start=40, visible=32) == params_of(trials[cut:])


@every_sampler
def test_the_order_in_which_outcomes_arrive_does_not_matter(
    sampler: str, studies: dict[str, list[FrozenTrial]]
) -> None:
    """A trial is recorded when it is proposed and again when it ends; later cohorts may end before earlier ones."""
    one = make_sampler_of(sampler, SPACE)
    for done in studies[sampler][:40]:
        one.record(with_state(done, TrialState.RUNNING), done.params)
    for done in sorted(studies[sampler][:40], key=lambda each: (-each.number // 8, each.number * 7 % 8)):
        one.record(done, done.params)
    assert one.cohort(range(40, 48), start=40, visible=32) == params_of(studies[sampler][40:])


def test_no_sampler_depends_on_hash_randomization(studies: dict[str, list[FrozenTrial]]) -> None:
    code = "import proposing; proposing.print_studies(32)"
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
    assert first == second == {name: params_of(studies[name][:32]) for name in SEVERAL}


# Optuna's own suite


class AsOptunaSampler(BaseSampler):
    """A sampler of ours that stock Optuna asks, in cohorts of one trial.

    Ours are told the whole space beforehand, and Optuna asks with parts of it: each part counts as a space. Trials that
    were created, and nothing else, tell a sampler nothing. They are left out, and the others numbered anew, because
    ours ask again for all lower numbers; each trial has a seed of its own instead.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        parameters = tuple(Parameter(name, distribution, {}) for name, distribution in search_space.items())
        space = SearchSpace("optuna", "", parameters)
        sampled = SampledStudy(space, objectives=len(study.directions), cohort=1, seed=trial.number)
        sampler = make_sampler(self._name, sampled)
        lower = [each for each in study.get_trials() if each.number < trial.number]
        told = [each for each in lower if each.params or each.state.is_finished()]
        for number, each in enumerate(told):
            each.number = number
            sampler.record(each, each.params)
        number = len(told)
        (params,) = sampler.cohort(range(number, number + 1), start=number, visible=max(0, number - 1))
        return params

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.sample_relative(study, trial, {param_name: param_distribution})[param_name]


class TestStockSuite(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    """`optuna.testing.pytest_samplers`, all but its suite for samplers of one objective alone: ours take several.

    A fixed list has no part in it: it has nothing to say of the spaces that the suite asks for. Of Optuna's own
    samplers one stands for all: what is tested is the adapter that they share, and Optuna tests the samplers.
    """

    @pytest.fixture(params=[name for name in SEARCHING if name not in OTHERS_OF_OPTUNA])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        return lambda: AsOptunaSampler(request.param)


# The registry


def test_the_option_knows_the_samplers_that_a_user_may_select() -> None:
    assert set(SAMPLER_NAMES) == {name for name, entry in SAMPLERS.items() if not entry.load().is_fixed_list}
    for name in SAMPLER_NAMES:
        assert StudyConfig(sampler=name).sampler == name
    description = StudyConfig.model_fields["sampler"].description or ""
    assert all(name in description for name in SAMPLER_NAMES)


def test_a_sampler_that_does_not_exist_is_refused() -> None:
    known = re.escape(f"(known: {', '.join(SAMPLER_NAMES)})")
    with pytest.raises(SamplerError, match=rf"unknown sampler 'tpx'; did you mean 'tpe'\? {known}"):
        make_sampler("tpx", SampledStudy(SPACE))


def test_the_names_are_known_without_any_sampler() -> None:
    code = (
        "import sys; from study.sampling import SAMPLER_NAMES; assert SAMPLER_NAMES;"
        "sys.exit(', '.join({'optuna', 'torch', 'scipy'} & sys.modules.keys()) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
