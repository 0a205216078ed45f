"""What every engine holds: the plain loop's networks, and results that depend on nothing but the trial and the streams.

Every engine of `ENGINES` trains the multilayer perceptron here.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from cohorts import COHORT, Remembers
from plain_loop import fit_plain
from problems import make_problem
from torch import nn

from search_spaces import ACTIVATIONS, INITIALIZATIONS, Hyperparameters
from search_spaces.architectures import Architecture
from study.data.split import Split
from study.tasks import TASKS
from study.training import Block, Budget, Interrupted, Outcome, Sizes, Streams, TrainedBlock, engine_of
from study.training import fit as train
from study.training.measures import live_units, zeros
from study.training.plain_network import clamped_network


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


TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}


def trained_networks(
    slots: list[Hyperparameters], split: Split, budget: Budget, **options: Any
) -> tuple[list[Outcome], list[nn.Module]]:
    """Outcomes, and the network of each slot's only replicate."""
    networks: dict[int, nn.Module] = {}

    def keep(block: Block, trained: TrainedBlock) -> None:
        networks.update({trial: trained.network(place) for place, trial in enumerate(block.trials)})

    outcomes = train(slots, split, budget, Streams(7, first=1), on_trained=keep, **options)
    return outcomes, [networks[trial] for trial in range(len(slots))]


def assert_equal(network: nn.Module, plain: nn.Module, tolerance: float) -> None:
    """Equal parameters, to a share of each tensor's largest."""
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        expected = theirs.detach()
        torch.testing.assert_close(ours.detach(), expected, rtol=0, atol=tolerance * float(expected.abs().max()))


# Every activation meets every initialization, both optimizers and both precisions; what an initialization draws is the
# same under the other optimizer, so that the latter meet one initialization each.
STARTS = [
    *((name, "adam", torch.float64) for name in INITIALIZATIONS),
    *(
        (None, optimizer, dtype)
        for optimizer, dtype in (("adam", torch.float32), ("sgd", torch.float64), ("sgd", torch.float32))
    ),
]


@pytest.mark.parametrize(("initialization", "optimizer", "dtype"), STARTS)
def test_every_activation_equals_the_plain_loop(
    initialization: str | None, optimizer: str, dtype: torch.dtype, problem: Split, architecture: Architecture
) -> None:
    """Where no initialization is named, activations take turns through all of them."""
    budget = Budget(epochs=4, seeds=1, batch_size=24, optimizer=optimizer)
    rates, others = itertools.cycle([0.0, 0.2, 0.5]), itertools.cycle(INITIALIZATIONS)
    slots = [
        Hyperparameters(
            activation=name,
            negative_slope=0.15,
            initialization=initialization or next(others),
            dropout=next(rates),
            learning_rate=0.003,
            weight_decay=1e-3,
            hidden=(20, 33),
        )
        for name in sorted(ACTIVATIONS)
    ]
    _, networks = trained_networks(slots, problem, budget, dtype=dtype, architecture=architecture)
    for slot, network in zip(slots, networks, strict=True):
        plain = fit_plain(slot, problem.training, 5, budget, Streams(7), replicate=1, dtype=dtype)
        assert_equal(network, plain, TOLERANCE[dtype])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_mixed_rates_decays_penalties_biases_and_slopes_equal_the_plain_loop(
    optimizer: str, problem: Split, architecture: Architecture
) -> None:
    budget = Budget(epochs=3, seeds=1, batch_size=40, optimizer=optimizer)
    slots = [
        Hyperparameters(
            activation=activation,
            negative_slope=slope,
            dropout=dropout,
            learning_rate=rate,
            weight_decay=decay,
            l1=l1,
            l2=l2,
            bias=bias,
            hidden=(48, 16, 16),
        )
        for activation in ("leaky_relu", "prelu", "sigmoid", "tanh")
        for slope, dropout, rate, decay, l1, l2, bias in (
            (0.01, 0.0, 0.001, 0.0, 0.0, 0.0, 0.0),
            (0.3, 0.4, 0.001, 0.0, 1e-3, 0.0, 0.1),
            (0.7, 0.1, 0.01, 0.01, 1e-4, 1e-3, 0.0),
            (0.2, 0.1, 0.01, 0.0, 0.0, 1e-3, -0.2),
        )
    ]
    _, networks = trained_networks(slots, problem, budget, dtype=torch.float64, architecture=architecture)
    for slot, network in zip(slots, networks, strict=True):
        plain = fit_plain(slot, problem.training, 5, budget, Streams(7), replicate=1, dtype=torch.float64)
        assert_equal(network, plain, 1e-8)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_outcomes_are_those_of_any_other_engine(optimizer: str, problem: Split, architecture: Architecture) -> None:
    """Scores, measures of layers on both parts, gradient norms and curves, against the engine of any module."""
    budget = Budget(epochs=3, seeds=2, batch_size=24, optimizer=optimizer)
    slots = [
        Hyperparameters(
            activation=name,
            negative_slope=0.15,
            initialization=list(INITIALIZATIONS)[place % len(INITIALIZATIONS)],
            dropout=0.2 * (place % 3),
            learning_rate=0.003,
            l1=1e-4 * (place % 2),
            hidden=(20, 33),
        )
        for place, name in enumerate(sorted(ACTIVATIONS))
    ]
    ours, theirs = (
        train(slots, problem, budget, Streams(7), dtype=torch.float64, read_test=True, clamp=True, architecture=each)
        for each in (architecture, replace(architecture, engine="modules"))
    )
    for outcome, other in zip(ours, theirs, strict=True):
        for replicate, same in zip(outcome.replicates, other.replicates, strict=True):
            assert list(replicate.scores) == list(same.scores)
            assert replicate.scores == pytest.approx(same.scores, rel=1e-8, abs=1e-12)
            for layers in ("layers", "test_layers"):
                for layer, again in zip(getattr(replicate, layers), getattr(same, layers), strict=True):
                    assert layer == pytest.approx(again, rel=1e-8, abs=1e-12)
            assert replicate.curves.keys() == same.curves.keys()
            for name, curve in replicate.curves.items():
                assert curve == pytest.approx(same.curves[name], rel=1e-8)


