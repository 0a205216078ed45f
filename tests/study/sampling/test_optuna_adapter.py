"""Optuna's samplers among ours; what every sampler must keep is tested in test_sampler_conformance.py."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from proposing import carry_on, make_proposer, params_of, trial, with_state

from reluctant import ReluctantWarning
from search_spaces import Hyperparameters, load_space, parse_space
from study.records.rung_results import rungs_attribute
from study.sampling import SampledStudy, SamplerError, make_sampler
from study.sampling.optuna_adapter import OptunaAdapter
from study.sampling.proposer import Proposer
from study.sampling.shadow_study import ShadowStudy
from study.training.rungs import RungResult

SPACE = load_space("core")
NUMBERS = "[dropout]\nlow=0.0\nhigh=0.6\n[learning_rate]\nlow=1e-4\nhigh=1e-1\nlog=true\n"


def test_nsga2_is_the_stock_sampler_of_the_same_population() -> None:
    """Asked one trial at a time, with the seed of each number, it is what `study.ask` and `study.tell` give."""
    space = parse_space(NUMBERS, name="numbers", where="numbers.toml")
    options = {"population_size": 4}
    sampler = make_sampler("nsga2", SampledStudy(space, objectives=2, cohort=1, options=options))
    assert isinstance(sampler, OptunaAdapter)
    stock = optuna.create_study(directions=["maximize", "maximize"])
    told: list[FrozenTrial] = []
    for number in range(16):
        visible = max(0, number - 1)
        for earlier in range(max(0, visible - 1), visible):
            stock.tell(earlier, told[earlier].values)
        stock.sampler = sampler._sampler(number)
        asked = stock.ask()
        asked.set_constraint("accuracy_floor", -0.1)
        theirs = {
            "dropout": asked.suggest_float("dropout", 0.0, 0.6),
            "learning_rate": asked.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        }
        (ours,) = sampler.cohort(range(number, number + 1), start=number, visible=visible)
        assert ours == theirs
        values = [1 - ours["dropout"], ours["learning_rate"]]
        told.append(trial(number, ours, space.distributions(ours), values=values))
        sampler.record(told[-1], ours)
    generations = {each.system_attrs.get("NSGAIISampler:generation") for each in stock.trials}
    assert len(generations) > 2


@pytest.mark.parametrize("name", ["nsga2", "nsga3"])
def test_trials_that_went_as_proposed_are_not_asked_for_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proposed is the same as by a sampler that has asked for nothing yet."""
    again: list[int] = []
    ask_again = ShadowStudy.ask_again

    def counting(shadow: ShadowStudy, number: int, sampler: Any) -> None:
        again.append(number)
        ask_again(shadow, number, sampler)

    monkeypatch.setattr(ShadowStudy, "ask_again", counting)

    def proposer() -> Proposer:
        study = SampledStudy(SPACE, objectives=2, cohort=4, options={"population_size": 4})
        return Proposer(make_sampler(name, study), Hyperparameters())

    def values(number: int, params: Any) -> list[float]:
        return [1 - params["dropout"], params["dropout"]]

    one = proposer()
    trials = carry_on([], 24, lambda: one, values)
    assert again == [0, 0, 1, 2, 3]  # the first is the baseline, which is no proposal of the sampler
    assert params_of(carry_on([], 24, proposer, values)) == params_of(trials)
    assert again
    # A trial that is recorded otherwise than it was proposed is asked for again, with all before it.
    again.clear()
    sampler, study = make_sampler(name, SampledStudy(SPACE, objectives=2, cohort=4)), trials[:8]
    for done in study[:4]:
        sampler.record(done, done.params)
    sampler.cohort(range(4, 8), start=4, visible=0)
    for done in study:
        sampler.record(done, done.params | ({"dropout": 0.123} if done.number == 5 else {}))
    sampler.cohort(range(8, 12), start=8, visible=4)
    assert again == [*range(4), *range(8)]


