"""Cohorts in which some networks are normalized: each trial has the bits of the engine that trains it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cohorts import Remembers

from search_spaces import Hyperparameters
from search_spaces.architectures import ARCHITECTURES, Architecture
from study.data.split import Split
from study.training import Budget, Interrupted, Outcome, Sizes, Streams, engine_of, fit

PLAIN = [Hyperparameters(activation=name, hidden=(8, 8)) for name in ("relu", "tanh")]
NORMALIZED = [
    Hyperparameters(activation="gelu", hidden=(8, 8), normalization="batch"),
    Hyperparameters(activation="relu", hidden=(8, 8), normalization="layer"),
    Hyperparameters(activation="elu", hidden=(8, 8), residual=True),
]
COHORT = [NORMALIZED[0], PLAIN[0], NORMALIZED[1], PLAIN[1], NORMALIZED[2]]
BUDGET = Budget(epochs=3, seeds=2, batch_size=32, optimizer="adam")


def of_engine(name: str) -> Architecture:
    return replace(ARCHITECTURES["mlp"], engine=name)


def trained(trials: list[Hyperparameters], split: Split, engine: str) -> list[Outcome]:
    return fit(trials, split, BUDGET, Streams(3), architecture=of_engine(engine), read_test=True)


def test_each_trial_has_the_bits_of_its_own_engine(problem: Split) -> None:
    together = trained(COHORT, problem, "by_trial")
    normalized, plain = trained(NORMALIZED, problem, "modules"), trained(PLAIN, problem, "stacked_mlp")
    assert together == [normalized[0], plain[0], normalized[1], plain[1], normalized[2]]


def test_an_interrupted_cohort_goes_on_with_the_state_of_each_engine(problem: Split) -> None:
    keeper, asked = Remembers(), iter(range(10**6))
    with pytest.raises(Interrupted):
        fit(
            COHORT,
            problem,
            BUDGET,
            Streams(3),
            architecture=of_engine("by_trial"),
            read_test=True,
            keeper=keeper,
            stop=lambda: next(asked) > 60,
        )
    known = {slot: states[max(states)] for slot, states in keeper.states.items()} | keeper.given
    assert {COHORT[trial] in PLAIN for trial, _ in known} == {True, False}
    architecture, going_on = of_engine("by_trial"), Remembers(known)
    again = fit(COHORT, problem, BUDGET, Streams(3), architecture=architecture, read_test=True, keeper=going_on)
    assert again == trained(COHORT, problem, "by_trial")


def test_blocks_hold_trials_of_one_engine_and_each_slot_once(problem: Split) -> None:
    engine, sizes = engine_of(of_engine("by_trial")), Sizes.of(problem)
    blocks = engine.plan(COHORT, BUDGET, sizes, completed={(0, 1): 2, (1, 0): 3})
    slots = [(trial, block.replicate) for block in blocks for trial in block.trials]
    assert len(set(slots)) == len(slots) == len(COHORT) * BUDGET.seeds - 1  # one has all its epochs
    assert all(len({COHORT[trial] in PLAIN for trial in block.trials}) == 1 for block in blocks)
    assert [block.epoch for block in blocks if (block.trials[0], block.replicate) == (0, 1)] == [2]
    for trial in COHORT:
        own = engine_of(of_engine("stacked_mlp" if trial in PLAIN else "modules"))
        assert engine.slot_shapes(trial, BUDGET, sizes) == own.slot_shapes(trial, BUDGET, sizes)
        assert engine.peak_bytes(2, trial, BUDGET, sizes) == own.peak_bytes(2, trial, BUDGET, sizes)
