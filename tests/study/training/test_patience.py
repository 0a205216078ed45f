"""Patience: the weights of the best epoch are kept and measured, a slot ends so many epochs after it, and nothing else
decides what it gives."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import pytest
import torch
from cohorts import Remembers
from plain_loop import fit_plain
from problems import make_problem
from torch import nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from study.tasks import METRICS, Classification
from study.training import Block, Budget, Replicate, Sizes, SlotState, Streams, TrainedBlock, Trainer, engine_of, fit
from study.training.engines.stacked_mlp import block_training
from study.training.patience import BestEpochs
from study.training.processes import can_fork

SPLIT = make_problem(rows=83, features=13, classes=5)
EPOCHS, PATIENCE = 9, 2
TRIALS = [
    Hyperparameters(activation=name, dropout=rate, learning_rate=learning_rate, hidden=(24, 17))
    for name, rate, learning_rate in (
        ("prelu", 0.0, 0.1),
        ("rrelu", 0.3, 0.1),
        ("relu", 0.0, 0.001),
        ("tanh", 0.3, 0.03),
        ("tanh", 0.0, 0.1),
    )
]


def budget(*, seeds: int = 2, epochs: int = EPOCHS, patience: int | None = PATIENCE) -> Budget:
    return Budget(epochs=epochs, seeds=seeds, batch_size=19, patience=patience)


def lengths(replicates: Iterable[Replicate]) -> list[int]:
    return [len(replicate.curves["training_loss"]) for replicate in replicates]


def test_the_kept_network_is_that_of_the_plain_loops_best_epoch(architecture: Architecture) -> None:
    """The plain loop is trained for each number of epochs, and the best of its networks is chosen."""
    networks: dict[int, nn.Module] = {}

    def keep(block: Block, trained: TrainedBlock) -> None:
        networks.update({trial: trained.network(place) for place, trial in enumerate(block.trials)})

    trainer = Trainer(SPLIT, budget(seeds=1), Streams(3), architecture=architecture, dtype=torch.float64)
    outcomes = trainer.fit(TRIALS, on_trained=keep)
    x, y = SPLIT.validation.x.double(), SPLIT.validation.y

    def judged(network: nn.Module) -> tuple[int, float]:
        with torch.no_grad():
            outputs = network(x)
        return int((outputs.argmax(1) == y).sum()), -float(nn.functional.cross_entropy(outputs, y))

    found = set()
    for trial, (hyperparameters, outcome) in enumerate(zip(TRIALS, outcomes, strict=True)):
        plain = [
            fit_plain(hyperparameters, SPLIT.training, 5, budget(epochs=epochs), Streams(3), dtype=torch.float64)
            for epochs in range(1, EPOCHS + 1)
        ]
        best = 0
        for epoch in range(1, EPOCHS):
            if epoch - best <= PATIENCE and judged(plain[epoch]) > judged(plain[best]):
                best = epoch
        [replicate] = outcome.replicates
        assert replicate.scores["best_epoch"] == best + 1
        assert lengths([replicate]) == [min(EPOCHS, best + 1 + PATIENCE)]
        assert replicate.scores["accuracy"] == max(replicate.curves["validation_accuracy"])
        assert replicate.scores["log_loss"] == pytest.approx(-judged(plain[best])[1])
        for ours, theirs in zip(networks[trial].parameters(), plain[best].parameters(), strict=True):
            expected = theirs.detach()
            torch.testing.assert_close(ours.detach(), expected, rtol=0, atol=1e-8 * float(expected.abs().max()))
        found |= {*lengths([replicate])}
    assert len(found) > 2  # so that slots end beside others that go on


@pytest.mark.parametrize("name", ["log_loss", "roc_auc"])
def test_the_best_epoch_is_that_of_the_metric_that_trials_are_judged_by(architecture: Architecture, name: str) -> None:
    task = Classification(metric=name)
    settings = partial(Trainer, SPLIT, streams=Streams(3), architecture=architecture, task=task)
    outcomes = settings(budget=budget(seeds=1, patience=EPOCHS)).fit(TRIALS)
    short = [
        settings(budget=budget(seeds=1, epochs=epochs, patience=None)).fit(TRIALS) for epochs in range(1, EPOCHS + 1)
    ]
    by_accuracy = Trainer(SPLIT, budget(seeds=1, patience=EPOCHS), Streams(3), architecture=architecture).fit(TRIALS)
    for place, outcome in enumerate(outcomes):
        scores = [METRICS[name].score(of_epochs[place].mean(name)) for of_epochs in short]
        assert outcome.mean("best_epoch") == 1 + scores.index(max(scores))
        assert outcome.mean(name) == pytest.approx(METRICS[name].value(max(scores)))
    chosen, others = ([each.mean("best_epoch") for each in found] for found in (outcomes, by_accuracy))
    assert chosen != others


def test_nothing_depends_on_who_ends_beside_whom(architecture: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = partial(Trainer, SPLIT, budget(), Streams(3), architecture=architecture, clamp=True, read_test=True)
    whole = settings().fit(TRIALS)
    order = random.Random(1).sample(range(5), 5)
    permuted = settings(threads=2).fit([TRIALS[i] for i in order])
    assert [permuted[order.index(i)] for i in range(5)] == whole
    assert settings().fit(TRIALS, memory=1) == whole
    assert settings().fit(TRIALS[1:2]) == whole[1:2]
    if can_fork():
        with settings(threads=2) as trainer:
            assert trainer.fit(TRIALS, keeper=Remembers()) == whole
    for share in (0.0, 1.0):
        monkeypatch.setattr(block_training, "COMPACTED_AT", share)
        assert settings().fit(TRIALS) == whole


def test_training_goes_on_from_anywhere_to_the_same_bits(architecture: Architecture) -> None:
    trainer = Trainer(SPLIT, budget(), Streams(3), architecture=architecture)
    first = Remembers()
    whole = trainer.fit(TRIALS, keeper=first)
    draw = random.Random(4)
    for _ in range(2):
        known: dict[tuple[int, int], SlotState | Replicate] = {
            slot: draw.choice([*states.values()]) for slot, states in first.states.items() if draw.random() < 0.8
        }
        second = Remembers(dict(known))
        assert trainer.fit(TRIALS, keeper=second) == whole
        for slot, states in second.states.items():
            for epoch, state in states.items():
                assert state.tensors.keys() == first.states[slot][epoch].tensors.keys()
                assert all(x.equal(first.states[slot][epoch].tensors[name]) for name, x in state.tensors.items())


def test_a_rung_compares_the_kept_weights_and_changes_no_bit(architecture: Architecture) -> None:
    rungs, first = (2, 5, 7), Remembers()
    settings = partial(Trainer, streams=Streams(3), architecture=architecture, clamp=True)
    whole = settings(SPLIT, budget()).fit(TRIALS)
    outcomes = settings(SPLIT, budget()).fit(TRIALS, rungs=rungs, keeper=first)
    assert [[replace(each, rungs={}) for each in outcome.replicates] for outcome in outcomes] == [
        list(outcome.replicates) for outcome in whole
    ]
    for rung in rungs:
        short = settings(SPLIT, budget(epochs=rung)).fit(TRIALS)
        for outcome, other in zip(outcomes, short, strict=True):
            for at_rung, expected in zip(outcome.rungs[rung].replicates, other.replicates, strict=True):
                assert at_rung.scores.items() <= expected.scores.items()
                assert at_rung.scores["best_epoch"] <= rung
                assert at_rung.curves == expected.curves
    assert min(min(lengths(outcome.replicates)) for outcome in whole) < rungs[-1]
    for number in range(2):
        draw = random.Random(number)
        known = {slot: draw.choice([*states.values()]) for slot, states in first.states.items()}
        assert settings(SPLIT, budget()).fit(TRIALS, rungs=rungs, keeper=Remembers(dict(known))) == outcomes


def test_without_an_end_in_sight_the_best_of_all_epochs_is_kept(architecture: Architecture) -> None:
    settings = partial(fit, TRIALS, SPLIT, streams=Streams(3), architecture=architecture)
    to_the_end = settings(budget=budget(patience=None))
    for outcome, other in zip(settings(budget=budget(patience=EPOCHS)), to_the_end, strict=True):
        for replicate, last in zip(outcome.replicates, other.replicates, strict=True):
            assert replicate.curves == last.curves
            assert replicate.scores["accuracy"] == max(last.curves["validation_accuracy"])
            assert "best_epoch" not in last.scores


def test_the_shapes_of_a_state_and_the_memory_of_kept_weights_are_known_beforehand(architecture: Architecture) -> None:
    engine, sizes, keeper = engine_of(architecture), Sizes.of(SPLIT), Remembers()
    fit(TRIALS, SPLIT, budget(), Streams(3), architecture=architecture, keeper=keeper)
    for (trial, _), states in keeper.states.items():
        expected = engine.slot_shapes(TRIALS[trial], budget(), sizes)
        for state in states.values():
            assert expected == {name: x.shape for name, x in state.tensors.items() if not name.startswith("curve.")}
            assert {x.shape for name, x in state.tensors.items() if name.startswith("curve.")} == {(state.epoch,)}
    parameters = 13 * 24 + 24 + 24 * 17 + 17 + 17 * 5 + 5
    more, less = (engine.peak_bytes(4, TRIALS[0], budget(patience=n), sizes) for n in (PATIENCE, None))
    assert more - less >= 4 * 4 * parameters


def test_a_network_that_diverges_later_is_that_of_its_best_epoch(architecture: Architecture) -> None:
    wild = Hyperparameters(activation="identity", learning_rate=0.7, weight_decay=4.0, hidden=(24, 17))
    settings = Budget(epochs=30, seeds=1, optimizer="sgd")
    [last] = fit([wild], SPLIT, settings, Streams(0), architecture=architecture)
    assert last.diverged
    [outcome] = fit([wild], SPLIT, replace(settings, patience=3), Streams(0), architecture=architecture)
    assert not outcome.diverged
    assert outcome.mean("accuracy") == max(outcome.replicates[0].curves["validation_accuracy"])


def test_equal_scores_are_told_apart_by_the_loss_and_equal_losses_by_the_first_epoch() -> None:
    nan = float("nan")
    best = BestEpochs(4, 2)
    points = [
        ([0.5, 0.5, nan, 0.5], [1.0, 1.0, 1.0, nan]),
        ([0.5, 0.4, 0.1, nan], [0.9, 0.1, 1.0, 1.0]),
        ([0.5, 0.5, 0.1, 0.2], [0.9, 1.0, 2.0, 9.0]),
        ([0.9, 0.9, 0.0, 0.3], [1.0, 1.0, 0.0, 9.0]),
    ]
    improved = [
        best.update(range(4), epoch, torch.tensor(scores), torch.tensor(losses))
        for epoch, (scores, losses) in enumerate(points, 1)
    ]
    assert improved == [[0, 1, 2, 3], [0, 2], [3], [0, 3]]
    assert best.epochs.tolist() == [4, 1, 2, 4]
    assert best.ends.tolist() == [0, 3, 4, 0]
    assert best.going() == [0, 3]
