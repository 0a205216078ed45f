"""The contrasts of the claims: one number a replicate, from the measures of cells.

Arms and learning rates are chosen and read on different random streams of the same split: see `readings`. A contrast is
therefore what a user gains who chooses by the validation part and trains what was chosen once more; where nothing
differs its expectation is 0. Every function gets the design and the measures, and returns `[..., R]`, in percentage
points unless its docstring says otherwise.
"""

from __future__ import annotations

import numpy as np

from search_spaces.design import LINEAR, Arm, Design
from study.comparison.cell_measures import CellMeasures
from study.comparison.readings import Reading, best, over_readings, select
from study.intervals import Array
from study.records.measure_keys import MeasureKey, key_on_test

_SMALLEST_RATIO = 1e-30
_ZEROS, _DEAD, _NEAR_ZERO = key_on_test("raw_zeros"), key_on_test("dead"), key_on_test("near_zero")


@over_readings
def zeros_margin(design: Design, reading: Reading) -> Array:
    """How far within 50-90 % zeros the usual ReLU network lies, in the mean over its hidden layers."""
    return _margin(reading.value(design.arm("relu"), _ZEROS))


@over_readings
def outermost_zeros_margin(design: Design, reading: Reading) -> Array:
    """The same for the hidden layer that lies furthest out, over all initializations."""
    arms = design.over_initializations("relu")
    keys = [MeasureKey("raw_zeros", on_test=True, layer=layer) for layer in range(design.cell("relu").layers)]
    foreseen = np.stack([_margin(reading.foreseen(arm, key)) for arm in arms for key in keys])
    read = np.stack([_margin(reading.value(arm, key)) for arm in arms for key in keys])
    return select(read, np.nan_to_num(foreseen, nan=np.inf).argmin(0))


@over_readings
def leaky_minus_relu(design: Design, reading: Reading) -> Array:
    """Accuracy of leaky ReLU, its slope chosen, minus ReLU's."""
    arms = leaky_arms(design)
    return select(reading.values(arms), reading.best(arms)) - reading.value(design.arm("relu"))


@over_readings
def worst_minus_best_slope(design: Design, reading: Reading) -> Array:
    """Accuracy at the slope that validates worst minus that at the best."""
    arms = design.over_slopes()
    read = reading.values(arms)
    return select(read, reading.worst(arms)) - select(read, reading.best(arms))


@over_readings
def prelu_minus_best_slope(design: Design, reading: Reading) -> Array:
    """Accuracy of PReLU minus that at the slope that validates best."""
    arms = design.over_slopes()
    return reading.value(design.arm("prelu")) - select(reading.values(arms), reading.best(arms))


@over_readings
def dead_units(design: Design, reading: Reading) -> Array:
    """Per cent dead units of the usual ReLU network, over all its hidden layers."""
    return reading.value(design.arm("relu"), _DEAD)


@over_readings
def most_dead(design: Design, reading: Reading) -> Array:
    """Per cent dead units of the ReLU layer that has most, over all initializations and depths."""
    arms = [*design.over_initializations("relu"), *((cell,) for cell in design.deep_cells())]
    places = [(arm, MeasureKey("dead", on_test=True, layer=layer)) for arm in arms for layer in range(arm[0].layers)]
    foreseen = np.stack([reading.foreseen(arm, key) for arm, key in places])
    read = np.stack([reading.value(arm, key) for arm, key in places])
    return select(read, np.nan_to_num(foreseen, nan=-np.inf).argmax(0))


@over_readings
def score_on_sparsity(design: Design, reading: Reading) -> Array:
    """Least-squares slope of test accuracy on near-zero outputs, pp for 10 pp, within activations.

    Sparsity and accuracy are tuned and read on different streams, so that neither the luck of a network nor that of its
    learning rate is in both.
    """
    products, squares = [], []
    for activation in nonlinear(design):
        arms = list(
            dict.fromkeys(
                [
                    *(design.over_dropouts(activation) if activation in design.dropped else ()),
                    *(design.over_initializations(activation) if activation in design.initialized else ()),
                ]
            )
        )
        if not arms:
            continue
        sparsity, score = np.stack([reading.foreseen(arm, _NEAR_ZERO) for arm in arms]), reading.values(arms)
        there = ~np.isnan(sparsity)
        sparsity, score = _centred(sparsity), _centred(np.where(there, score, np.nan))
        products.append(np.nansum(sparsity * score, 0))
        squares.append(np.nansum(sparsity**2, 0))
    total = np.sum(squares, 0)
    slope: Array = np.divide(np.sum(products, 0), total, out=np.full(total.shape, np.nan), where=total > 0)
    return 10.0 * slope


@over_readings
def relu_gain_minus_tanh_gain(design: Design, reading: Reading) -> Array:
    """What the best dropout rate above 0 gains for ReLU minus what it gains for tanh."""
    return _dropout_gain(design, reading, "relu") - _dropout_gain(design, reading, "tanh")


@over_readings
def relu_gain(design: Design, reading: Reading) -> Array:
    """What the best dropout rate above 0 gains for ReLU."""
    return _dropout_gain(design, reading, "relu")


@over_readings
def tanh_near_zero(design: Design, reading: Reading) -> Array:
    """Outputs near zero of tanh beyond the linear network's."""
    return _beyond_linear("tanh", "near_zero", design, reading)


