"""Each claim's contrast on outcomes made by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from search_spaces import Hyperparameters
from search_spaces.design import LINEAR, Design
from study.comparison import contrasts
from study.comparison.cell_measures import CellMeasures
from study.intervals import Array

DESIGN = Design()


class Table(dict[Hyperparameters, dict[str, Array]]):
    """Outcomes of two replicates: all alike but for what a test sets."""

    def __init__(self) -> None:
        usual: dict[str, Any] = {
            "accuracy": 0.9,
            "log_loss": 0.3,
            "test_accuracy": 0.8,
            "generalization_gap": 0.05,
            "near_zero": 0.3,
            "gradient_ratio_start": 1.0,
            **dict.fromkeys(("test_near_zero", "test_saturation", "test_removable"), 0.1),
            **{f"test_raw_zeros_layer{layer}": 0.7 for layer in range(10)},
            **{f"test_dead_layer{layer}": 0.0 for layer in range(10)},
        }
        super().__init__({cell: {name: np.full(2, value) for name, value in usual.items()} for cell in DESIGN.cells})

    def put(self, cell: Hyperparameters, **values: Any) -> None:
        for name, value in values.items():
            self[cell][name] = np.broadcast_to(np.array(value, dtype=float), 2).copy()

    def contrast(self, function: Any) -> Array:
        result: Array = function(DESIGN, CellMeasures(self))
        return result


@pytest.fixture
def table() -> Table:
    return Table()


def leaky(slope: float, rate: float) -> Hyperparameters:
    return DESIGN.cell("leaky_relu", negative_slope=slope, learning_rate=rate)


def test_slope_and_rate_are_chosen_by_validation_and_read_on_test_in_each_replicate(table: Table) -> None:
    table.put(leaky(0.3, 0.01), accuracy=[0.95, 0.90], test_accuracy=[0.83, 0.99])
    table.put(leaky(0.1, 0.001), accuracy=[0.94, 0.93], test_accuracy=[0.99, 0.82])
    table.put(DESIGN.cell("relu", learning_rate=0.003), accuracy=[0.91, 0.0], test_accuracy=[0.81, 0.99])
    assert_allclose(table.contrast(contrasts.leaky_minus_relu), [2.0, 2.0])


def test_among_equal_accuracies_the_lower_log_loss_is_chosen(table: Table) -> None:
    table.put(DESIGN.cell("relu", learning_rate=0.01), log_loss=[0.2, math.nan], test_accuracy=[0.7, 0.1])
    assert_allclose(table.contrast(contrasts.leaky_minus_relu), [10.0, 0.0])


def test_slope_zero_is_relu_and_the_worst_slope_validates_worst(table: Table) -> None:
    for rate in DESIGN.learning_rates:
        table.put(leaky(0.9, rate), accuracy=0.5, test_accuracy=0.6)
        table.put(DESIGN.cell("relu", learning_rate=rate), accuracy=0.97, test_accuracy=0.85)
        table.put(DESIGN.cell("prelu", learning_rate=rate), test_accuracy=0.84)
    assert_allclose(table.contrast(contrasts.worst_minus_best_slope), -25.0)
    assert_allclose(table.contrast(contrasts.prelu_minus_best_slope), -1.0)


def test_the_outermost_layer_is_the_nearest_to_either_bound(table: Table) -> None:
    assert_allclose(table.contrast(contrasts.zeros_margin), 20.0)
    table.put(DESIGN.cell("relu", initialization="orthogonal"), test_raw_zeros_layer1=[0.45, 0.88])
    assert_allclose(table.contrast(contrasts.zeros_margin), [-5.0, 2.0])
    table.put(DESIGN.cell("relu", initialization="torch_default"), test_raw_zeros_layer0=0.97)
    assert_allclose(table.contrast(contrasts.zeros_margin), -7.0)


def test_most_dead_looks_into_every_depth_and_initialization(table: Table) -> None:
    table.put(DESIGN.cell("relu", initialization="torch_default", depth=10), test_dead_layer9=[0.25, 0.5])
    table.put(DESIGN.cell("elu", depth=10), test_dead_layer9=1.0)
    assert_allclose(table.contrast(contrasts.most_dead), [25.0, 50.0])


def test_the_gap_is_regressed_within_activations(table: Table) -> None:
    for activation in contrasts.nonlinear(DESIGN):
        level = 0.1 * len(activation)  # differences between activations must not matter
        cells = set(DESIGN.over_dropouts(activation)) | set(DESIGN.over_initializations(activation))
        for place, cell in enumerate(sorted(cells, key=repr)):
            sparsity = level + 0.01 * place
            table.put(cell, near_zero=sparsity, generalization_gap=[level - 0.2 * sparsity, 0.3 * sparsity])
    assert_allclose(table.contrast(contrasts.gap_on_sparsity), [-2.0, 3.0])
    broken = DESIGN.cell("relu", dropout=0.5)
    table.put(broken, near_zero=0.0, generalization_gap=[math.nan, math.nan])
    assert_allclose(table.contrast(contrasts.gap_on_sparsity), [-2.0, 3.0])


def test_dropout_gains_are_those_of_the_rate_that_validates_best(table: Table) -> None:
    table.put(DESIGN.cell("relu", dropout=0.2), accuracy=0.95, test_accuracy=0.83)
    table.put(DESIGN.cell("relu", dropout=0.5), accuracy=0.94, test_accuracy=0.99)
    table.put(DESIGN.cell("tanh", dropout=0.1), accuracy=0.95, test_accuracy=0.82)
    table.put(DESIGN.cell("relu"), accuracy=0.99)
    assert_allclose(table.contrast(contrasts.relu_gain), 3.0)
    assert_allclose(table.contrast(contrasts.relu_gain_minus_tanh_gain), 1.0)


@pytest.mark.parametrize(
    ("function", "activation", "name"),
    [
        (contrasts.tanh_near_zero, "tanh", "test_near_zero"),
        (contrasts.tanh_saturation, "tanh", "test_saturation"),
        (contrasts.sigmoid_near_zero, "sigmoid", "test_near_zero"),
        (contrasts.sigmoid_removable, "sigmoid", "test_removable"),
    ],
)
def test_shares_are_beyond_the_linear_network(table: Table, function: Any, activation: str, name: str) -> None:
    table.put(DESIGN.cell(activation, learning_rate=0.003), accuracy=0.95, **{name: 0.6})
    table.put(DESIGN.cell(LINEAR, learning_rate=0.01), accuracy=0.95, **{name: 0.2})
    assert_allclose(table.contrast(function), 40.0)


def test_regret_is_the_mean_over_activations(table: Table) -> None:
    table.put(DESIGN.cell("tanh", initialization="orthogonal"), accuracy=0.95, test_accuracy=0.88)
    table.put(DESIGN.cell("tanh", initialization="torch_default"), accuracy=0.5, test_accuracy=0.4)
    assert_allclose(table.contrast(contrasts.mismatch_regret), 48.0 / 8)


def test_gradients_vanish_in_decades_beyond_relu(table: Table) -> None:
    table.put(DESIGN.cell("sigmoid", depth=10), gradient_ratio_start=[1e-5, 0.0])
    table.put(DESIGN.cell("relu", depth=10), gradient_ratio_start=0.1)
    assert_allclose(table.contrast(contrasts.sigmoid_vanishing), [-4.0, -29.0])
    assert_allclose(table.contrast(contrasts.tanh_vanishing), 1.0)


def test_the_best_activation_may_be_relu_itself(table: Table) -> None:
    table.put(DESIGN.cell("relu", learning_rate=0.01), accuracy=[0.95, 0.9], test_accuracy=[0.82, 0.8])
    table.put(DESIGN.cell("gelu", learning_rate=0.01), accuracy=[0.94, 0.95], test_accuracy=[0.99, 0.85])
    table.put(DESIGN.cell(LINEAR), accuracy=0.99, test_accuracy=0.99)
    assert_allclose(table.contrast(contrasts.best_minus_relu), [0.0, 5.0])


def test_layers_are_compared_round_by_round(table: Table) -> None:
    clock = {"elu": np.array([2.0, 3.0]), "relu": np.array([1.0, 2.0]), "leaky_relu": np.array([2.0, 2.0])}
    assert_allclose(contrasts.elu_over_relu(DESIGN, CellMeasures(table, clock)), [100.0, 50.0])
    assert_allclose(contrasts.elu_over_leaky(DESIGN, CellMeasures(table, clock)), [0.0, 50.0])
