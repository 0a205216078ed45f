"""Sparsity measures against reference values for z ~ N(0, 1), n = 256, and against the definitions."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from problems import block_data

from search_spaces import ACTIVATIONS, Hyperparameters
from study.data.split import Split
from study.training import Streams
from study.training.engines.stacked_mlp.block import start_stack
from study.training.engines.stacked_mlp.evaluate import recorded_pass
from study.training.measures import (
    ZeroCount,
    gini,
    hoyer,
    layer_measures,
    live_units,
    near_zero,
    removable,
    stacked_measures,
    treves_rolls,
    zeros,
)
from study.training.outcome import SORTED_MEASURES
from study.training.scores import network_measures

# zeros, near zero, hoyer, gini, Treves-Rolls, removable: computed by quadrature and simulation, ± .01.
REFERENCE = {
    ("relu", 0.0): (0.500, 0.502, 0.464, 0.705, 0.683, 0.629),
    ("leaky_relu", 0.01): (0, 0.263, 0.458, 0.696, 0.676, 0.629),
    ("leaky_relu", 0.3): (0, 0.013, 0.316, 0.508, 0.506, 0.352),
    ("elu", 0.0): (0, 0.006, 0.219, 0.398, 0.369, 0.236),
    ("gelu", 0.0): (0, 0.013, 0.412, 0.586, 0.625, 0.431),
    ("silu", 0.0): (0, 0.010, 0.350, 0.504, 0.551, 0.305),
    ("tanh", 0.0): (0, 0.005, 0.122, 0.301, 0.216, 0.194),
    ("sigmoid", 0.0): (0, 0, 0.082, 0.239, 0.148, 0.105),
    ("identity", 0.0): (0, 0.008, 0.215, 0.413, 0.363, 0.262),
}
NORMAL = torch.from_numpy(np.random.default_rng(0).standard_normal((4000, 256)))
NAMES = ("zeros", "near_zero", "hoyer", "gini", "treves_rolls_population", "removable")


def activated(name: str, slope: float, z: torch.Tensor = NORMAL) -> torch.Tensor:
    return ACTIVATIONS[name].module(slope).eval()(z).detach()


@pytest.mark.parametrize(("name", "slope"), REFERENCE)
def test_reference_values_on_normal_draws(name: str, slope: float) -> None:
    a = activated(name, slope)
    measures = layer_measures(a, torch.zeros_like(a, dtype=torch.bool))
    assert measures["live"] == 1.0
    assert [measures[measure] for measure in NAMES] == pytest.approx(REFERENCE[name, slope], abs=0.01)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("measure", [near_zero, hoyer, gini, removable, treves_rolls, zeros])
def test_every_measure_is_scale_invariant(measure: object, scale: float) -> None:
    for name, slope in REFERENCE:
        a = activated(name, slope, NORMAL[:300])
        assert measure(scale * a) == pytest.approx(measure(a), abs=1e-9)


@pytest.mark.parametrize("measure", [near_zero, hoyer, gini, removable])
def test_extremes(measure: object) -> None:
    equal, single = torch.ones(5, 64), torch.eye(64)
    assert measure(equal) == pytest.approx(0.0, abs=1e-9)
    assert measure(single) == pytest.approx(1.0 if measure is hoyer else 63 / 64, abs=0.01)


def test_gini_is_the_mean_absolute_difference_of_units() -> None:
    a = activated("gelu", 0.0, NORMAL[:20]).abs()
    difference = (a[:, :, None] - a[:, None, :]).abs().mean((1, 2))
    assert gini(a) == pytest.approx(float((difference / (2 * a.mean(1))).mean()), rel=1e-6)


def test_removable_keeps_99_percent_of_the_energy() -> None:
    a = NORMAL[:50]
    share = []
    for row in a.abs().numpy():
        energy = np.sort(row) ** 2
        dropped = max(k for k in range(257) if energy[:k].sum() <= 0.01 * energy.sum())
        share.append(dropped / 256)
    assert removable(a) == pytest.approx(np.mean(share), abs=1e-12)


def test_saturation_of_tanh_and_sigmoid_is_by_output_and_else_by_derivative() -> None:
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64)[None]
    share = {
        name: float(ACTIVATIONS[name].saturated(z, activated(name, 0.3, z), 0.3).double().mean())
        for name in ACTIVATIONS
    }
    assert share["tanh"] == pytest.approx(1 - 2 * math.atanh(0.95) / 16, abs=1e-3)
    assert share["sigmoid"] == pytest.approx(1 - 2 * math.log(0.95 / 0.05) / 16, abs=1e-3)
    assert share["relu"] == pytest.approx(0.5, abs=1e-3)
    assert share["elu"] == pytest.approx((8 + math.log(0.05)) / 16, abs=1e-3)
    assert share["leaky_relu"] == share["identity"] == 0.0


def layer_after_collapse(name: str, problem: Split, *, collapse: float) -> tuple[dict[str, float], dict[str, float]]:
    """A network's measures, and after half of its hidden units were pushed far to the flat side."""
    data = block_data(problem, torch.float64)
    slots = [Hyperparameters(activation=name, hidden=(64, 64))] * 2
    with torch.inference_mode():
        stack = start_stack(slots, 0, data, Streams(0))
        before = recorded_pass(stack, data.validation)[1].measures()[0]
        for layer in range(2):
            stack.weights[layer][:, :, :32] *= 0.01
            stack.biases[layer][:, :, :32] = collapse
        after = recorded_pass(stack, data.validation)[1].measures()[0]
    return network_measures(before), network_measures(after)


