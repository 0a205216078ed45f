"""What every engine holds: the plain loop's networks, and results that depend on nothing but the trial and the streams.

Every engine of `ENGINES` trains the multilayer perceptron here.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from problems import make_problem

from search_spaces import ACTIVATIONS, INITIALIZATIONS, Hyperparameters
from search_spaces.architectures import Architecture
from study.data.split import Split
from study.training import Budget, Interrupted, Outcome, Streams
from study.training import fit as train


def majority(split: Split) -> float:
    """Validation accuracy of the class that is most frequent in the training part."""
    [(label, _)] = Counter(split.training.y.tolist()).most_common(1)
    return split.validation.y.tolist().count(label) / len(split.validation)


def mixed_cohort(count: int, *, hidden: Sequence[tuple[int, ...]] = ((24, 17),)) -> list[Hyperparameters]:
    draw = random.Random(5)
    return [
        Hyperparameters(
            activation=draw.choice(sorted(ACTIVATIONS)),
            negative_slope=draw.uniform(0.01, 0.5),
            initialization=draw.choice(sorted(INITIALIZATIONS)),
            dropout=draw.choice([0.0, 0.2, 0.5]),
            learning_rate=draw.choice([0.001, 0.01, 0.03]),
            weight_decay=draw.choice([0.0, 1e-4]),
            l1=draw.choice([0.0, 1e-4]),
            hidden=draw.choice(hidden),
        )
        for _ in range(count)
    ]


ODD = [make_problem(rows=83, features=13, classes=5), make_problem(rows=101, features=7, classes=3, seed=1)]


@pytest.mark.parametrize("split", ODD, ids=["83 rows, 5 classes", "101 rows, 3 classes"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_permuting_splitting_and_threading_change_no_bit(
    split: Split, optimizer: str, architecture: Architecture
) -> None:
    fit = partial(train, architecture=architecture)
    trials = mixed_cohort(40, hidden=[(24, 17), (64,)])
    budget = Budget(epochs=2, seeds=2, batch_size=19, optimizer=optimizer)
    whole = fit(trials, split, budget, Streams(3))

    order = random.Random(1).sample(range(40), 40)
    permuted = fit([trials[i] for i in order], split, budget, Streams(3), threads=3)
    assert [permuted[order.index(i)] for i in range(40)] == whole

    parts: list[Outcome] = []
    for start, stop in ((0, 1), (1, 3), (3, 10), (10, 40)):
        parts += fit(trials[start:stop], split, budget, Streams(3), threads=2)
    assert parts == whole

    assert fit(trials, split, budget, Streams(3), memory=1) == whole


def test_replicates_differ_and_the_seed_decides(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    trials = mixed_cohort(2)
    budget = Budget(epochs=1, seeds=2)
    first = fit(trials, ODD[0], budget, Streams(3))
    assert first[0].replicates[0] != first[0].replicates[1]
    assert first != fit(trials, ODD[0], budget, Streams(4))
    assert first == fit(trials, ODD[0], budget, Streams(3))


def test_a_diverging_slot_disturbs_no_neighbour(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    trials = mixed_cohort(6)
    wild = Hyperparameters(activation="identity", learning_rate=10.0, weight_decay=10.0, hidden=(24, 17))
    budget = Budget(epochs=20, seeds=1, optimizer="sgd")
    alone = fit(trials, ODD[0], budget, Streams(0))
    *together, diverged = fit([*trials, wild], ODD[0], budget, Streams(0))
    assert together == alone
    assert diverged.diverged
    assert diverged.mean("accuracy") == majority(ODD[0])
    assert diverged.mean("near_zero") == 0.0
    assert all(torch.isfinite(torch.tensor(list(r.scores.values()))).all() for r in diverged.replicates)


def test_stop_ends_training(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    calls = iter(range(100_000))
    with pytest.raises(Interrupted):
        fit(mixed_cohort(4), ODD[0], Budget(epochs=1000), Streams(0), threads=2, stop=lambda: next(calls) > 20)


def test_every_replicate_may_have_a_split_of_its_own(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    trials = mixed_cohort(6)
    own = [make_problem(rows=83, features=13, seed=0), make_problem(rows=90, features=11, seed=1)]
    budget = Budget(epochs=2, seeds=2, batch_size=19)
    both = fit(trials, own, budget, Streams(3), threads=2, read_test=True)
    for replicate, split in enumerate(own):
        alone = fit(trials, split, budget, Streams(3), read_test=True)
        assert [outcome.replicates[replicate] for outcome in both] == [o.replicates[replicate] for o in alone]
    assert fit(trials[2:5], own, budget, Streams(3), memory=1, read_test=True) == both[2:5]
    with pytest.raises(ValueError, match="2 splits for 3 replicates"):
        fit(trials, own, Budget(epochs=1, seeds=3), Streams(3))


def test_the_test_part_is_measured_where_it_is_read(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture)
    [trial] = mixed_cohort(1)
    split = ODD[0]
    swapped = replace(split, validation=split.test, test=split.validation)
    budget = Budget(epochs=2, seeds=1)
    [read] = fit([trial], split, budget, Streams(3), read_test=True)[0].replicates
    [other] = fit([trial], swapped, budget, Streams(3))[0].replicates
    layers = [{k: v for k, v in layer.items() if not k.startswith("gradient")} for layer in other.layers[:-1]]
    assert list(read.test_layers) == layers
    assert read.scores["test_accuracy"] == other.scores["accuracy"]
    assert other.test_layers == ()