@pytest.mark.parametrize("name", ["nsga2", "nsga3", "gp", "optuna.samplers:TPESampler"])
def test_stock_samplers_go_on_where_trials_were_stopped_early(name: str, studies: dict[str, list[FrozenTrial]]) -> None:
    """They are handed on as PRUNED, without the intermediate values over which stock TPE fails in two objectives."""
    sampler = make_sampler(name, SampledStudy(SPACE, objectives=2, cohort=8))
    for done in studies["qmc"][:32]:
        stopped = done.number % 3 > 0
        told = with_state(done, TrialState.PRUNED) if stopped else done
        if stopped:
            told.system_attrs.update(rungs_attribute({3: RungResult((0.9, 0.5), -0.1)}) | {"constraints": [-0.1]})
        sampler.record(told, done.params)
    first = sampler.cohort(range(32, 40), start=32, visible=24)
    assert len(first) == 8
    assert sampler.cohort(range(32, 40), start=32, visible=24) == first


def _one_objective(number: int, params: Any) -> list[float]:
    return [1 - (params["dropout"] - 0.3) ** 2 - abs(params["learning_rate"] - 0.01)]


def test_cmaes_takes_one_objective_and_depends_on_the_past_alone() -> None:
    space = parse_space(NUMBERS, name="numbers", where="numbers.toml")
    with pytest.raises(SamplerError, match="--sampler cmaes takes one objective, and the study has 2; add --objective"):
        make_sampler("cmaes", SampledStudy(space, objectives=2))

    def proposer() -> Proposer:
        study = SampledStudy(space, objectives=1, cohort=4, options={"popsize": 4})
        return Proposer(make_sampler("cmaes", study), Hyperparameters(hidden=(32,)))

    one = proposer()
    trials = carry_on([], 40, lambda: one, _one_objective)
    assert params_of(carry_on([], 40, proposer, _one_objective)) == params_of(trials)
    assert params_of(carry_on(trials[:18], 40, proposer, _one_objective)) == params_of(trials)
    late = [each.params["dropout"] for each in trials[24:]]
    assert max(late) - min(late) < 0.6  # it closes in


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nsga2", {"populaton_size": 9}, "unknown option 'populaton_size'.*did you mean 'population_size'"),
        ("nsga2", {"population_size": 1}, "NSGAIISampler cannot be made with"),
        ("nsga2", {"seed": 1}, "the study's --seed decides"),
        ("tpe", {"gamma": 1}, "the sampler tpe has no options"),
        ("random:Nothing", {}, "--sampler is 'random:Nothing'.*package.module:Class"),
        ("collections:Counter", {}, "no class of optuna.samplers.BaseSampler's kind"),
        ("no_such_module:Class", {}, "No module named 'no_such_module'"),
    ],
)
def test_what_cannot_be_made_is_refused(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SamplerError, match=said):
        make_sampler(name, SampledStudy(SPACE, objectives=2, options=options))


def test_a_sampler_of_the_user_is_adapted() -> None:
    def proposer() -> Proposer:
        study = SampledStudy(SPACE, objectives=2, cohort=8, options={"n_startup_trials": 4})
        return Proposer(make_sampler("optuna.samplers:TPESampler", study), Hyperparameters())

    one = proposer()
    trials = carry_on([], 32, lambda: one)
    assert params_of(carry_on(trials[:20], 32, proposer)) == params_of(trials)


class Unseeded(optuna.samplers.RandomSampler):
    def __init__(self) -> None:
        super().__init__(seed=0)


def test_a_sampler_without_a_seed_is_said_to_be_none_that_repeats() -> None:
    with pytest.warns(ReluctantWarning, match="Unseeded takes no seed: .*does not end as an undisturbed"):
        make_sampler(f"{__name__}:Unseeded", SampledStudy(SPACE, objectives=2))


def test_trials_of_another_program_do_not_disturb_it() -> None:
    """They may lie outside of the space, lack parameters, or have failed."""
    one = make_proposer(sampler="nsga2")
    trials = carry_on([], 8, lambda: one)
    strange = [
        trial(8, {}, {}, state=TrialState.FAIL),
        trial(9, {"dropout": 7.0}, {"dropout": optuna.distributions.FloatDistribution(0.0, 9.0)}, values=[0.1, 0.1]),
    ]
    assert len(carry_on([*trials, *strange], 40, lambda: make_proposer(sampler="nsga2"))) == 40
