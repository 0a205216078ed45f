"""The contrasts of the claims: one number a replicate, from the measures of cells.

Where a learning rate or a slope is to be chosen, each replicate chooses it on its validation part, and the contrast is
read on its test part. The contrast is therefore what a user gets who chooses in this way, and choosing does not bias
its interval. Every function gets the design and the measures, and returns `[..., R]`, in percentage points unless its
docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_spaces import Hyperparameters
from search_spaces.design import LINEAR, Design
from study.comparison.cell_measures import CellMeasures
from study.intervals import Array
from study.records.measure_keys import key_on_test

Cells = Sequence[Hyperparameters]
_SMALLEST_RATIO = 1e-30
_TEST_ACCURACY = key_on_test("accuracy")


def zeros_margin(design: Design, measured: CellMeasures) -> Array:
    """How far within 50-90 % zeros the outermost hidden layer of ReLU lies, over all initializations."""
    zeros = 100.0 * measured.layers(design.over_initializations("relu"), "raw_zeros")
    margin: Array = np.minimum(zeros - 50.0, 90.0 - zeros).min(0)
    return margin


def leaky_minus_relu(design: Design, measured: CellMeasures) -> Array:
    """Accuracy of leaky ReLU, slope and rate chosen, minus ReLU's, rate chosen."""
    return chosen(measured, leaky_cells(design)) - chosen(measured, design.over_rates("relu"))


def worst_minus_best_slope(design: Design, measured: CellMeasures) -> Array:
    """Accuracy at the slope that validates worst minus that at the best, each at its rate."""
    slopes = _each_at_its_rate(design, measured)
    return _test_accuracy(slopes, best(-slopes[0], -slopes[1])) - _test_accuracy(slopes, best(slopes[0], slopes[1]))


def prelu_minus_best_slope(design: Design, measured: CellMeasures) -> Array:
    """Accuracy of PReLU minus that at the slope that validates best, each at its rate."""
    slopes = _each_at_its_rate(design, measured)
    return chosen(measured, design.over_rates("prelu")) - _test_accuracy(slopes, best(slopes[0], slopes[1]))


def most_dead(design: Design, measured: CellMeasures) -> Array:
    """Per cent dead units of the ReLU layer that has most, over all initializations and depths."""
    cells = [cell for depth in design.depths for cell in design.over_initializations("relu", depth=depth)]
    most: Array = measured.layers(cells, "dead").max(0)
    return 100.0 * most


def gap_on_sparsity(design: Design, measured: CellMeasures) -> Array:
    """Least-squares slope of the generalization gap on near-zero outputs, pp for 10 pp, within activations."""
    products, squares = [], []
    for activation in nonlinear(design):
        cells = tuple(dict.fromkeys(design.over_dropouts(activation) + design.over_initializations(activation)))
        gap = measured.stack(cells, "generalization_gap")
        # A diverged replicate has no gap, and its sparsity then means nothing.
        sparsity = _centred(np.where(np.isnan(gap), np.nan, measured.stack(cells, "near_zero")))
        products.append(np.nansum(sparsity * _centred(gap), 0))
        squares.append(np.nansum(sparsity**2, 0))
    total = np.sum(squares, 0)
    slope: Array = np.divide(np.sum(products, 0), total, out=np.full(total.shape, np.nan), where=total > 0)
    return 10.0 * slope


def relu_gain_minus_tanh_gain(design: Design, measured: CellMeasures) -> Array:
    """What the best dropout rate above 0 gains for ReLU minus what it gains for tanh."""
    return _dropout_gain(design, measured, "relu") - _dropout_gain(design, measured, "tanh")


def relu_gain(design: Design, measured: CellMeasures) -> Array:
    """What the best dropout rate above 0 gains for ReLU."""
    return _dropout_gain(design, measured, "relu")


def beyond_linear(activation: str, name: str, design: Design, measured: CellMeasures) -> Array:
    """A share measured for an activation minus the linear network's, each at its rate."""
    key = key_on_test(name)
    ours, theirs = (chosen(measured, design.over_rates(each), key) for each in (activation, LINEAR))
    return ours - theirs


def tanh_near_zero(design: Design, measured: CellMeasures) -> Array:
    """Outputs near zero of tanh beyond the linear network's."""
    return beyond_linear("tanh", "near_zero", design, measured)


def tanh_saturation(design: Design, measured: CellMeasures) -> Array:
    """Saturated outputs of tanh beyond the linear network's, which has none."""
    return beyond_linear("tanh", "saturation", design, measured)


def sigmoid_near_zero(design: Design, measured: CellMeasures) -> Array:
    """Outputs near zero of sigmoid beyond the linear network's."""
    return beyond_linear("sigmoid", "near_zero", design, measured)


def sigmoid_removable(design: Design, measured: CellMeasures) -> Array:
    """Removable units of sigmoid beyond the linear network's."""
    return beyond_linear("sigmoid", "removable", design, measured)


def elu_over_relu(design: Design, measured: CellMeasures) -> Array:
    """`[n]` time of an ELU layer above a ReLU layer's, in per cent, round by round."""
    return _extra_time(measured, "relu")


def elu_over_leaky(design: Design, measured: CellMeasures) -> Array:
    """`[n]` time of an ELU layer above a leaky ReLU layer's, in per cent, round by round."""
    return _extra_time(measured, "leaky_relu")


