"""Slots that train together as on a GPU, here on the processor, held against the same slots one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import user_files
from cohorts import Remembers
from problems import make_images, make_problem, make_regression
from torch import nn

from reluctant.errors import ReluctantWarning
from search_spaces import ACTIVATIONS, ARCHITECTURES, Architecture, Hyperparameters
from search_spaces.architectures import architecture_of
from study.data.split import Split
from study.tasks import CLASSIFICATION, TASKS, Task
from study.training import Block, Budget, Outcome, Sizes, Streams, TrainedBlock, Trainer, engine_of
from study.training.engines.modules.stackable import STACKED_DEVICES, structure

CNN = ARCHITECTURES["cnn"]
IMAGES = make_images(rows=47, shape=(2, 5, 4), classes=3)
TABLE = make_problem(rows=47, features=13, classes=5)
STREAMS = Streams(3)
Load = Callable[[str], Architecture]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return lambda text: architecture_of(user_files.write(tmp_path, text))


@pytest.fixture
def together() -> Iterator[Callable[[], None]]:
    """Lets slots train together on the processor, once it is called."""
    yield lambda: STACKED_DEVICES.add("cpu")
    STACKED_DEVICES.discard("cpu")


def budget_of(epochs: int = 3, seeds: int = 1, **others: object) -> Budget:
    return Budget(epochs=epochs, seeds=seeds, batch_size=20, **others)  # type: ignore[arg-type]


def mixed(**same: object) -> list[Hyperparameters]:
    """Every activation, PReLU twice, and different slopes, rates, decays and penalties."""
    rates, penalties = itertools.cycle([0.0, 0.2, 0.4]), itertools.cycle([0.0, 1e-3])
    return [
        Hyperparameters(
            activation=name,
            negative_slope=0.03 * number,
            dropout=next(rates),
            learning_rate=(0.01, 0.003)[number % 2],
            weight_decay=1e-3 * (number % 4),
            l1=next(penalties),
            l2=1e-4 * (number % 3),
            **same,  # type: ignore[arg-type]
        )
        for number, name in enumerate([*sorted(ACTIVATIONS), "prelu", "leaky_relu"])
    ]


def trained(
    trials: Sequence[Hyperparameters], architecture: Architecture, split: Split, budget: Budget, **options: object
) -> tuple[list[Outcome], dict[tuple[int, int], nn.Module], list[int]]:
    """Outcomes, networks by trial and replicate, and how many slots each block had."""
    networks: dict[tuple[int, int], nn.Module] = {}
    slots: list[int] = []

    def keep(block: Block, found: TrainedBlock) -> None:
        slots.append(len(block.trials))
        networks.update({(trial, block.replicate): found.network(place) for place, trial in enumerate(block.trials)})

    keeper, task = options.pop("keeper", None), options.pop("task", CLASSIFICATION)
    trainer = Trainer(split, budget, STREAMS, architecture=architecture, task=task, dtype=torch.float64, clamp=True)  # type: ignore[arg-type]
    return trainer.fit(trials, on_trained=keep, keeper=keeper, **options), networks, slots  # type: ignore[arg-type]


def assert_close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-10) -> None:
    """Equal to a share of the largest value."""
    assert found.shape == expected.shape
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(found.double(), expected.double(), rtol=0, atol=tolerance * max(scale, 1e-6))


def assert_same(found: Sequence[Outcome], expected: Sequence[Outcome]) -> None:
    for one, other in zip(found, expected, strict=True):
        for replicate, same in zip(one.replicates, other.replicates, strict=True):
            assert not replicate.diverged
            assert list(replicate.scores) == list(same.scores)
            assert replicate.scores == pytest.approx(same.scores, rel=1e-8, abs=1e-12)
            for name, curve in same.curves.items():
                assert replicate.curves[name] == pytest.approx(curve, rel=1e-8)
            for layer, again in zip(replicate.layers, same.layers, strict=True):
                assert layer == pytest.approx(again, rel=1e-8, abs=1e-12)


def check(
    trials: Sequence[Hyperparameters],
    architecture: Architecture,
    split: Split,
    budget: Budget,
    together: Callable[[], None],
    **options: object,
) -> list[int]:
    """Holds training together against training one by one; returns how many slots each block had."""
    alone, networks, each = trained(trials, architecture, split, budget, **options)
    together()
    found, stacked, slots = trained(trials, architecture, split, budget, **options)
    assert set(each) == {1}
    assert_same(found, alone)
    for slot, network in networks.items():
        other = stacked[slot].state_dict()
        assert list(other) == list(network.state_dict())
        for name, tensor in network.state_dict().items():
            assert_close(other[name], tensor)
    return sorted(slots)


@pytest.mark.parametrize(("optimizer", "normalization"), [("adam", "layer"), ("sgd", "batch")])
def test_every_activation_of_a_convolutional_network(
    optimizer: str, normalization: str, together: Callable[[], None]
) -> None:
    # Adam's first steps along a shift that the next batch normalization cancels follow rounding errors, either way.
    trials = mixed(normalization=normalization, channels=(3, 4), hidden=(6,))
    budget = budget_of(2, optimizer=optimizer)
    assert check(trials, CNN, IMAGES, budget, together) == [2, len(trials) - 2]


def test_a_last_batch_of_a_single_sample(together: Callable[[], None]) -> None:
    """Batch normalization without positions uses its running statistics there, in some of the layers."""
    trials = mixed(normalization="batch", channels=(3,), hidden=(6,))[:5]
    split = make_images(rows=41, shape=(2, 5, 4), classes=3)
    assert check(trials, CNN, split, budget_of(2, optimizer="sgd"), together) == [5]


@pytest.mark.parametrize(
    ("text", "split"),
    [
        (user_files.RESNET, IMAGES),
        (user_files.RESIDUAL, TABLE),
        (user_files.NOISY, TABLE),
        (user_files.TIED, TABLE),
    ],
    ids=["resnet", "residual", "noisy", "tied"],
)
def test_networks_of_users(text: str, split: Split, load: Load, together: Callable[[], None]) -> None:
    """Also with batch normalization, buffers, tied weights, dropout and random numbers of their own."""
    text = text.replace("len(shape) == 3", "True")
    trials = mixed(hidden=())[9:16]
    optimizer = "sgd" if "randn_like" in text else "adam"
    budget = budget_of(2, seeds=2, optimizer=optimizer)
    assert check(trials, load(text), split, budget, together) == [7, 7]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_weights_of_samples(task: str, load: Load, together: Callable[[], None]) -> None:
    split = make_regression(47) if task == "regression" else TABLE
    weights = torch.arange(47).double() % 5
    split = replace(split, training=replace(split.training, weights=weights))
    found: Task = TASKS[task]
    check(mixed(hidden=())[:4], load(user_files.RESIDUAL), split, budget_of(2), together, task=found)


@pytest.mark.parametrize(("optimizer", "patience"), [("adam", None), ("sgd", None), ("adam", 1)])
def test_a_state_is_the_same_whichever_way_and_training_resumes_from_one_way_in_the_other(
    optimizer: str, patience: int | None, together: Callable[[], None]
) -> None:
    trials = mixed(normalization="batch", channels=(3,), hidden=(5,))[11:18]
    budget = budget_of(4, optimizer=optimizer, patience=patience)
    alone, stacked = Remembers(), Remembers()
    expected, _, _ = trained(trials, CNN, IMAGES, budget, keeper=alone)
    lengths = {len(outcome.replicates[0].curves["training_loss"]) for outcome in expected}
    assert (len(lengths) > 1) == (patience is not None)
    together()
    found, _, _ = trained(trials, CNN, IMAGES, budget, keeper=stacked)
    assert_same(found, expected)
    for slot, of_epochs in alone.states.items():
        # The state of a slot that has ended is given again, where others of its block go on.
        assert list(of_epochs) == [epoch for epoch in stacked.states[slot] if epoch <= max(of_epochs)]
        for epoch, state in of_epochs.items():
            other = stacked.states[slot][epoch].tensors
            assert other.keys() == state.tensors.keys()
            for name, tensor in state.tensors.items():
                assert_close(other[name], tensor)
    known = {slot: states[min(2, max(states))] for slot, states in alone.states.items()}
    resumed, _, slots = trained(trials, CNN, IMAGES, budget, keeper=Remembers(dict(known)))
    assert_same(resumed, expected)
    assert max(slots) > 1
    STACKED_DEVICES.discard("cpu")
    known = {slot: states[1] for slot, states in stacked.states.items()}
    resumed, _, slots = trained(trials, CNN, IMAGES, budget, keeper=Remembers(dict(known)))
    assert_same(resumed, expected)
    assert set(slots) == {1}


def test_trials_that_stop_at_a_rung(together: Callable[[], None]) -> None:
    trials = mixed(normalization="layer", channels=(3,), hidden=(5,))[:7]

    def every_second(epoch: int, outcomes: dict[int, Outcome]) -> list[int]:
        return sorted(outcomes)[::2]

    alone = Trainer(IMAGES, budget_of(), STREAMS, architecture=CNN, dtype=torch.float64)
    expected = alone.fit(trials, rungs=[1], decide=every_second)  # type: ignore[arg-type]
    together()
    found = alone.fit(trials, rungs=[1], decide=every_second)  # type: ignore[arg-type]
    assert_same(found, expected)
    assert [outcome.stopped_at for outcome in found] == [outcome.stopped_at for outcome in expected]


def test_a_slot_that_diverges_disturbs_no_other(together: Callable[[], None]) -> None:
    wild = Hyperparameters(activation="relu_squared", learning_rate=10.0, weight_decay=10.0, channels=(3,), hidden=(5,))
    trials = mixed(channels=(3,), hidden=(5,))[2:5]
    budget = budget_of(10, optimizer="sgd")
    together()
    calm, _, _ = trained(trials, CNN, IMAGES, budget)
    *found, diverged = trained([*trials, wild], CNN, IMAGES, budget)[0]
    assert_same(found, calm)
    assert diverged.diverged


LEAVES_VMAP = {
    "items": (
        "h = self",
        "scale = 1.0 if x.sum() > 0 else 2.0\n        h = scale * self",
        "data-dependent control flow",
    ),
    "buffers": ("self.seen += len(x)", "self.seen = self.seen + len(x)", "other buffers than one by one"),
}


@pytest.mark.parametrize("kind", LEAVES_VMAP)
def test_what_vmap_refuses_trains_one_by_one_and_the_reason_is_said_once(
    kind: str, load: Load, together: Callable[[], None]
) -> None:
    old, new, reason = LEAVES_VMAP[kind]
    # vmap refuses to branch on values that differ between slots, as do those of parameters.
    architecture = load(user_files.SHARED.replace(old, new).replace("x.sum()", "self.first.weight.sum()"))
    trials, budget = mixed(hidden=())[:4], budget_of(2)
    expected, _, _ = trained(trials, architecture, TABLE, budget)
    together()
    trainer = Trainer(TABLE, budget, STREAMS, architecture=architecture, dtype=torch.float64, clamp=True)
    with pytest.warns(ReluctantWarning, match=f"net.py:make train one by one.*{reason}") as said:
        found = trainer.fit(trials)
    assert len(said) == 1
    again = trainer.fit(trials[:2])  # a warning would be an error
    assert found == expected
    assert again == expected[:2]


LSTM = """
from torch import nn