@over_readings
def tanh_saturation(design: Design, reading: Reading) -> Array:
    """Saturated outputs of tanh beyond the linear network's, which has none."""
    return _beyond_linear("tanh", "saturation", design, reading)


@over_readings
def sigmoid_near_zero(design: Design, reading: Reading) -> Array:
    """Outputs near zero of sigmoid beyond the linear network's."""
    return _beyond_linear("sigmoid", "near_zero", design, reading)


@over_readings
def sigmoid_removable(design: Design, reading: Reading) -> Array:
    """Removable units of sigmoid beyond the linear network's."""
    return _beyond_linear("sigmoid", "removable", design, reading)


def elu_over_relu(design: Design, measured: CellMeasures) -> Array:
    """`[processes]` time of an ELU layer above a ReLU layer's, in per cent, the median over rounds."""
    return _extra_time(measured, "relu")


def elu_over_leaky(design: Design, measured: CellMeasures) -> Array:
    """`[processes]` time of an ELU layer above a leaky ReLU layer's, in per cent, the median over rounds."""
    return _extra_time(measured, "leaky_relu")


@over_readings
def own_minus_common_initialization(design: Design, reading: Reading) -> Array:
    """Accuracy with each activation's own best initialization minus that with the commonly best, mean over activations.

    The commonly best initialization is the one with the highest validation accuracy in the mean over activations.
    """
    activations = [name for name in nonlinear(design) if name in design.initialized]
    arms = [design.over_initializations(name) for name in activations]
    accuracies, losses = (np.stack(columns) for columns in zip(*map(reading.validated, arms), strict=True))
    common = best(accuracies.mean(0), losses.mean(0))
    gains = []
    for accuracy, loss, options in zip(accuracies, losses, arms, strict=True):
        read = reading.values(options)
        gains.append(select(read, best(accuracy, loss)) - select(read, common))
    mean: Array = np.mean(gains, 0)
    return mean


@over_readings
def tanh_vanishing(design: Design, reading: Reading) -> Array:
    """Decades by which tanh's gradient shrinks from the last layer to the first beyond ReLU's, ten layers deep."""
    return _vanishing(design, reading, "tanh")


@over_readings
def sigmoid_vanishing(design: Design, reading: Reading) -> Array:
    """Decades by which sigmoid's gradient shrinks from the last layer to the first beyond ReLU's."""
    return _vanishing(design, reading, "sigmoid")


@over_readings
def best_minus_relu(design: Design, reading: Reading) -> Array:
    """Accuracy of the activation that validates best, slope chosen, minus ReLU's; ReLU is among the candidates."""
    arms = [arm for name in nonlinear(design) for arm in arms_of(design, name)]
    return select(reading.values(arms), reading.best(arms)) - reading.value(design.arm("relu"))


def nonlinear(design: Design) -> tuple[str, ...]:
    """The activations of a design without the linear network's."""
    return tuple(name for name in design.activations if name != LINEAR)


def leaky_arms(design: Design) -> list[Arm]:
    """Leaky ReLU's arms over slopes above 0."""
    return [design.arm("leaky_relu", negative_slope=slope) for slope in design.slopes if slope > 0]


def arms_of(design: Design, activation: str) -> list[Arm]:
    """The arms among which an activation's slope is chosen, where it has a fixed one; else its only arm."""
    return leaky_arms(design) if activation == "leaky_relu" else [design.arm(activation)]


def _margin(zeros: Array) -> Array:
    """How far within 50-90 % a share lies, in per cent."""
    margin: Array = np.minimum(zeros - 50.0, 90.0 - zeros)
    return margin


def _beyond_linear(activation: str, name: str, design: Design, reading: Reading) -> Array:
    """A share measured for an activation minus the linear network's."""
    key = key_on_test(name)
    return reading.value(design.arm(activation), key) - reading.value(design.arm(LINEAR), key)


def _dropout_gain(design: Design, reading: Reading, activation: str) -> Array:
    """Accuracy at the dropout rate above 0 that validates best, minus accuracy without dropout."""
    without, *others = design.over_dropouts(activation)
    return select(reading.values(others), reading.best(others)) - reading.value(without)


def _centred(values: Array) -> Array:
    """`[O, ..., R]` minus the mean over the first axis of the values that are not NaN."""
    count = np.maximum(1, (~np.isnan(values)).sum(0))
    centred: Array = values - np.nansum(values, 0) / count
    return centred


def _extra_time(measured: CellMeasures, other: str) -> Array:
    """`[processes]` time of an ELU layer above another layer's, in per cent; empty where layers were not timed."""
    if not measured.layer_seconds:
        return np.empty(0)
    ratio: Array = np.median(measured.layer_seconds["elu"] / measured.layer_seconds[other], axis=-1)
    return 100.0 * (ratio - 1.0)


def _vanishing(design: Design, reading: Reading, activation: str) -> Array:
    """Decades by which the gradient shrinks from the last layer to the first, minus those of ReLU."""

    def decades(name: str) -> Array:
        ratio = reading.reading.of(design.cell(name, depth=design.depths[-1]), "gradient_ratio_start")
        return np.log10(np.maximum(ratio, _SMALLEST_RATIO))

    return decades(activation) - decades("relu")