@pytest.mark.parametrize(("name", "collapse"), [("relu", -20.0), ("gelu", -9.0), ("sigmoid", -9.0), ("silu", -20.0)])
def test_dead_and_collapsed_units_earn_no_sparsity(name: str, collapse: float, problem: Split) -> None:
    before, after = layer_after_collapse(name, problem, collapse=collapse)
    assert after["dormant"] >= 0.49
    for measure in ("near_zero", "zeros", "hoyer", "gini", "removable"):
        assert after[measure] <= before[measure] + 0.06, measure
    if name == "relu":
        assert after["dead"] >= 0.49
        assert after["raw_zeros"] > before["raw_zeros"] + 0.2


def test_saturation_does_not_depend_on_the_size_of_the_batch(problem: Split) -> None:
    """A derivative just below the threshold by the vectorized kernel, and not below it by the scalar one."""
    data = block_data(problem, torch.float32)
    z = -2.944438934326172
    slots = [Hyperparameters(activation="softplus", hidden=(13,))] * 8
    found = []
    for count in (2, 8):
        with torch.inference_mode():
            stack = start_stack(slots[:count], 0, data, Streams(0))
            stack.weights[0].zero_()
            stack.biases[0].fill_(z)
            found.append([layers[0]["saturation"] for layers in recorded_pass(stack, data.validation)[1].measures()])
    assert len(set(found[0] + found[1])) == 1


def test_a_network_without_live_units_has_no_sparsity() -> None:
    a = torch.zeros(30, 16)
    measures = layer_measures(a, torch.ones_like(a, dtype=torch.bool))
    assert not bool(live_units(a).any())
    assert measures["raw_zeros"] == measures["dead"] == measures["dormant"] == 1.0
    assert all(measures[name] == 0.0 for name in (*NAMES, "treves_rolls_lifetime"))


def test_samples_without_any_activity_are_not_sparse_by_a_ratio() -> None:
    a = torch.ones(4, 8)
    a[0] = 0.0
    assert hoyer(a) == pytest.approx(0.0)
    assert gini(a) == pytest.approx(0.0)
    assert removable(a) == 0.0
    assert treves_rolls(a)[0] == pytest.approx(0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(("name", "slope"), REFERENCE)
def test_what_counts_as_near_zero_is_what_the_threshold_clamps(name: str, slope: float, dtype: torch.dtype) -> None:
    a = activated(name, slope).to(dtype)
    measures = layer_measures(a, torch.zeros_like(a, dtype=torch.bool), with_threshold=True)
    threshold = measures["clamp_threshold"]
    assert float(torch.tensor(threshold, dtype=dtype)) == threshold
    assert zeros(torch.nn.functional.hardshrink(a, threshold)) == measures["near_zero"] == near_zero(a)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e3, 1e15])
