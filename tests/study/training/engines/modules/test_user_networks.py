"""Networks of users, trained as the plain loop trains them; their state, their random numbers, what they raise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
import user_files
from cohorts import Remembers
from plain_loop import StreamDropout, plain_activation, train_alone
from problems import make_images, make_problem
from torch import nn

from search_spaces import ACTIVATIONS, Architecture, Hyperparameters
from search_spaces.architectures import architecture_of
from study.data.split import Split
from study.training import (
    Block,
    Budget,
    NetworkFailedError,
    Outcome,
    Sizes,
    Streams,
    TrainedBlock,
    Trainer,
    engine_of,
    fit,
)
from study.training.start import draws, initial_layer

SPLIT = make_problem(rows=84, features=13, classes=5)
STREAMS = Streams(3)
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}
Load = Callable[[str], Architecture]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    return lambda text: architecture_of(user_files.write(tmp_path, text))


def every_activation(**same: float) -> list[Hyperparameters]:
    rates = itertools.cycle([0.0, 0.3])
    return [
        Hyperparameters(activation=name, negative_slope=0.2, dropout=next(rates), weight_decay=1e-3, **same)
        for name in sorted(ACTIVATIONS)
    ]


def trained(
    trials: Sequence[Hyperparameters],
    architecture: Architecture,
    budget: Budget,
    split: Split = SPLIT,
    **options: object,
) -> tuple[list[Outcome], list[nn.Module]]:
    networks: dict[int, nn.Module] = {}

    def keep(block: Block, trained: TrainedBlock) -> None:
        networks.update({trial: trained.network(place) for place, trial in enumerate(block.trials)})

    outcomes = fit(trials, split, budget, STREAMS, architecture=architecture, on_trained=keep, **options)  # type: ignore[arg-type]
    return outcomes, [networks[trial] for trial in range(len(trials))]


def started(network: nn.Module, trial: Hyperparameters, dtype: torch.dtype) -> nn.Module:
    """A plain network with the study's first weights in its linear layers, which are named in their order."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    normals = draws([(layer.in_features, layer.out_features) for layer in layers], STREAMS, 0)
    network = network.double()
    with torch.no_grad():
        for layer, normal in zip(layers, normals, strict=True):
            weight, bias = initial_layer(trial, normal)
            layer.weight.copy_(weight.T)
            layer.bias.copy_(bias)
    return network.to(dtype).train()


def plain(text: str, trial: Hyperparameters, *places: Callable[[], nn.Module]) -> nn.Module:
    """The network of a file, run by itself, with torch's own activation in place of a ReLU named `act`."""
    names: dict[str, Callable[..., nn.Module]] = {}
    exec(text, names)
    network = names["make"]((13,), 5, *places)
    if not places:
        network.act = plain_activation(trial)
    return network


