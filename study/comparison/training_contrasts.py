"""The contrasts of claims on how networks learn, from smooth activations to drift.

As those of `contrasts`, in percentage points unless a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from search_spaces.claim_cells import (
    CENTRED,
    DEEP,
    SMALL_BIAS,
    SMOOTH,
    drifting,
    over_activations,
    rates_too_high,
    shuffled,
    widened,
    widths,
)
from search_spaces.design import Arm, Design
from study.comparison.contrasts import leaky_arms
from study.comparison.readings import Reading, over_readings, select
from study.intervals import Array
from study.records.measure_keys import key_on_test

_DEAD, _NEAR_ZERO = key_on_test("dead"), key_on_test("near_zero")
_SMALLEST_LOSS = 1e-12
_OFTEN_SAID = (20.0, 40.0)
"""Per cent of the units that are said to die at a high learning rate."""


@over_readings
def smooth_minus_relu(design: Design, reading: Reading) -> Array:
    """Accuracy of the one of GELU, SiLU and Mish that validates best, minus ReLU's."""
    arms = [design.arm(name) for name in SMOOTH]
    return select(reading.values(arms), reading.best(arms)) - reading.value(design.arm("relu"))


@over_readings
def centred_epochs(design: Design, reading: Reading) -> Array:
    """Epochs of tanh and ELU to the training loss that ReLU reaches too, minus ReLU's, in per cent of all epochs.

    The loss is the larger of the two final ones, so that both reach it, and neither is favoured where they are alike.
    """
    return _over_centred(design, reading, _lead)


@over_readings
def centred_loss(design: Design, reading: Reading) -> Array:
    """Area under the training loss of tanh and ELU minus that of ReLU, in per cent of their mean, from -200 to 200.

    Of their mean, and not of ReLU's: a ratio of two alike is more than 1 in expectation.
    """
    return _over_centred(design, reading, _relative_area)


@over_readings
def dead_by_rate(design: Design, reading: Reading) -> Array:
    """Dead ReLU units at ten times the tuned learning rate, minus those at the rate."""
    usual = design.arm("relu")
    return reading.value_as_tuned(rates_too_high(design), usual, _DEAD) - reading.value(usual, _DEAD)


@over_readings
def dead_as_often_said(design: Design, reading: Reading) -> Array:
    """How far within 20-40 % the share of dead ReLU units lies at ten times the tuned learning rate."""
    dead = reading.value_as_tuned(rates_too_high(design), design.arm("relu"), _DEAD)
    low, high = _OFTEN_SAID
    margin: Array = np.minimum(dead - low, high - dead)
    return margin


@over_readings
def dead_by_bias(design: Design, reading: Reading) -> Array:
    """Dead units of deep ReLU networks whose biases start above 0, minus those of networks whose biases start at 0."""
    biased = reading.value(design.arm("relu", depth=DEEP[0], bias=SMALL_BIAS), _DEAD)
    return biased - reading.value(design.arm("relu", depth=DEEP[0], bias=0.0), _DEAD)


@over_readings
def spread_without_minus_batch(design: Design, reading: Reading) -> Array:
    """Accuracy of the activation that validates best minus that of the worst: without - with batch normalization."""
    return _spread(design, reading, "none") - _spread(design, reading, "batch")


@over_readings
def spread_without_minus_layer(design: Design, reading: Reading) -> Array:
    """Accuracy of the activation that validates best minus that of the worst: without - with layer normalization."""
    return _spread(design, reading, "none") - _spread(design, reading, "layer")


@over_readings
def spread_with_batch(design: Design, reading: Reading) -> Array:
    """Accuracy of the activation that validates best minus that of the worst, with batch normalization."""
    return _spread(design, reading, "batch")


@over_readings
def spread_with_layer(design: Design, reading: Reading) -> Array:
    """Accuracy of the activation that validates best minus that of the worst, with layer normalization."""
    return _spread(design, reading, "layer")


@over_readings
def selu_minus_relu_deep(design: Design, reading: Reading) -> Array:
    """Accuracy of SELU with LeCun's initialization minus that of ReLU with He's, ten layers deep."""
    return _selu_minus_relu(design, reading, DEEP[0])


@over_readings
def selu_minus_relu_deepest(design: Design, reading: Reading) -> Array:
    """Accuracy of SELU with LeCun's initialization minus that of ReLU with He's, twenty layers deep."""
    return _selu_minus_relu(design, reading, DEEP[1])