def test_the_networks_of_a_block_are_plain_and_those_that_were_measured(
    problem: Split, architecture: Architecture
) -> None:
    slots = [Hyperparameters(activation=name, dropout=0.2, hidden=(20,)) for name in ("relu", "prelu", "tanh")]
    outcomes, networks = trained_networks(slots, problem, Budget(epochs=2, seeds=1), architecture=architecture)
    for outcome, network in zip(outcomes, networks, strict=True):
        assert not network.training
        assert all(type(module).__module__.startswith("torch.nn.") for module in network.modules())
        loss = nn.functional.cross_entropy(network(problem.validation.x), problem.validation.y)
        loss.backward()
        assert float(loss.detach()) == pytest.approx(outcome.replicates[0].scores["log_loss"], rel=1e-5)


def test_a_cohort_is_cut_into_blocks_of_what_is_left(problem: Split, architecture: Architecture) -> None:
    budget, trials = Budget(epochs=5, seeds=2), mixed_cohort(9, hidden=[(24, 17), (64,)])
    completed = {(0, 0): 3, (2, 0): 3, (1, 1): 5}
    blocks = engine_of(architecture).plan(trials, budget, Sizes.of(problem), threads=2, completed=completed)
    slots = [((trial, block.replicate), block.epoch) for block in blocks for trial in block.trials]
    assert sorted(slots) == [((t, r), completed.get((t, r), 0)) for t in range(9) for r in range(2) if (t, r) != (1, 1)]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_shapes_of_a_slots_state_are_known_beforehand(
    optimizer: str, problem: Split, architecture: Architecture
) -> None:
    trials, budget = COHORT[:4], Budget(epochs=2, seeds=1, optimizer=optimizer)
    keeper = Remembers()
    train(trials, problem, budget, Streams(0), keeper=keeper, architecture=architecture)
    for trial, hyperparameters in enumerate(trials):
        expected = engine_of(architecture).slot_shapes(hyperparameters, budget, Sizes.of(problem))
        tensors = keeper.states[trial, 0][1].tensors
        assert expected == {name: x.shape for name, x in tensors.items() if not name.startswith("curve.")}
        assert {name for name in tensors if name.startswith("curve.")} == {
            "curve.training_loss",
            "curve.validation_accuracy",
        }


def test_the_peak_grows_with_the_network_and_the_batch(problem: Split, architecture: Architecture) -> None:
    engine, sizes = engine_of(architecture), Sizes.of(problem)
    small = engine.peak_bytes(2, Hyperparameters(), Budget(), sizes)
    assert small > 4 * 4 * (13 * 64 + 64 * 64 + 64 * 5)
    assert engine.peak_bytes(2, Hyperparameters(hidden=(512, 512)), Budget(), sizes) > small


