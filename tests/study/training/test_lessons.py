"""Trials that learn shuffled targets, or inputs in one order after another: by every engine as by the plain loop."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from cohorts import Remembers
from plain_loop import fit_plain
from problems import make_images, make_problem
from torch import nn

from search_spaces import Hyperparameters
from search_spaces.architectures import ARCHITECTURES, Architecture
from study.data.split import Part, Split
from study.training import Block, Budget, Interrupted, Streams, TrainedBlock, Trainer, engine_of, fit
from study.training.budget import BudgetError
from study.training.engines.base import Sizes
from study.training.lessons import Lesson, lessons

USUAL = Hyperparameters(hidden=(20, 9), learning_rate=0.01, dropout=0.2)
SHUFFLED = replace(USUAL, shuffled_targets=True)
DRIFTING = replace(USUAL, activation="leaky_relu", input_orders=3)
BOTH = replace(SHUFFLED, activation="tanh", input_orders=2)
COHORT = [DRIFTING, USUAL, SHUFFLED, BOTH, replace(DRIFTING, activation="relu")]
BUDGET = Budget(epochs=7, seeds=2, batch_size=24)


def permutation(purpose: int, *place: int, size: int) -> torch.Tensor:
    """A permutation of a stream, by its documented address."""
    sequence = np.random.SeedSequence(7, spawn_key=(purpose, *place))
    return torch.from_numpy(np.random.Generator(np.random.PCG64(sequence)).permutation(size))


def reordered(part: Part, order: int) -> Part:
    """A part with its inputs in an order of replicate 1."""
    inputs = part.x.shape[1]
    return replace(part, x=part.x[:, permutation(8, 1, order, size=inputs)]) if order else part


@pytest.mark.parametrize(
    ("trial", "orders"), [(SHUFFLED, [0] * 7), (DRIFTING, [0, 0, 0, 1, 1, 2, 2]), (BOTH, [0, 0, 0, 0, 1, 1, 1])]
)
def test_it_equals_the_plain_loop_on_the_data_of_each_epoch(
    trial: Hyperparameters, orders: list[int], problem: Split, architecture: Architecture
) -> None:
    networks: list[nn.Module] = []

    def keep(block: Block, trained: TrainedBlock) -> None:
        networks.append(trained.network(0))

    budget = replace(BUDGET, seeds=1)
    options = {"dtype": torch.float64, "read_test": True, "architecture": architecture}
    outcome, *_ = fit([trial], problem, budget, Streams(7, first=1), on_trained=keep, **options)  # type: ignore[arg-type]
    training = problem.training
    if trial.shuffled_targets:
        training = replace(training, y=training.y[permutation(7, 1, size=len(training))])
    plain = fit_plain(
        trial,
        training,
        5,
        budget,
        Streams(7),
        replicate=1,
        dtype=torch.float64,
        seen=lambda epoch: reordered(training, orders[epoch]),
    )
    for ours, theirs in zip(networks[0].parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8 * float(theirs.detach().abs().max()))
    (scores,) = (replicate.scores for replicate in outcome.replicates)
    for part, name in ((problem.validation, "accuracy"), (problem.test, "test_accuracy")):
        measured = reordered(part, orders[-1])
        right = plain(measured.x.double()).argmax(1) == measured.y
        assert scores[name] == pytest.approx(float(right.double().mean()))


def test_what_others_of_a_cohort_learn_changes_no_bit(problem: Split, architecture: Architecture) -> None:
    train = partial(fit, split=problem, budget=BUDGET, streams=Streams(3), architecture=architecture, read_test=True)
    together = train(COHORT)
    alone = [train([trial])[0] for trial in COHORT]
    assert together == train(COHORT, threads=2, memory=1) == alone
    assert together[1] == train([USUAL, USUAL])[0]
    assert len({outcome.mean("training_accuracy") for outcome in together}) == len(COHORT)


def test_ended_anywhere_it_goes_on_to_the_same_bits(problem: Split, architecture: Architecture) -> None:
    train = partial(fit, COHORT, problem, BUDGET, Streams(3), architecture=architecture)
    whole, keeper = train(), Remembers()
    assert train(keeper=keeper) == whole
    assert all(sorted(states) == [1, 2, 3, 4, 5, 6] for states in keeper.states.values())
    assert len(keeper.states) == len(COHORT) * BUDGET.seeds
    for epoch in (2, 3, 6):  # within an order of the inputs, between two, before the last epoch
        assert train(keeper=Remembers({slot: states[epoch] for slot, states in keeper.states.items()})) == whole
    ended, asked = Remembers(), iter(range(10**6))
    with pytest.raises(Interrupted):
        train(keeper=ended, stop=lambda: next(asked) > 40)
    left = {slot: states[max(states)] for slot, states in ended.states.items()}
    assert train(keeper=Remembers(left | ended.given)) == whole


def test_pixels_of_images_change_places_and_images_keep_their_shape() -> None:
    split = make_images(rows=20)
    drifted = Lesson(order=2).of(split, Streams(7), 1)
    assert drifted.test.x.shape == split.test.x.shape
    order = permutation(8, 1, 2, size=split.test.x[0].numel())
    assert torch.equal(drifted.test.x.flatten(1), split.test.x.flatten(1)[:, order])
    assert torch.equal(drifted.training.y, split.training.y)


@pytest.mark.parametrize("epochs", [1, 2, 3, 9, 10, 11, 30])
@pytest.mark.parametrize("orders", [1, 3, 10])
def test_lessons_follow_one_another_without_a_gap(epochs: int, orders: int) -> None:
    trial = Hyperparameters(input_orders=orders)
    whole = [*lessons(trial, 0, epochs, epochs)]
    assert [end for _, end in whole] == sorted({end for _, end in whole})
    assert whole[-1][1] == epochs
    if epochs >= orders:
        assert [lesson.order for lesson, _ in whole] == [*range(orders)]
    for cut in range(1, epochs):
        rest = [*lessons(trial, cut, epochs, epochs)]
        assert rest == [(lesson, end) for lesson, end in whole if end > cut]
        assert [*lessons(trial, 0, cut, epochs)][-1][1] == cut


def test_patience_and_one_order_after_another_exclude_each_other(problem: Split) -> None:
    with pytest.raises(BudgetError, match="the inputs come in 3 orders, and patience of the budget is 2"):
        fit([DRIFTING], problem, replace(BUDGET, patience=2), Streams(0))


def test_only_what_learns_the_same_shares_a_block(problem: Split) -> None:
    blocks = Trainer(problem, BUDGET, Streams(0)).plan(COHORT)
    learned = [{(COHORT[t].shuffled_targets, COHORT[t].input_orders) for t in block.trials} for block in blocks]
    assert all(len(each) == 1 for each in learned)
    slots = [(trial, block.replicate) for block in blocks for trial in block.trials]
    assert len(set(slots)) == len(slots) == len(COHORT) * BUDGET.seeds
    plain = engine_of(ARCHITECTURES["mlp"]).plan([USUAL] * 3, BUDGET, Sizes.of(make_problem()))
    assert Trainer(problem, BUDGET, Streams(0)).plan([USUAL] * 3) == plain