def mismatch_regret(design: Design, measured: CellMeasures) -> Array:
    """Accuracy with the initialization that validates best minus that with the worst, mean over activations."""
    regrets = []
    for activation in nonlinear(design):
        cells = design.over_initializations(activation)
        accuracy, loss = measured.stack(cells, "accuracy"), measured.stack(cells, "log_loss")
        test = 100.0 * measured.stack(cells, _TEST_ACCURACY)
        regrets.append(_select(test, best(accuracy, loss)) - _select(test, best(-accuracy, -loss)))
    mean: Array = np.mean(regrets, 0)
    return mean


def tanh_vanishing(design: Design, measured: CellMeasures) -> Array:
    """Decades by which tanh's gradient shrinks from the last layer to the first beyond ReLU's, ten layers deep."""
    return _vanishing(design, measured, "tanh")


def sigmoid_vanishing(design: Design, measured: CellMeasures) -> Array:
    """Decades by which sigmoid's gradient shrinks from the last layer to the first beyond ReLU's."""
    return _vanishing(design, measured, "sigmoid")


def best_minus_relu(design: Design, measured: CellMeasures) -> Array:
    """Accuracy of the activation that validates best, slope and rate chosen, minus ReLU's, rate chosen."""
    candidates = [cell for name in nonlinear(design) for cell in cells_of(design, name)]
    return chosen(measured, candidates) - chosen(measured, design.over_rates("relu"))


def nonlinear(design: Design) -> tuple[str, ...]:
    """The activations of a design without the linear network's."""
    return tuple(name for name in design.activations if name != LINEAR)


def leaky_cells(design: Design) -> tuple[Hyperparameters, ...]:
    """Leaky ReLU's cells over slopes above 0 and rates."""
    return tuple(
        cell for slope in design.slopes if slope > 0 for cell in design.over_rates("leaky_relu", negative_slope=slope)
    )


def cells_of(design: Design, activation: str) -> tuple[Hyperparameters, ...]:
    """The cells among which an activation's rate, and its slope where it has a fixed one, are chosen."""
    return leaky_cells(design) if activation == "leaky_relu" else design.over_rates(activation)


def best(accuracy: Array, loss: Array) -> Array:
    """`[..., R]` index along the first axis of the highest accuracy; among equals, of the lowest loss."""
    tied = accuracy == np.nanmax(accuracy, 0)
    keys = np.where(tied, np.nan_to_num(loss, nan=np.inf), np.inf)
    # Where no tied option has a finite loss, the first of them.
    index: Array = np.where(np.isfinite(keys).any(0), keys.argmin(0), tied.argmax(0))
    return index


def chosen(measured: CellMeasures, cells: Cells, key: str = _TEST_ACCURACY) -> Array:
    """A test measure, in per cent, of the cell that each replicate's validation part chooses."""
    index = best(measured.stack(cells, "accuracy"), measured.stack(cells, "log_loss"))
    return _select(100.0 * measured.stack(cells, key), index)


def _each_at_its_rate(design: Design, measured: CellMeasures) -> tuple[Array, Array, Array]:
    """`[slopes, ..., R]` validation accuracy, log loss and test accuracy at each slope's chosen rate."""
    columns: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for slope in design.slopes:
        cells = design.over_rates("leaky_relu", negative_slope=slope)
        accuracy, loss = measured.stack(cells, "accuracy"), measured.stack(cells, "log_loss")
        index = best(accuracy, loss)
        for column, values in zip(columns, (accuracy, loss, measured.stack(cells, _TEST_ACCURACY)), strict=True):
            column.append(_select(values, index))
    accuracies, losses, tests = (np.stack(column) for column in columns)
    return accuracies, losses, tests


def _test_accuracy(slopes: tuple[Array, Array, Array], index: Array) -> Array:
    """`[..., R]` test accuracy, in per cent, at the slopes of an index, from what `_each_at_its_rate` returns."""
    return _select(100.0 * slopes[2], index)


def _select(values: Array, index: Array) -> Array:
    """`[..., R]` the entries of `[O, ..., R]` at an index along the first axis."""
    selected: Array = np.take_along_axis(values, index[None].astype(np.intp), 0)[0]
    return selected


def _dropout_gain(design: Design, measured: CellMeasures, activation: str) -> Array:
    """Accuracy at the dropout rate above 0 that validates best, minus accuracy without dropout."""
    without, *others = design.over_dropouts(activation)
    return chosen(measured, others) - 100.0 * measured.of(without, _TEST_ACCURACY)


def _centred(values: Array) -> Array:
    """`[O, ..., R]` minus the mean over the first axis of the values that are not NaN."""
    count = np.maximum(1, (~np.isnan(values)).sum(0))
    centred: Array = values - np.nansum(values, 0) / count
    return centred


def _extra_time(measured: CellMeasures, other: str) -> Array:
    """`[n]` time of an ELU layer above another layer's, in per cent; empty where layers were not timed."""
    if not measured.layer_seconds:
        return np.empty(0)
    ratio: Array = measured.layer_seconds["elu"] / measured.layer_seconds[other]
    return 100.0 * (ratio - 1.0)


def _vanishing(design: Design, measured: CellMeasures, activation: str) -> Array:
    """Decades by which the gradient shrinks from the last layer to the first, minus those of ReLU."""

    def decades(name: str) -> Array:
        ratio = measured.of(design.cell(name, depth=design.depths[-1]), "gradient_ratio_start")
        return np.log10(np.maximum(ratio, _SMALLEST_RATIO))

    return decades(activation) - decades("relu")