@pytest.mark.parametrize(
    ("split", "optimizer"), [(ODD[0], "adam"), (ODD[1], "sgd")], ids=["83 rows, 5 classes", "101 rows, 3 classes"]
)
def test_permuting_splitting_and_threading_change_no_bit(
    split: Split, optimizer: str, architecture: Architecture
) -> None:
    fit = partial(train, architecture=architecture, clamp=True)
    trials = mixed_cohort(20, hidden=[(24, 17), (64,)])
    budget = Budget(epochs=2, seeds=2, batch_size=19, optimizer=optimizer)
    whole = fit(trials, split, budget, Streams(3))

    order = random.Random(1).sample(range(20), 20)
    permuted = fit([trials[i] for i in order], split, budget, Streams(3), threads=3)
    assert [permuted[order.index(i)] for i in range(20)] == whole

    parts: list[Outcome] = []
    for start, stop in ((0, 1), (1, 3), (3, 8), (8, 20)):
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
    fit = partial(train, architecture=architecture, clamp=True)
    trials = mixed_cohort(6)
    wild = Hyperparameters(activation="identity", learning_rate=10.0, weight_decay=10.0, hidden=(24, 17))
    budget = Budget(epochs=20, seeds=1, optimizer="sgd")
    alone = fit(trials, ODD[0], budget, Streams(0))
    *together, diverged = fit([*trials, wild], ODD[0], budget, Streams(0))
    assert together == alone
    assert diverged.diverged
    assert diverged.mean("accuracy") == majority(ODD[0])
    assert diverged.mean("clamped_accuracy") == majority(ODD[0])
    assert diverged.mean("near_zero") == diverged.mean("clamped_zeros") == 0.0
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


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_the_clamped_network_is_the_trained_one_behind_torchs_hardshrink(
    dtype: torch.dtype, problem: Split, architecture: Architecture
) -> None:
    """Thresholds, scores and zeros of every activation, against torch's layers and the plain formulas."""
    slots = [
        Hyperparameters(activation=name, negative_slope=0.01, dropout=0.2, learning_rate=0.003, hidden=(20, 33))
        for name in sorted(ACTIVATIONS)
    ]
    budget = Budget(epochs=4, seeds=1, batch_size=24)
    outcomes, networks = trained_networks(
        slots, problem, budget, dtype=dtype, architecture=architecture, clamp=True, read_test=True
    )
    task = TASKS["classification"]
    for slot, outcome, network in zip(slots, outcomes, networks, strict=True):
        [replicate] = outcome.replicates
        thresholds = [layer["clamp_threshold"] for layer in replicate.layers[:-1]]
        assert isinstance(network, nn.Sequential)
        x = problem.validation.x.to(dtype)
        for layer, threshold in zip(hidden_outputs(network, slot, x), thresholds, strict=True):
            live = layer[:, live_units(layer)].double()
            assert threshold == pytest.approx(0.01 * float(live.square().mean().sqrt()), rel=TOLERANCE[dtype])
        clamped = clamped_network(network, replicate)
        for part, prefix, measured in (
            (problem.validation, "", replicate.layers[:-1]),
            (problem.test, "test_", replicate.test_layers),
        ):
            with torch.no_grad():
                logits = clamped(part.x.to(dtype))
            for metric in (each for each in task.metrics if each.always):
                expected = float(metric.compute(task.predict(logits[None]), part.y))
                assert replicate.scores[f"{prefix}clamped_{metric.name}"] == pytest.approx(expected, abs=1e-12)
            loss = float(nn.functional.cross_entropy(logits, part.y))
            assert replicate.scores[f"{prefix}clamped_log_loss"] == pytest.approx(loss, rel=10 * TOLERANCE[dtype])
            shares = [zeros(a[:, live_units(a)]) for a in hidden_outputs(clamped, slot, part.x.to(dtype))]
            assert [layer["clamped_zeros"] for layer in measured] == pytest.approx(shares, abs=1e-12)
        assert "clamp_threshold" not in replicate.scores.keys() | replicate.test_layers[0].keys()


def hidden_outputs(network: nn.Sequential, slot: Hyperparameters, x: torch.Tensor) -> list[torch.Tensor]:
    """What the hidden layers of a network give, behind their thresholds where they have them."""
    activation = type(ACTIVATIONS[slot.activation].module(0.1))
    clamped = any(isinstance(module, nn.Hardshrink) for module in network)
    found = []
    with torch.no_grad():
        for module in network:
            x = module(x)
            if isinstance(module, nn.Hardshrink if clamped else activation):
                found.append(x)
    return found


def test_measuring_the_clamped_network_changes_nothing_else(architecture: Architecture) -> None:
    fit = partial(train, architecture=architecture, read_test=True)
    trials, budget = mixed_cohort(6), Budget(epochs=2, seeds=2)
    for ours, theirs in zip(
        fit(trials, ODD[0], budget, Streams(3), clamp=True), fit(trials, ODD[0], budget, Streams(3)), strict=True
    ):
        for replicate, plain in zip(ours.replicates, theirs.replicates, strict=True):
            assert replicate.curves == plain.curves
            for measured, as_before in (
                (replicate.scores, plain.scores),
                *zip(replicate.layers, plain.layers, strict=True),
                *zip(replicate.test_layers, plain.test_layers, strict=True),
            ):
                assert {name: value for name, value in measured.items() if "clamp" not in name} == as_before
            assert {name for name in replicate.scores if name not in plain.scores} == {
                "clamped_accuracy",
                "clamped_balanced_accuracy",
                "clamped_log_loss",
                "clamped_zeros",
                "test_clamped_accuracy",
                "test_clamped_balanced_accuracy",
                "test_clamped_log_loss",
            }