def test_the_threshold_moves_with_the_scale_of_a_layer(scale: float) -> None:
    a = activated("leaky_relu", 0.01).float()
    flat = torch.zeros_like(a, dtype=torch.bool)
    ours, theirs = (layer_measures(x, flat, with_threshold=True)["clamp_threshold"] for x in (a * scale, a))
    assert ours == pytest.approx(scale * theirs, rel=1e-5)


def test_zeros_are_counted_over_live_units_chunk_by_chunk() -> None:
    generator = np.random.default_rng(1)
    a = torch.relu(torch.from_numpy(generator.standard_normal((3, 500, 40)))).float()
    a[0, :, :9] = 0.0
    a[1, :, 5] = 1e-6
    a[2] = 0.0
    count = ZeroCount()
    for chunk in a.split(128, dim=1):
        count.add(chunk)
    expected = [zeros(layer[:, live_units(layer)]) for layer in a[:2]]
    assert count.share().tolist() == pytest.approx([*expected, 0.0], abs=1e-12)
    assert expected[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("counted_only", [False, True], ids=["all", "counted"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_how_many_activations_are_measured_together_changes_no_bit(
    dtype: torch.dtype, counted_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(1)
    a = torch.relu(torch.randn(5, 203, 37, generator=generator, dtype=dtype))
    a[0, :, :9] = a[1] = 0.0
    share = torch.rand(5, generator=generator, dtype=torch.float64)
    measured = partial(stacked_measures, a, share, with_threshold=True, counted_only=counted_only)
    at_once = measured()
    for together, in_order in ((1, 1), (2 * 203 * 37, 1000), (10**9, 40 * 37)):
        monkeypatch.setattr("study.training.measures.measured_at_once", lambda device, most=together: most)
        monkeypatch.setattr("study.training.measures._sorted_at_once", lambda device, most=in_order: most)
        found = measured()
        assert {name: value.tolist() for name, value in found.items()} == {
            name: value.tolist() for name, value in at_once.items()
        }


@pytest.mark.parametrize(("name", "slope"), REFERENCE)
def test_what_is_counted_is_the_same_whether_or_not_rows_are_sorted(name: str, slope: float) -> None:
    a = activated(name, slope).float()
    a[:, 3] = 0.0
    flat = torch.zeros_like(a, dtype=torch.bool)
    whole, counted = (layer_measures(a, flat, with_threshold=True, counted_only=only) for only in (False, True))
    sorted_ones = {*SORTED_MEASURES, "treves_rolls_population", "treves_rolls_lifetime"}
    assert counted.keys() == whole.keys() - sorted_ones
    assert counted == pytest.approx({name: whole[name] for name in counted}, rel=1e-6)


def test_layers_that_do_not_fit_together_are_measured_alike_after_a_pass_each(
    problem: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = block_data(problem, torch.float32)
    with torch.inference_mode():
        stack = start_stack([Hyperparameters(activation="gelu", hidden=(13, 20, 7))] * 3, 0, data, Streams(0))
        passes: list[int] = []
        forward = stack.forward
        monkeypatch.setattr(stack, "forward", lambda x, **named: (passes.append(len(x)), forward(x, **named))[1])
        together = recorded_pass(stack, data.validation)[1].measures(with_threshold=True)
        assert len(passes) == 1
        monkeypatch.setattr("study.training.engines.stacked_mlp.hidden_layers.held_bytes", lambda of_layers: 1)
        one_by_one = recorded_pass(stack, data.validation)[1].measures(with_threshold=True)
    assert len(passes) == 1 + 3
    assert one_by_one == together


def test_a_layer_without_live_units_has_the_threshold_0() -> None:
    a = torch.zeros(30, 16)
    assert layer_measures(a, a == 0, with_threshold=True)["clamp_threshold"] == 0.0