class Net(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.lstm, self.hidden = nn.LSTM(1, 4, batch_first=True), nn.Linear(4, 5)
        self.act, self.out = nn.ReLU(), nn.Linear(5, outputs)

    def forward(self, x):
        return self.out(self.act(self.hidden(self.lstm(x[:, :, None])[0][:, -1])))


def make(input_shape, outputs):
    return Net(*input_shape, outputs)
"""


def test_a_recurrent_network_trains_whichever_way_torch_allows(load: Load, together: Callable[[], None]) -> None:
    architecture, trials, budget = load(LSTM), mixed(hidden=())[:2], budget_of(1)
    expected, _, _ = trained(trials, architecture, TABLE, budget)
    together()
    with pytest.warns(ReluctantWarning, match="train one by one"):
        found, _, slots = trained(trials, architecture, TABLE, budget)
    assert slots == [1, 1]
    assert found == expected


def test_a_network_that_raises_fails_each_slot_by_itself(load: Load, together: Callable[[], None]) -> None:
    """The last batch has seven samples, and nothing raises before it."""
    architecture = load(user_files.RAISES.format(when="self.training and len(x) == 7"))
    together()
    trainer = Trainer(TABLE, Budget(epochs=2, seeds=1, batch_size=40), STREAMS, architecture=architecture)
    trials = mixed(hidden=())[:3]
    assert [len(block.trials) for block in trainer.plan(trials)] == [3]
    outcomes = trainer.fit(trials, most_failures=5)
    assert [str(outcome.failure).partition(" (")[0] for outcome in outcomes] == ["ValueError: seven sins"] * 3


def test_blocks_hold_what_has_one_structure_and_fits_the_memory(together: Callable[[], None]) -> None:
    trials = [*mixed(channels=(3,), hidden=(5,)), Hyperparameters(channels=(4,), hidden=(5,))]
    engine, budget, sizes = engine_of(CNN), budget_of(seeds=2), Sizes.of(IMAGES)
    assert {len(block.trials) for block in engine.plan(trials, budget, sizes)} == {1}
    together()
    blocks = engine.plan(trials, budget, sizes, completed={(0, 0): 1, (1, 1): 3})
    assert sorted(len(block.trials) for block in blocks) == [1, 1, 1, 2, 2, len(trials) - 4, len(trials) - 4]
    assert sorted((t, b.replicate) for b in blocks for t in b.trials) == [
        (t, r) for t in range(len(trials)) for r in range(2) if (t, r) != (1, 1)
    ]
    for block in blocks:
        assert len({structure(trials[trial]) for trial in block.trials}) == 1
        names = [trials[trial].activation for trial in block.trials]
        assert len(list(itertools.groupby(names))) == len(set(names))
    peak = engine.peak_bytes(5, trials[0], budget, sizes)
    assert peak > 3 * engine.peak_bytes(1, trials[0], budget, sizes) / 2
    limited = engine.plan(trials, budget, sizes, memory=peak)
    most = max(len(block.trials) for block in limited)
    assert 2 <= most <= math.ceil(len(trials) / 2)
    assert {len(block.trials) for block in engine.plan(trials, budget, sizes, memory=1)} == {1}
