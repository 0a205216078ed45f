"""Convolutional networks with normalization, held against torch's own layers trained by the plain loop."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
import torch
from cohorts import Remembers
from plain_loop import StreamDropout, plain_activation, train_alone
from problems import make_images, make_problem
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, ARCHITECTURES, INITIALIZATIONS, Hyperparameters
from study.data.split import Split
from study.training import Block, Budget, Outcome, Sizes, Streams, TrainedBlock, engine_of, fit
from study.training.engines.base import MEASURED_ROWS
from study.training.engines.modules.network_layers import Layers
from study.training.engines.modules.passes import Samples
from study.training.engines.modules.place_measures import hidden_measures
from study.training.engines.modules.places import SearchedActivation, recorded_calls, running_statistics_where_needed
from study.training.measures import layer_measures
from study.training.plain_network import clamped_network

CNN = ARCHITECTURES["cnn"]
SHAPE = (2, 9, 8)
SPLIT = make_images(rows=83, shape=SHAPE, classes=5)
STREAMS = Streams(3)
CHANNELS, HIDDEN = (3, 4, 4), (7,)


def trial_of(activation: str = "relu", **changes: object) -> Hyperparameters:
    usual = {"normalization": "batch", "channels": CHANNELS, "hidden": HIDDEN, "learning_rate": 0.01}
    return Hyperparameters(activation=activation, **(usual | changes))


def trained(
    trials: list[Hyperparameters], split: Split, budget: Budget, **options: object
) -> tuple[list[Outcome], list[nn.Module]]:
    """Outcomes, and the network of the first replicate of each trial."""
    networks: dict[int, nn.Module] = {}

    def keep(block: Block, found: TrainedBlock) -> None:
        if block.replicate == 0:
            networks.update({trial: found.network(place) for place, trial in enumerate(block.trials)})

    outcomes = fit(trials, split, budget, STREAMS, architecture=CNN, on_trained=keep, **options)
    return outcomes, [networks[trial] for trial in range(len(trials))]


def torchs_own(trial: Hyperparameters) -> nn.Sequential:
    """The network by torch's layers alone, with He's initialization of the study's draws: a block a line."""

    def norm(width: int, *, of_images: bool) -> nn.Module:
        if trial.normalization == "layer":
            return nn.GroupNorm(1, width) if of_images else nn.LayerNorm(width)
        if trial.normalization == "batch":
            return nn.BatchNorm2d(width) if of_images else nn.BatchNorm1d(width)
        return nn.Identity()

    def place() -> list[nn.Module]:
        return [plain_activation(trial), StreamDropout(trial.dropout)]

    bias = trial.normalization != "batch"
    network = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, bias=bias), norm(3, of_images=True), *place(), nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3, padding=1, bias=bias), norm(4, of_images=True), *place(), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1, bias=bias), norm(4, of_images=True), *place(), nn.Flatten(),
        nn.Linear(4 * 2 * 2, 7, bias=bias), norm(7, of_images=False), *place(), nn.Linear(7, 5),
    ).double()  # fmt: skip
    gain = ACTIVATIONS[trial.activation].gain(trial.negative_slope)
    layers = [each for each in network if isinstance(each, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        for number, layer in enumerate(layers):
            fan_in = layer.weight[0].numel()
            normal = torch.from_numpy(STREAMS.initial(0, number, fan_in, len(layer.weight)))
            layer.weight.copy_((normal[:-1].T * gain / math.sqrt(fan_in)).reshape(layer.weight.shape))
            if layer.bias is not None:
                layer.bias.zero_()
    return network


def activations_of(network: nn.Module, trial: Hyperparameters) -> list[nn.Module]:
    kind = type(plain_activation(trial))
    return [module for module in network.modules() if isinstance(module, kind)]


def assert_equal(network: nn.Module, plain: nn.Module, tolerance: float) -> None:
    """Equal parameters and running statistics, to a share of each tensor's largest."""
    ours, theirs = network.state_dict().values(), plain.state_dict().values()
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        atol = tolerance * float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_every_activation_equals_the_plain_loop(optimizer: str, normalization: str) -> None:
    budget = Budget(epochs=2, seeds=1, batch_size=19, optimizer=optimizer)  # type: ignore[arg-type]
    rates, penalties = itertools.cycle([0.0, 0.2]), itertools.cycle([0.0, 0.0, 1e-3])
    trials = [
        trial_of(name, negative_slope=0.15, dropout=next(rates), l1=next(penalties), weight_decay=1e-3,
                 normalization=normalization)
        for name in sorted(ACTIVATIONS)
        # Where nothing is normalized, outputs of an activation that grows faster than its input explode: probabilities
        # round to 0, which training loss counts as 1e-37 and the plain loop does not, or the network diverges.
        if normalization != "none" or ACTIVATIONS[name].max_derivative(0.0) != math.inf
    ]  # fmt: skip
    outcomes, networks = trained(trials, SPLIT, budget, dtype=torch.float64)
    for trial, outcome, network in zip(trials, outcomes, networks, strict=True):
        plain = torchs_own(trial)
        # Each stands before a dropout: a linear network's are not told by their type from a missing normalization.
        activations = [plain[place - 1] for place, each in enumerate(plain) if isinstance(each, StreamDropout)]
        curve = train_alone(plain, activations, trial, SPLIT.training, budget, STREAMS)
        assert_equal(network, plain, 1e-8)
        assert outcome.replicates[0].curves["training_loss"] == pytest.approx(curve, rel=1e-8)


def test_single_precision_and_channels_last_are_the_plain_loops_to_its_precision() -> None:
    budget, trial = Budget(epochs=2, seeds=1, batch_size=19), trial_of(dropout=0.2)
    _, [network] = trained([trial], SPLIT, budget)
    plain = torchs_own(trial).float()
    train_alone(plain, [], trial, SPLIT.training, budget, STREAMS)
    assert_equal(network, plain, 1e-4)


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_convolutions_start_as_torchs_own_functions_start_them(initialization: str) -> None:
    """Spread by the convolution's fans, 9 positions of the kernel times channels; orthogonal rows where they fit."""
    trial = trial_of(initialization=initialization, normalization="none", channels=(64, 96), learning_rate=1e-30)
    split = make_images(rows=40, shape=(48, 6, 6), classes=2)
    _, [network] = trained([trial], split, Budget(epochs=1, seeds=1, optimizer="sgd"))
    rule = INITIALIZATIONS[initialization]
    for layer in (module for module in network.modules() if isinstance(module, nn.Conv2d)):
        weight, expected = layer.weight.detach(), torch.empty(layer.weight.shape)
        slope = 0.0 if rule.uses_gain else 1.0
        if initialization == "torch_default":
            expected = nn.Conv2d(layer.in_channels, layer.out_channels, 3).weight.detach()
        else:
            rule.reference(expected, slope)
        if initialization == "lsuv":
            scale = float((weight.flatten(1) @ weight.flatten(1).T).diagonal().mean().sqrt())
            weight = weight / scale
        # Five standard errors of the deviation of that many normal draws.
        assert float(weight.std()) == pytest.approx(float(expected.std()), rel=5 / math.sqrt(2 * weight.numel()))
        if rule.law == "orthogonal":
            product = weight.flatten(1) @ weight.flatten(1).T
            torch.testing.assert_close(product, product.diagonal().mean() * torch.eye(len(product)), rtol=0, atol=1e-4)


def test_lsuv_gives_convolutions_outputs_of_unit_variance() -> None:
    trial = trial_of("tanh", initialization="lsuv", normalization="none", learning_rate=1e-30)
    budget = Budget(epochs=1, seeds=1, optimizer="sgd")
    _, [network] = trained([trial], SPLIT, budget, dtype=torch.float64)
    deviations: list[float] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(
                lambda _, inputs, output: deviations.append(float(output.detach().std(correction=0)))
            )
    network(SPLIT.training.x.double())
    assert deviations == pytest.approx([1.0] * 5)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_it_resumes_from_every_epoch_to_the_bit(optimizer: str) -> None:
    """Running statistics too, which what is measured depends on."""
    budget = Budget(epochs=3, seeds=2, batch_size=19, optimizer=optimizer)  # type: ignore[arg-type]
    trials = [trial_of(dropout=0.2), trial_of("prelu", normalization="layer"), trial_of("tanh", channels=(5,))]
    keeper = Remembers()
    whole = fit(trials, SPLIT, budget, STREAMS, architecture=CNN, keeper=keeper, clamp=True)
    assert whole == fit(trials, SPLIT, budget, STREAMS, architecture=CNN, threads=2, clamp=True)
    assert any("running_mean" in name for name in keeper.states[0, 0][1].tensors)
    engine, sizes = engine_of(CNN), Sizes.of(SPLIT)
    for (trial, _), states in keeper.states.items():
        shapes = {name: x.shape for name, x in states[1].tensors.items() if not name.startswith("curve.")}
        assert shapes == engine.slot_shapes(trials[trial], budget, sizes)
    for epoch in (1, 2):
        known = {slot: states[epoch] for slot, states in keeper.states.items()}
        assert fit(trials, SPLIT, budget, STREAMS, architecture=CNN, keeper=Remembers(dict(known)), clamp=True) == whole


def test_trials_share_orders_draws_and_uniforms() -> None:
    """A trial's outcome is the same alone and among others, and two trials of one configuration have one outcome."""
    trials = [trial_of(dropout=0.3), trial_of("gelu"), trial_of(dropout=0.3)]
    budget = Budget(epochs=2, seeds=2, batch_size=19)
    first, second, third = fit(trials, SPLIT, budget, STREAMS, architecture=CNN)
    assert first == third != second
    assert [second] == fit(trials[1:2], SPLIT, budget, STREAMS, architecture=CNN)
    assert first.replicates[0] != first.replicates[1]


def test_a_last_batch_of_one_sample_is_normalized_by_running_statistics() -> None:
    """Torch refuses to train batch normalization on one sample."""
    split = make_images(rows=39, shape=SHAPE)
    budget = Budget(epochs=1, seeds=1, batch_size=38)
    [outcome], [network] = trained([trial_of()], split, budget, dtype=torch.float64)
    assert not outcome.diverged
    assert int(network.get_submodule("hidden1_norm").num_batches_tracked) == 1  # type: ignore[union-attr, arg-type]
    assert int(network.get_submodule("norm1").num_batches_tracked) == 2  # type: ignore[union-attr, arg-type]
    for norm, shape in (
        (nn.BatchNorm1d(3), (1, 3)),
        (nn.BatchNorm2d(3), (1, 3, 1, 1)),
        (nn.BatchNorm3d(3), (1, 3, 1, 1, 1)),
    ):
        x = torch.randn(shape)
        with running_statistics_where_needed(norm):
            torch.testing.assert_close(norm(x), x / math.sqrt(1 + norm.eps))
        assert norm.training


def test_a_last_batch_of_one_sample_may_have_one_position() -> None:
    """Two poolings make one position of images of four pixels a side."""
    split = make_images(rows=39, shape=(1, 4, 4))
    outcome, *_ = fit(
        [trial_of(channels=(3, 3, 3))], split, Budget(epochs=1, seeds=1, batch_size=38), STREAMS, architecture=CNN
    )
    assert not outcome.diverged


# Measures


def measured(network: nn.Module, x: Tensor) -> list[dict[str, float]]:
    """Measures of every layer on some samples."""
    return hidden_measures(network, Layers.of(network, x), Samples(x, torch.zeros(len(x))))


@pytest.mark.parametrize("positions", [(4, 4), (30, 30)], ids=["all positions", "some positions"])
@pytest.mark.parametrize(
    ("name", "raw_zeros", "hoyer"), [("relu", 0.500, 0.464), ("identity", 0.0, 0.215), ("tanh", 0.0, 0.122)]
)
def test_channels_of_normal_draws_have_the_values_of_units(
    name: str, raw_zeros: float, hoyer: float, positions: tuple[int, int]
) -> None:
    """A convolution that copies 256 channels of normal draws: as 256 units, whose values are known by quadrature."""
    identity = nn.Conv2d(256, 256, 1, bias=False)
    nn.init.dirac_(identity.weight)
    network = nn.Sequential(identity, SearchedActivation(Hyperparameters(activation=name)))
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((80, 256, *positions), dtype=np.float32))
    with torch.no_grad():
        [measures] = measured(network, x)
    assert measures["live"] == 1.0
    assert measures["dead"] == 0.0
    assert measures["raw_zeros"] == pytest.approx(raw_zeros, abs=0.01)
    assert measures["hoyer"] == pytest.approx(hoyer, abs=0.01)


def test_channels_are_units_at_all_positions_and_a_dead_one_counts_once() -> None:
    [outcome], [network] = trained([trial_of()], SPLIT, Budget(epochs=1, seeds=1))
    trial = trial_of()
    outputs: list[Tensor] = []
    for module in activations_of(network, trial):
        module.register_forward_hook(lambda _, inputs, output: outputs.append(output))
    norm = network.get_submodule("norm2")
    with torch.no_grad():
        network(SPLIT.validation.x)
    rows = [output.movedim(1, -1).reshape(-1, output.shape[1]) for output in outputs]
    for layer, expected in zip(outcome.replicates[0].layers, rows, strict=False):
        own = layer_measures(expected, torch.zeros_like(expected, dtype=torch.bool))
        for name in ("zeros", "near_zero", "hoyer", "dead", "live", "removable"):
            assert layer[name] == pytest.approx(own[name], rel=1e-4), name
    dead_before = own_dead(rows[1])
    with torch.no_grad():
        norm.weight[1], norm.bias[1] = 0.0, -1.0  # type: ignore[index, operator]
        outputs.clear()
        network(SPLIT.validation.x)
    assert own_dead(outputs[1].movedim(1, -1).reshape(-1, 4)) == max(dead_before, 0.25)


def own_dead(a: Tensor) -> float:
    return layer_measures(a, torch.zeros_like(a, dtype=torch.bool))["dead"]


def test_of_many_positions_equally_many_of_each_sample_are_measured_and_all_are_met() -> None:
    """The rows are bounded, do not depend on the chunks of a pass, and meet every position."""
    samples, side = 900, 16
    positions = side * side
    place = SearchedActivation(Hyperparameters(activation="identity"))
    network = nn.Sequential(nn.Conv2d(2, 2, 1, bias=False), place)
    nn.init.dirac_(network[0].weight)
    number = torch.arange(samples).float()[:, None, None].expand(samples, side, side)
    position = torch.arange(float(positions)).reshape(side, side).expand(samples, side, side)
    seen: list[Tensor] = []
    x = torch.stack([number, position], 1)
    layers = Layers.of(network, x)
    place.activation = replace(place.activation)
    object.__setattr__(place.activation, "saturated", lambda z, a, slope: (seen.append(z), z > math.inf)[1])
    hidden_measures(network, layers, Samples(x, torch.zeros(samples)))
    [rows] = seen
    kept = MEASURED_ROWS // samples
    assert len(rows) == samples * kept <= MEASURED_ROWS
    assert torch.equal(rows[:, 0].long().bincount(), torch.full((samples,), kept))
    assert len(torch.unique(rows, dim=0)) == len(rows)
    met = rows[:, 1].long().bincount(minlength=positions)
    assert met.min() > 0.9 * len(rows) / positions
    assert met.max() < 1.1 * len(rows) / positions


def test_layers_that_do_not_fit_together_are_measured_as_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    budget, trial = Budget(epochs=1, seeds=1), trial_of()
    together = fit([trial], SPLIT, budget, STREAMS, architecture=CNN)
    monkeypatch.setattr("study.training.engines.modules.place_measures.MEASURED_BYTES", 1)
    assert fit([trial], SPLIT, budget, STREAMS, architecture=CNN) == together


@pytest.mark.parametrize("factor", [1e-2, 1e2])
def test_sparsity_does_not_depend_on_the_scale_of_a_convolution(factor: float) -> None:
    _, [network] = trained([trial_of(normalization="none")], SPLIT, Budget(epochs=1, seeds=1), dtype=torch.float64)
    rebuilt = nn.Sequential(*(
        SearchedActivation(trial_of()) if isinstance(module, nn.ReLU) else module for module in network.children()
    ))  # fmt: skip
    x = SPLIT.validation.x.double()
    before = measured(rebuilt, x)[0]
    first = rebuilt[0]
    assert isinstance(first, nn.Conv2d)
    with torch.no_grad():
        first.weight *= factor
        assert first.bias is not None
        first.bias *= factor
    after = measured(rebuilt, x)[0]
    for name in ("zeros", "near_zero", "hoyer", "gini", "removable", "dead", "live"):
        assert after[name] == pytest.approx(before[name], abs=1e-9), name


def test_the_clamped_network_is_the_trained_one_behind_torchs_hardshrink() -> None:
    trials = [trial_of(name, dropout=0.2) for name in ("relu", "silu", "prelu")]
    outcomes, networks = trained(trials, SPLIT, Budget(epochs=2, seeds=1), clamp=True)
    for outcome, network in zip(outcomes, networks, strict=True):
        [replicate] = outcome.replicates
        clamped = clamped_network(network, replicate)
        layers = [module for module in clamped if isinstance(module, nn.Hardshrink)]
        with torch.no_grad(), recorded_calls(*layers) as calls:
            outputs = clamped(SPLIT.validation.x)
        zeros = [channel_zeros(output) for _, _, output in calls]
        assert replicate.scores["clamped_accuracy"] == float((outputs.argmax(1) == SPLIT.validation.y).double().mean())
        assert [layer["clamped_zeros"] for layer in replicate.layers[:-1]] == pytest.approx(zeros, abs=1e-6)
        assert replicate.scores["clamped_zeros"] == pytest.approx(fmean(zeros), abs=1e-6)


def channel_zeros(output: Tensor) -> float:
    """Share of zeros over live channels."""
    rows = output.movedim(1, -1).reshape(-1, output.shape[1])
    return layer_measures(rows, torch.zeros_like(rows, dtype=torch.bool))["zeros"]


def test_the_peak_grows_with_channels_and_with_the_size_of_images() -> None:
    engine, budget = engine_of(CNN), Budget()
    small = engine.peak_bytes(1, trial_of(), budget, Sizes.of(SPLIT))
    assert engine.peak_bytes(1, trial_of(channels=(30, 40)), budget, Sizes.of(SPLIT)) > small
    assert engine.peak_bytes(1, trial_of(), budget, Sizes.of(make_images(shape=(2, 40, 40)))) > small


# Multilayer perceptrons


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_a_residual_perceptron_with_normalization_equals_the_plain_loop(normalization: str) -> None:
    split = make_problem(rows=83, features=13, classes=5)
    mlp = replace(ARCHITECTURES["mlp"], engine="modules")
    trial = Hyperparameters(hidden=(9, 9), residual=True, normalization=normalization, learning_rate=0.01, dropout=0.2)
    budget = Budget(epochs=3, seeds=1, batch_size=19)
    bias = normalization == "layer"

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            norm = nn.BatchNorm1d if normalization == "batch" else nn.LayerNorm
            self.first, self.norm1, self.drop1 = nn.Linear(13, 9, bias=bias), norm(9), StreamDropout(0.2)
            self.second, self.norm2, self.drop2 = nn.Linear(9, 9, bias=bias), norm(9), StreamDropout(0.2)
            self.last = nn.Linear(9, 5)

        def forward(self, x: Tensor) -> Tensor:
            h = self.drop1(self.norm1(self.first(x)).relu())
            return self.last(h + self.drop2(self.norm2(self.second(h)).relu()))

    plain = Plain().double()
    with torch.no_grad():
        for number, layer in enumerate((plain.first, plain.second, plain.last)):
            normal = torch.from_numpy(STREAMS.initial(0, number, layer.in_features, layer.out_features))
            layer.weight.copy_(normal[:-1].T * math.sqrt(2.0 / layer.in_features))
            if layer.bias is not None:
                layer.bias.zero_()
    curve = train_alone(plain, [], trial, split.training, budget, STREAMS)
    kept: list[nn.Module] = []
    [outcome] = fit(
        [trial],
        split,
        budget,
        STREAMS,
        architecture=mlp,
        dtype=torch.float64,
        on_trained=lambda block, found: kept.append(found.network(0)),
    )
    assert_equal(kept[0], plain, 1e-8)
    assert outcome.replicates[0].curves["training_loss"] == pytest.approx(curve, rel=1e-8)
