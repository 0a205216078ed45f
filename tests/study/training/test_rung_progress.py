"""Training from rung to rung gives the bits of training at once, and what is decided there does not depend on kills."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import user_files
from cohorts import COHORT, Remembers
from problems import make_problem

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture, architecture_of
from study.training import Budget, Outcome, Replicate, SlotState, Streams, Trainer, fit
from study.training.budget import BudgetError
from study.training.processes import can_fork

SPLIT = make_problem(rows=83, features=13, classes=5)
TRIALS = [trial for trial in COHORT if trial.activation in ("elu", "prelu", "relu", "tanh")][:5]
RUNGS = (1, 3)


def budget(optimizer: str = "adam", *, seeds: int = 2, epochs: int = 4) -> Budget:
    return Budget(epochs=epochs, seeds=seeds, batch_size=19, optimizer=optimizer)  # type: ignore[arg-type]


def best_half(seen: dict[int, dict[int, Outcome]] | None = None) -> Callable[..., Collection[int]]:
    """Lets the better half go on, by the loss at the rung, and notes what it was asked."""

    def decide(epoch: int, outcomes: Mapping[int, Outcome]) -> Collection[int]:
        if seen is not None:
            seen[epoch] = dict(outcomes)
        ranked = sorted(outcomes, key=lambda trial: outcomes[trial].mean("log_loss"))
        return ranked[: -(-len(ranked) // 2)]

    return decide


def bare(replicates: tuple[Replicate, ...]) -> list[Replicate]:
    """Replicates without what they gave at rungs."""
    return [replace(replicate, rungs={}) for replicate in replicates]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_who_goes_through_all_rungs_has_the_bits_of_training_at_once(
    optimizer: str, architecture: Architecture
) -> None:
    trainer = Trainer(SPLIT, budget(optimizer), Streams(3), architecture=architecture, clamp=True, read_test=True)
    at_once, from_rung_to_rung = Remembers(), Remembers()
    whole = trainer.fit(TRIALS, keeper=at_once)
    phased = trainer.fit(TRIALS, keeper=from_rung_to_rung, rungs=RUNGS)
    for outcome, other in zip(phased, whole, strict=True):
        assert outcome.stopped_at is None
        assert bare(outcome.replicates) == list(other.replicates)
        assert list(outcome.rungs) == list(RUNGS)
    for slot, states in at_once.states.items():
        assert sorted(from_rung_to_rung.states[slot]) == sorted(states)
        for epoch, state in states.items():
            again = from_rung_to_rung.states[slot][epoch]
            assert again.tensors.keys() == state.tensors.keys()
            assert all(again.tensors[name].equal(tensor) for name, tensor in state.tensors.items())
            assert list(again.rungs) == [rung for rung in RUNGS if rung <= epoch]


def test_an_outcome_at_a_rung_is_that_of_so_many_epochs_on_the_validation_part(architecture: Architecture) -> None:
    options = {"architecture": architecture, "clamp": True}
    trainer = Trainer(SPLIT, budget(seeds=1), Streams(3), read_test=True, **options)  # type: ignore[arg-type]
    outcomes = trainer.fit(TRIALS, rungs=RUNGS)
    for rung in RUNGS:
        for outcome, short in zip(
            outcomes, fit(TRIALS, SPLIT, budget(seeds=1, epochs=rung), Streams(3), **options), strict=True
        ):  # type: ignore[arg-type]
            for at_rung, whole in zip(outcome.rungs[rung].replicates, short.replicates, strict=True):
                left_out = {"training_accuracy", "generalization_gap", "gradient_ratio_start", "gradient_ratio_end"}
                assert at_rung.scores == {name: x for name, x in whole.scores.items() if name not in left_out}
                layers = [{k: v for k, v in each.items() if not k.startswith("gradient")} for each in whole.layers[:-1]]
                assert list(at_rung.layers) == layers
                assert at_rung.curves == whole.curves
                assert at_rung.test_layers == ()


def test_at_a_rung_counted_measures_alone_suffice_and_change_nothing_else(architecture: Architecture) -> None:
    counted = replace(budget(seeds=1), counted_at_rungs=True)
    all_at_rungs, fewer = (
        Trainer(SPLIT, each, Streams(3), architecture=architecture, clamp=True).fit(TRIALS, rungs=RUNGS)
        for each in (budget(seeds=1), counted)
    )
    for whole, short in zip(all_at_rungs, fewer, strict=True):
        assert bare(short.replicates) == bare(whole.replicates)
        for rung in RUNGS:
            (at_rung,), (of_all,) = short.rungs[rung].replicates, whole.rungs[rung].replicates
            assert not {"hoyer", "gini", "removable"} & at_rung.scores.keys()
            assert {"clamped_accuracy", "clamped_zeros", "near_zero"} <= at_rung.scores.keys() < of_all.scores.keys()
            assert at_rung.scores == pytest.approx({name: of_all.scores[name] for name in at_rung.scores}, rel=1e-6)
            layers = zip(at_rung.layers, of_all.layers, strict=True)
            assert all(layer.keys() < of_layer.keys() for layer, of_layer in layers)


def test_who_goes_on_does_not_depend_on_blocks_threads_or_processes(architecture: Architecture) -> None:
    whole = fit(TRIALS, SPLIT, budget(), Streams(3), architecture=architecture)
    settings = partial(Trainer, SPLIT, budget(), Streams(3), architecture=architecture)
    outcomes = settings().fit(TRIALS, rungs=RUNGS, decide=best_half())
    assert sorted(outcome.stopped_at or 0 for outcome in outcomes) == [0, 0, 1, 1, 3]
    for outcome, other in zip(outcomes, whole, strict=True):
        if outcome.stopped_at is None:
            assert bare(outcome.replicates) == list(other.replicates)
        else:
            at_rung = outcome.rungs[outcome.stopped_at].replicates
            assert bare(outcome.replicates) == list(at_rung)
            assert max(outcome.rungs) == outcome.stopped_at
    assert settings(threads=2).fit(TRIALS, memory=1, rungs=RUNGS, decide=best_half()) == outcomes
    order = random.Random(1).sample(range(5), 5)
    permuted = settings().fit([TRIALS[i] for i in order], rungs=RUNGS, decide=best_half())
    assert [permuted[order.index(i)] for i in range(5)] == outcomes
    if can_fork():
        with settings(threads=2) as trainer:
            assert trainer.fit(TRIALS, keeper=Remembers(), rungs=RUNGS, decide=best_half()) == outcomes


def test_a_cohort_that_is_resumed_anywhere_decides_the_same(architecture: Architecture) -> None:
    trainer = Trainer(SPLIT, budget(), Streams(3), architecture=architecture)
    first, asked = Remembers(), {}  # type: ignore[var-annotated]
    outcomes = trainer.fit(TRIALS, keeper=first, rungs=RUNGS, decide=best_half(asked))
    draw = random.Random(2)
    for _ in range(2):
        known: dict[tuple[int, int], SlotState | Replicate] = {}
        for slot, states in first.states.items():
            choices = [None, *states.values(), *([first.given[slot]] if slot in first.given else [])]
            chosen = draw.choice(choices)
            if chosen is not None:
                known[slot] = chosen
        again: dict[int, dict[int, Outcome]] = {}
        second = Remembers(known)
        assert trainer.fit(TRIALS, keeper=second, rungs=RUNGS, decide=best_half(again)) == outcomes
        assert again == asked
        trained = {slot: min(states) for slot, states in second.states.items()}
        assert all(known[slot].epoch < epoch for slot, epoch in trained.items() if slot in known)  # type: ignore[union-attr]
    states_without = {slot: replace(states[3], rungs={}) for slot, states in first.states.items() if 3 in states}
    assert trainer.fit(TRIALS, keeper=Remembers(dict(states_without)), rungs=RUNGS, decide=best_half()) == outcomes


def test_the_other_replicates_are_trained_for_those_that_passed_the_last_rung(architecture: Architecture) -> None:
    trainer = Trainer(SPLIT, budget(seeds=3), Streams(3), architecture=architecture)
    whole, keeper = trainer.fit(TRIALS), Remembers()
    asked: dict[int, dict[int, Outcome]] = {}
    outcomes = trainer.fit(TRIALS, keeper=keeper, rungs=RUNGS, decide=best_half(asked), first_replicates=1)
    assert {len(outcome.replicates) for seen in asked.values() for outcome in seen.values()} == {1}
    going = {trial for trial, outcome in enumerate(outcomes) if outcome.stopped_at is None}
    assert len(going) == 2
    assert {trial for trial, replicate in keeper.states if replicate > 0} == going
    for trial, outcome in enumerate(outcomes):
        if trial in going:
            assert bare(outcome.replicates) == list(whole[trial].replicates)
            assert [list(each.rungs) for each in outcome.replicates] == [list(RUNGS), [], []]
        else:
            assert len(outcome.replicates) == 1
    resumed = Remembers({slot: states[2] for slot, states in keeper.states.items() if 2 in states})
    assert trainer.fit(TRIALS, keeper=resumed, rungs=RUNGS, decide=best_half(), first_replicates=1) == outcomes


def test_a_network_that_raises_does_not_go_on(tmp_path: Path) -> None:
    raises = user_files.RAISES.format(
        when="isinstance(getattr(self.activation, 'module', None), nn.Tanh) and self.training"
    )
    trials = [Hyperparameters(activation=name) for name in ("relu", "tanh", "gelu")]
    architecture = architecture_of(user_files.write(tmp_path, raises))
    asked: dict[int, dict[int, Outcome]] = {}

    def all_go_on(epoch: int, outcomes: Mapping[int, Outcome]) -> Collection[int]:
        asked[epoch] = dict(outcomes)
        return outcomes

    trainer = Trainer(SPLIT, budget(), Streams(3), architecture=architecture)
    outcomes = trainer.fit(trials, rungs=RUNGS, decide=all_go_on, most_failures=5)
    assert asked[1][1].failure is not None
    assert list(asked[3]) == [0, 2]
    assert outcomes[1].failure == asked[1][1].failure
    assert outcomes[1].stopped_at is None
    assert [len(outcomes[trial].replicates) for trial in (0, 2)] == [2, 2]


@pytest.mark.parametrize(
    ("rungs", "first_replicates", "message"),
    [
        ((3, 1), None, "the rungs of 4 epochs are 3, 1; they need to ascend"),
        ((1, 4), None, "before the last epoch"),
        ((0,), None, "from 1 on"),
        ((1,), 3, "3 of 2 replicates are to go through the rungs"),
        ((1,), 0, "at least 1"),
    ],
)
def test_rungs_that_do_not_fit_the_budget_are_refused(
    rungs: tuple[int, ...], first_replicates: int | None, message: str
) -> None:
    with pytest.raises(BudgetError, match=message):
        Trainer(SPLIT, budget(), Streams(3)).fit(TRIALS, rungs=rungs, first_replicates=first_replicates)


def test_only_trials_that_are_there_can_go_on() -> None:
    with pytest.raises(ValueError, match=r"trials \[9\] cannot go on at epoch 1"):
        Trainer(SPLIT, budget(), Streams(3)).fit(TRIALS[:2], rungs=RUNGS, decide=lambda epoch, outcomes: [0, 9])