def assert_equal(ours: nn.Module, theirs: nn.Module, tolerance: float) -> None:
    """Equal parameters and running statistics, to a share of each tensor's largest value."""
    expected = list(theirs.state_dict().values())
    found = list(ours.state_dict().values())
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * float(other.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_every_activation_with_a_residual_sum_and_layer_normalization_equals_the_plain_loop(
    dtype: torch.dtype, load: Load
) -> None:
    budget = Budget(epochs=3, seeds=1, batch_size=24)
    trials = every_activation(learning_rate=0.003)
    _, networks = trained(trials, load(user_files.RESIDUAL), budget, dtype=dtype)
    for trial, network in zip(trials, networks, strict=True):
        expected = plain(
            user_files.RESIDUAL,
            trial,
            lambda trial=trial: plain_activation(trial),
            lambda trial=trial: StreamDropout(trial.dropout),
        )
        expected = started(expected, trial, dtype)
        train_alone(expected, [], trial, SPLIT.training, budget, STREAMS)
        assert_equal(network, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_shared_activation_and_batch_normalization_equal_the_plain_loop(optimizer: str, load: Load) -> None:
    budget = Budget(epochs=3, seeds=1, batch_size=24, optimizer=optimizer)  # type: ignore[arg-type]
    # Each use of a PReLU learns a slope of its own, and of an RReLU draws its own: the plain loop shares both.
    apart = ("prelu", "rrelu")
    trials = [trial for trial in every_activation(learning_rate=0.003, l1=1e-3) if trial.activation not in apart]
    outcomes, networks = trained(trials, load(user_files.SHARED), budget, dtype=torch.float64)
    for trial, network, outcome in zip(trials, networks, outcomes, strict=True):
        expected = started(plain(user_files.SHARED, trial), trial, torch.float64)
        act = expected.get_submodule("act")
        curve = train_alone(expected, [act], trial, SPLIT.training, budget, STREAMS)
        assert_equal(network, expected, 1e-8)
        assert outcome.replicates[0].curves["training_loss"] == pytest.approx(curve, rel=1e-8)
        assert len(outcome.replicates[0].layers) == 3  # two uses, and the output layer


def test_each_use_of_a_prelu_learns_a_slope_of_its_own(load: Load) -> None:
    trial = Hyperparameters(activation="prelu", negative_slope=0.2, learning_rate=0.01)
    _, (network,) = trained([trial], load(user_files.SHARED), Budget(epochs=2, seeds=1))
    slopes = [float(module.weight.detach()) for module in network.modules() if isinstance(module, nn.PReLU)]
    assert len(set(slopes)) == 2
    assert 0.2 not in slopes


@pytest.mark.parametrize(
    "text", [user_files.RESIDUAL, user_files.SHARED, user_files.NOISY], ids=["residual", "shared", "noisy"]
)
def test_results_depend_on_the_trial_and_the_streams_alone(text: str, load: Load) -> None:
    """Alone, in another order, in threads and in processes, and resumed after every epoch: to the bit."""
    architecture, budget = load(text), Budget(epochs=3, seeds=2, batch_size=20)
    trials = [Hyperparameters(activation=name, dropout=0.2) for name in ("relu", "prelu", "gelu")]
    keeper = Remembers()
    whole = fit(trials, SPLIT, budget, STREAMS, architecture=architecture, keeper=keeper, clamp=True)
    backwards = fit(trials[::-1], SPLIT, budget, STREAMS, architecture=architecture, threads=2, clamp=True)
    assert backwards[::-1] == whole
    with Trainer(SPLIT, budget, STREAMS, architecture=architecture, threads=2, clamp=True) as trainer:
        assert trainer.fit(trials) == whole
    for epoch in (1, 2):
        known = {slot: states[epoch] for slot, states in keeper.states.items()}
        torch.manual_seed(epoch)
        resumed = fit(
            trials, SPLIT, budget, STREAMS, architecture=architecture, keeper=Remembers(dict(known)), clamp=True
        )
        assert resumed == whole


def test_random_numbers_of_its_own_differ_between_replicates_and_leave_torchs_alone(load: Load) -> None:
    trial, budget = Hyperparameters(learning_rate=0.01), Budget(epochs=1, seeds=1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    noisy, without = (
        fit([trial], SPLIT, budget, STREAMS, architecture=load(text))[0]
        for text in (user_files.NOISY, user_files.SHARED)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert noisy.replicates[0].curves != without.replicates[0].curves
    assert STREAMS.of_network(0, 0).integers(2**63) != STREAMS.of_network(1, 0).integers(2**63)


def test_tied_weights_stay_tied_and_count_once(load: Load) -> None:
    budget = Budget(epochs=2, seeds=1, batch_size=24)
    trial = Hyperparameters(learning_rate=0.01, weight_decay=1e-3)
    _, (network,) = trained([trial], load(user_files.TIED), budget, dtype=torch.float64)
    expected = plain(user_files.TIED, trial).double()
    normals = draws([(13, 7), (7, 5)], STREAMS, 0)
    with torch.no_grad():
        for layer, normal in zip((expected.enter, expected.last), normals, strict=True):
            weight, bias = initial_layer(trial, normal)
            layer.weight.copy_(weight.T)
            layer.bias.copy_(bias)
        # The second layer's bias has no rule of ours: it is torch's own, drawn under the replicate's seed.
        with torch.random.fork_rng():
            torch.manual_seed(STREAMS.torch_seed(0))
            expected.leave.bias.copy_(plain(user_files.TIED, trial).leave.bias)
    train_alone(expected.train(), [], trial, SPLIT.training, budget, STREAMS)
    assert network.leave.weight is network.enter.weight
    assert_equal(network, expected, 1e-8)


def test_a_trial_whose_network_raises_fails_with_the_line_and_disturbs_no_other(load: Load) -> None:
    raises = load(
        user_files.RAISES.format(when="isinstance(getattr(self.activation, 'module', None), nn.Tanh) and self.training")
    )
    trials = [Hyperparameters(activation=name) for name in ("relu", "tanh", "gelu")]
    budget, keeper = Budget(epochs=2, seeds=2), Remembers()
    with Trainer(SPLIT, budget, STREAMS, architecture=raises, threads=2) as trainer:
        outcomes = trainer.fit(trials, most_failures=5, keeper=keeper)
    whole = fit(trials, SPLIT, budget, STREAMS, architecture=load(user_files.RESIDUAL))
    assert outcomes[1].failure is not None
    assert outcomes[1].failure.startswith("ValueError: seven sins (")
    assert outcomes[1].failure.endswith("net.py, line 14)")
    assert [outcomes[0], outcomes[2]] == [whole[0], whole[2]]
    assert {trial for trial, _ in keeper.given} == {0, 2}
    with pytest.raises(NetworkFailedError, match="a trial's network raised in training: ValueError: seven sins"):
        fit(trials, SPLIT, budget, STREAMS, architecture=raises)


def test_five_failures_in_a_row_end_training(load: Load) -> None:
    architecture = load(user_files.RAISES.format(when="self.training and len(x) == 7"))
    trials = [Hyperparameters()] * 9
    budget = Budget(epochs=2, seeds=1, batch_size=77)
    with pytest.raises(NetworkFailedError, match="the networks of 5 trials in a row raised") as caught:
        Trainer(SPLIT, budget, STREAMS, architecture=architecture).fit(trials, most_failures=5)
    assert set(caught.value.failures) == set(range(5))


@pytest.mark.parametrize(
    "error", ["MemoryError()", "torch.OutOfMemoryError('x')", 'RuntimeError("can\'t allocate memory")']
)
def test_too_little_memory_fails_no_trial(error: str, load: Load) -> None:
    """Another machine may train the same trial."""
    text = user_files.RAISES.format(when="self.training and len(x) == 7").replace("ValueError('seven\\nsins')", error)
    assert error in text
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        Trainer(SPLIT, Budget(epochs=1, seeds=1, batch_size=77), STREAMS, architecture=load(text)).fit(
            [Hyperparameters()], most_failures=5
        )
    assert not isinstance(caught.value, NetworkFailedError)


def test_a_network_that_keeps_tensors_of_its_passes_can_be_taken_away(load: Load) -> None:
    kept = user_files.SHARED.replace("        h = self", "        self.last_seen = self.first(x)\n        h = self")
    trials, budget = [Hyperparameters(activation="prelu")], Budget(epochs=2, seeds=1)
    (_, (network,)), (_, (expected,)) = (trained(trials, load(text), budget) for text in (kept, user_files.SHARED))
    with torch.no_grad():
        assert torch.equal(network(SPLIT.test.x), expected(SPLIT.test.x))
    assert float(network.seen) == float(expected.seen) > 0


FROZEN = """
import torch
from torch import nn
from torch.nn.utils import parametrizations


class Position(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self):
        return self.shift


class Net(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.position, self.frozen = Position(features), nn.Linear(features, 6).requires_grad_(False)
        self.normed = parametrizations.spectral_norm(nn.Linear(6, 6))
        self.old = nn.utils.weight_norm(nn.Linear(6, 6))
        self.act, self.out, self.auxiliary = nn.ReLU(), nn.Linear(6, outputs), nn.Linear(6, outputs)

    def forward(self, x):
        h = self.act(self.old(self.normed(self.frozen(input=x + self.position()))))
        unused = self.auxiliary(h)
        return self.out(input=h)


def make(input_shape, outputs):
    return Net(*input_shape, outputs)
"""
"""Frozen and parametrized layers, one whose outputs go nowhere, and modules that are called without arguments."""


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_frozen_and_parametrized_layers_are_trained_as_they_are(load: Load) -> None:
    architecture, budget = load(FROZEN), Budget(epochs=2, seeds=1)
    trials = [Hyperparameters(initialization=name) for name in ("kaiming_normal", "lsuv")]
    assert engine_of(architecture).peak_bytes(1, trials[0], budget, Sizes.of(SPLIT)) > 0
    outcomes, networks = trained(trials, architecture, budget)
    assert all(not outcome.diverged and outcome.failure is None for outcome in outcomes)
    first, second = (network.frozen.weight for network in networks)
    assert torch.equal(first, second)


RECURRENT = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.lstm, self.hidden = nn.LSTM(1, 6, batch_first=True), nn.Linear(6, 8)
        self.act, self.out = nn.ReLU(), nn.Linear(8, outputs)

    def forward(self, x):
        start = torch.zeros(1, len(x), 6)
        return self.out(self.act(self.hidden(self.lstm(x[:, :, None], (start, start))[0][:, -1])))


def make(input_shape, outputs):
    return Net(*input_shape, outputs)
"""
"""Makes float32 tensors in its forward pass, whatever its parameters are."""

IN_A_ROW = """
from torch import nn


class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(shape[0], 3, 3), nn.BatchNorm2d(3), nn.ReLU()
        self.out = nn.Linear(3 * (shape[1] - 2) * (shape[2] - 2), outputs)

    def forward(self, x):
        return self.out(self.act(self.norm(self.conv(x))).FLAT)


make = Net
"""
"""A convolution whose outputs are made a row by one of two calls."""


def test_a_network_of_float32_alone_is_trained_under_every_initialization(load: Load) -> None:
    architecture = load(RECURRENT)
    trials = [Hyperparameters(initialization=name) for name in ("kaiming_normal", "lsuv")]
    budget = Budget(epochs=1, seeds=1)
    outcomes = fit(trials, SPLIT, budget, STREAMS, architecture=architecture, clamp=True)
    assert all(not outcome.diverged for outcome in outcomes)
    engine, sizes = engine_of(architecture), Sizes.of(SPLIT)
    assert engine.peak_bytes(1, trials[0], budget, sizes) > 0
    assert engine.layer_names(trials[0], sizes) == ("act", "output")


def test_a_network_that_needs_its_channels_one_after_the_other_gets_them_so(load: Load, tmp_path: Path) -> None:
    images = make_images()
    row, side = (
        fit([Hyperparameters(dropout=0.2)], images, Budget(epochs=2, seeds=1), STREAMS, architecture=load(text))[0]
        for text in (IN_A_ROW.replace("FLAT", call) for call in ("view(len(x), -1)", "flatten(1)"))
    )
    assert row.failure is None
    for name, value in side.replicates[0].scores.items():
        assert row.replicates[0].scores[name] == pytest.approx(value, rel=1e-3, abs=1e-5)
    assert row.replicates[0].layers[0]["live"] == side.replicates[0].layers[0]["live"]