@over_readings
def initializations_shallow(design: Design, reading: Reading) -> Array:
    """Accuracy of the initialization that validates best minus that of the worst, in the usual network."""
    return _initializations(design, reading, design.depths[0])


@over_readings
def initializations_deeper(design: Design, reading: Reading) -> Array:
    """What the best initialization gains over the worst, ten layers deep, minus its gain in the usual network."""
    return _initializations(design, reading, DEEP[0]) - _initializations(design, reading, design.depths[0])


@over_readings
def initializations_deepest(design: Design, reading: Reading) -> Array:
    """What the best initialization gains over the worst, twenty layers deep, minus its gain in the usual network."""
    return _initializations(design, reading, DEEP[1]) - _initializations(design, reading, design.depths[0])


@over_readings
def random_minus_best_slope(design: Design, reading: Reading) -> Array:
    """Accuracy of RReLU minus that of leaky ReLU at the slope above 0 that validates best."""
    arms = leaky_arms(design)
    return reading.value(design.arm("rrelu")) - select(reading.values(arms), reading.best(arms))


@over_readings
def near_zero_by_width(design: Design, reading: Reading) -> Array:
    """Near-zero outputs of ReLU for sixteen times the width, by their least-squares slope on log width."""
    logs = np.log2(widths(design.width))
    shares = reading.values(widened(design), _NEAR_ZERO)
    slope: Array = np.tensordot(logs - logs.mean(), shares, 1) / np.square(logs - logs.mean()).sum()
    return 4.0 * slope


@over_readings
def near_zero_of_shuffled(design: Design, reading: Reading) -> Array:
    """Near-zero outputs of ReLU with shuffled targets minus those with true ones, at the rate tuned for these."""
    usual = design.arm("relu")
    return reading.value_as_tuned(shuffled(design), usual, _NEAR_ZERO) - reading.value(usual, _NEAR_ZERO)


@over_readings
def leaky_minus_relu_drifting(design: Design, reading: Reading) -> Array:
    """Accuracy on the last of ten orders of the inputs: leaky ReLU, at the slope that validates best there, - ReLU."""
    arms = [drifting(design, slope) for slope in design.slopes if slope > 0]
    return select(reading.values(arms), reading.best(arms)) - reading.value(drifting(design, 0.0))


@over_readings
def dead_by_drift(design: Design, reading: Reading) -> Array:
    """Dead ReLU units after ten orders of the inputs, minus those after as many epochs with one order."""
    return reading.value(drifting(design, 0.0), _DEAD) - reading.value(design.arm("relu"), _DEAD)


def _over_centred(design: Design, reading: Reading, contrast: Callable[[Array, Array], Array]) -> Array:
    other = reading.curve(design.arm("relu"))
    values = [contrast(reading.curve(design.arm(name)), other) for name in CENTRED]
    mean: Array = np.mean(values, 0)
    return mean


def _lead(one: Array, other: Array) -> Array:
    """Epochs of `[E, ..., R]` one curve to the larger of both final losses minus those of another, in per cent of E."""
    target = np.maximum(one[-1], other[-1])
    lead: Array = 100.0 * ((one <= target).argmax(0) - (other <= target).argmax(0)) / len(one)
    return np.where(np.isfinite(target), lead, np.nan)


def _relative_area(one: Array, other: Array) -> Array:
    """The sum of one curve `[E, ..., R]` minus that of another, in per cent of their mean."""
    first, second = one.sum(0), other.sum(0)
    relative: Array = 200.0 * (first - second) / np.maximum(first + second, _SMALLEST_LOSS)
    return relative


def _spread(design: Design, reading: Reading, normalization: str) -> Array:
    return _best_minus_worst(reading, over_activations(design, normalization))


def _selu_minus_relu(design: Design, reading: Reading, depth: int) -> Array:
    selu = reading.value(design.arm("selu", depth=depth, initialization="lecun_normal"))
    return selu - reading.value(design.arm("relu", depth=depth))


def _initializations(design: Design, reading: Reading, depth: int) -> Array:
    return _best_minus_worst(reading, design.over_initializations("relu", depth=depth))


def _best_minus_worst(reading: Reading, arms: Sequence[Arm]) -> Array:
    read = reading.values(arms)
    return select(read, reading.best(arms)) - select(read, reading.worst(arms))
