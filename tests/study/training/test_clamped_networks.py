"""Sparsity cannot be gamed: what counts as sparse was set to 0 before the score was taken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import block_data, make_problem
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from study.training import Streams
from study.training.engines.stacked_mlp.block import start_stack
from study.training.engines.stacked_mlp.evaluate import clamp_thresholds, evaluate, recorded_pass
from study.training.measures import live_units, near_zero

SPLIT = make_problem(rows=120, features=9, classes=4)
DATA = block_data(SPLIT, torch.float64)
HIDDEN = (24, 17)
quick = settings(deadline=None, derandomize=True, max_examples=40)


def judged(
    slots: Sequence[Hyperparameters], *, scales: Sequence[float] = (1.0, 1.0), shift: float = 0.0
) -> list[tuple[float, float, float]]:
    """Accuracy, zeros and plain near-zero share of networks whose layers are scaled, and whose biases are shifted.

    The next layer's weights take a scale back, so that the function of a network that is positively homogeneous stays.
    """
    with torch.inference_mode():
        stack = start_stack(slots, 0, DATA, Streams(0))
        for layer, scale in enumerate(scales):
            stack.biases[layer] += shift
            stack.weights[layer] *= scale
            stack.biases[layer] *= scale
            stack.weights[layer + 1] /= scale
        layers = recorded_pass(stack, DATA.validation)[1].measures(with_threshold=True)
        found = evaluate(stack, DATA.validation, clamp_thresholds(stack, layers))
        accuracy = (found.predictions == DATA.validation.y).double().mean(1)
        return [
            (float(accuracy[slot]), float(torch.stack(list(found.zeros))[:, slot].mean()), layers[slot][0]["near_zero"])
            for slot in range(len(slots))
        ]


def after_setting_to_zero(
    slot: Hyperparameters, *, scales: Sequence[float] = (1.0, 1.0), shift: float = 0.0
) -> tuple[float, float]:
    """Accuracy and zeros of the same network by torch's layers, set to 0 by the definition."""
    with torch.inference_mode():
        stack = start_stack([slot, slot], 0, DATA, Streams(0))
        parameters = stack.parameters(0)
        activation = ACTIVATIONS[slot.activation].module(slot.negative_slope).double().eval()
        h = kept = SPLIT.validation.x.double()
        shares = []
        for layer, (weight, bias) in enumerate(parameters):
            scale = scales[layer] if layer < len(scales) else 1.0
            back = scales[layer - 1] if layer else 1.0
            bias = (bias + shift) * scale if layer < len(scales) else bias
            kept, h = (x @ (weight * scale / back) + bias for x in (kept, h))
            if layer < len(HIDDEN):
                kept, h = activation(kept), activation(h)
                h = set_to_zero(h, like=kept)
                live = live_units(h)
                shares.append(float((h[:, live] == 0).double().mean()) if bool(live.any()) else 0.0)
        return float((h.argmax(1) == SPLIT.validation.y).double().mean()), sum(shares) / len(shares)


def set_to_zero(a: Tensor, *, like: Tensor) -> Tensor:
    """`[N, F]` activations without those of at most 1 % of the root mean square of the layer as it was trained."""
    live = live_units(like)
    rms = like[:, live].square().mean().sqrt() if bool(live.any()) else torch.zeros((), dtype=like.dtype)
    return torch.where(a.abs() <= 0.01 * rms, 0.0, a)


@quick
@given(
    name=st.sampled_from(sorted(ACTIVATIONS)),
    slope=st.floats(1e-6, 0.9),
    scales=st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)),
    shift=st.floats(-3.0, 3.0),
)
def test_no_slope_scale_or_shift_earns_sparsity_that_setting_to_zero_would_not(
    name: str, slope: float, scales: tuple[float, float], shift: float
) -> None:
    """Whatever is done to a network, its zeros are exact ones, and its score is that of the network that has them."""
    slot = Hyperparameters(activation=name, negative_slope=slope, hidden=HIDDEN)
    (accuracy, sparsity, _), _ = judged([slot, slot], scales=scales, shift=shift)
    assert (accuracy, sparsity) == pytest.approx(after_setting_to_zero(slot, scales=scales, shift=shift), abs=1e-9)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_a_scale_that_the_next_layer_takes_back_changes_nothing(scale: float) -> None:
    slots = [Hyperparameters(activation=name, negative_slope=0.02, hidden=HIDDEN) for name in ("relu", "leaky_relu")]
    assert judged(slots, scales=(scale, 1.0 / scale)) == [pytest.approx(each, abs=1e-9) for each in judged(slots)]


@pytest.mark.parametrize("slope", [1e-5, 1e-3])
def test_a_slope_that_is_too_small_to_count_is_judged_as_relu(slope: float) -> None:
    """As a network it differs from ReLU, and "near zero" takes its leak for sparsity; what is judged has no leak."""
    leaky = Hyperparameters(activation="leaky_relu", negative_slope=slope, hidden=HIDDEN)
    relu = Hyperparameters(activation="relu", hidden=HIDDEN)
    ours, theirs = judged([leaky, relu])
    assert ours[0] == theirs[0]
    assert ours[1] == pytest.approx(theirs[1], abs=0.01)
    assert ours[2] == pytest.approx(theirs[2], abs=0.01)
    with torch.inference_mode():
        stack = start_stack([leaky, leaky], 0, DATA, Streams(0))
        layers = recorded_pass(stack, DATA.validation)[1].measures(with_threshold=True)[0]
        stack.forward(DATA.validation.x)
    assert layers[0]["zeros"] < 0.02
    assert layers[0]["near_zero"] > 0.4


def test_a_leak_that_matters_costs_its_score() -> None:
    """Labels that only the leak can tell apart: as trained it is right, and the network that has the zeros is not."""
    x = torch.cat([torch.full((50, 1), -1.0), torch.full((50, 1), -2.0), torch.full((50, 1), 500.0)]).double()
    y = torch.arange(3).repeat_interleave(50)
    hidden = nn.functional.leaky_relu(x, 0.01)
    threshold = 0.01 * float(hidden.square().mean().sqrt())
    assert near_zero(hidden) == pytest.approx(2 / 3)

    def right(h: Tensor) -> float:
        logits = torch.cat([torch.where(h > -0.015, 1.0, 0.0), torch.where(h < -0.015, 2.0, 0.0), h / 100], 1)
        return float((logits.argmax(1) == y).double().mean())

    assert right(hidden) == 1.0
    assert right(nn.functional.hardshrink(hidden, threshold)) == pytest.approx(2 / 3)
