"""Each claim's contrast on outcomes made by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from outcome_tables import Table

from search_spaces import Hyperparameters
from search_spaces.design import LINEAR, Design
from study.comparison import contrasts
from study.comparison.cell_measures import CellMeasures, StreamMeasures
from study.comparison.readings import rates_at_edges

DESIGN = Design()
EARLIER = Design.restored(
    {
        "activations": DESIGN.activations,
        "learning_rates": [0.0003, 0.001, 0.003, 0.01],
        "slopes": [0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.9],
        "initializations": ["kaiming_normal", "xavier_normal", "lecun_normal", "orthogonal", "torch_default"],
        "dropouts": [0.0, 0.1, 0.2, 0.3, 0.5],
        "depths": DESIGN.depths,
        "learning_rate": 0.001,
        "width": 64,
    }
)
"""The designs of version 0.1."""


@pytest.fixture
def table() -> Table:
    return Table(DESIGN)


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


def test_what_is_chosen_is_read_on_a_third_stream(table: Table) -> None:
    """Luck on the stream that chooses, or on the one that tunes, is not read."""
    lucky = leaky(0.3, 0.01)
    table.put(lucky, streams=(0,), accuracy=0.99, test_accuracy=0.99)
    table.put(lucky, streams=(1, 2), accuracy=0.5, test_accuracy=0.5)
    # Stream 0 chooses the slope 0.3, and stream 1 or 2 then tunes it to a rate at which it reads like all others.
    assert_allclose(table.contrast(contrasts.leaky_minus_relu), 0.0)
    relu = DESIGN.cell("relu", learning_rate=0.01)
    table.put(relu, streams=(1,), accuracy=0.99, test_accuracy=0.99)
    table.put(relu, streams=(0, 2), test_accuracy=0.7)
    # Stream 1 tunes ReLU to a rate that is read at 0.7 on the other two: in two of six turns.
    assert_allclose(table.contrast(contrasts.leaky_minus_relu), 10.0 * 2 / 6)


def test_a_comparison_of_one_stream_chooses_and_reads_on_it() -> None:
    old = Table(EARLIER)
    old.put(EARLIER.cell("leaky_relu", negative_slope=0.3, learning_rate=0.01), accuracy=0.95, test_accuracy=0.9)
    assert_allclose(old.contrast(contrasts.leaky_minus_relu), 10.0)
    tanh = EARLIER.cell("tanh", initialization="orthogonal")
    assert tanh in EARLIER.cells
    old.put(tanh, accuracy=0.95, test_accuracy=0.88)
    assert_allclose(old.contrast(contrasts.own_minus_common_initialization), [0.0, 0.0])


def test_a_reseeded_network_is_no_better_than_itself() -> None:
    """Where all cells of a rate are alike but for luck, which validation and test part share, contrasts are 0."""
    generator, measured = np.random.default_rng(3), []
    worth = dict(zip(DESIGN.learning_rates, (0.70, 0.75, 0.79, 0.80, 0.79, 0.76, 0.70, 0.60, 0.50), strict=True))
    for _ in range(DESIGN.streams):
        cells = {}
        for cell in DESIGN.cells:
            luck = worth[cell.learning_rate] + 0.02 * generator.standard_normal(40_000)
            accuracy = luck + 0.01 * generator.standard_normal(40_000)
            cells[cell] = {"accuracy": accuracy, "log_loss": 1.0 - accuracy, "test_accuracy": luck}
        measured.append(StreamMeasures(cells))
    for function in (contrasts.best_minus_relu, contrasts.leaky_minus_relu, contrasts.worst_minus_best_slope):
        values = function(DESIGN, CellMeasures(tuple(measured)))
        assert abs(values.mean()) < 4.0 * values.std() / 200
        once = function(DESIGN, CellMeasures(tuple(measured[:1])))  # chooses and reads on the same stream
        assert abs(once.mean()) > 1.0


def test_edges_of_the_rates_are_counted(table: Table) -> None:
    table.put(DESIGN.cell("relu", learning_rate=1.0), accuracy=[0.95, 0.5])
    table.put(DESIGN.cell("tanh", learning_rate=0.01), accuracy=0.95)
    arms = [DESIGN.arm("relu"), DESIGN.arm("tanh"), (DESIGN.cell("relu", depth=10),)]
    assert rates_at_edges(DESIGN, table.measured, arms) == (0.25, 0.25)


def test_zeros_are_of_the_usual_network_and_the_outermost_layer_is_beside_it(table: Table) -> None:
    assert_allclose(table.contrast(contrasts.zeros_margin), 20.0)
    for cell in DESIGN.arm("relu"):
        table.put(cell, test_raw_zeros=[0.45, 0.88])
    assert_allclose(table.contrast(contrasts.zeros_margin), [-5.0, 2.0])
    assert_allclose(table.contrast(contrasts.outermost_zeros_margin), 20.0)
    for cell in DESIGN.arm("relu", initialization="torch_default"):
        table.put(cell, test_raw_zeros_layer0=0.97)
    assert_allclose(table.contrast(contrasts.outermost_zeros_margin), -7.0)


def test_dead_units_are_of_the_usual_network_and_the_worst_layer_is_beside_it(table: Table) -> None:
    for cell in DESIGN.arm("relu"):
        table.put(cell, test_dead=[0.03, 0.05])
    table.put(DESIGN.cell("relu", depth=10), test_dead_layer9=[0.25, 0.5])
    table.put(DESIGN.cell("elu", depth=10), test_dead_layer9=1.0)
    assert_allclose(table.contrast(contrasts.dead_units), [3.0, 5.0])
    assert_allclose(table.contrast(contrasts.most_dead), [25.0, 50.0])


def test_the_score_is_regressed_within_activations(table: Table) -> None:
    for activation in DESIGN.initialized:
        level = 0.1 * len(activation)  # differences between activations must not matter
        arms = {*DESIGN.over_initializations(activation)}
        arms |= {*DESIGN.over_dropouts(activation)} if activation in DESIGN.dropped else set()
        for place, arm in enumerate(sorted(arms, key=repr)):
            sparsity = level + 0.01 * place
            for cell in arm:
                table.put(cell, test_near_zero=sparsity, test_accuracy=[level - 0.2 * sparsity, 0.3 * sparsity])
    assert_allclose(table.contrast(contrasts.score_on_sparsity), [-2.0, 3.0])
    for cell in DESIGN.arm("relu", dropout=0.5):  # diverged: it has an accuracy, and its sparsity means nothing
        table.put(cell, test_near_zero=math.nan, test_accuracy=0.0)
    assert_allclose(table.contrast(contrasts.score_on_sparsity), [-2.0, 3.0])


def test_dropout_gains_are_those_of_the_rate_that_validates_best(table: Table) -> None:
    for cell in DESIGN.arm("relu", dropout=0.2):
        table.put(cell, accuracy=0.95, test_accuracy=0.83)
    for cell in DESIGN.arm("relu", dropout=0.5):
        table.put(cell, accuracy=0.94, test_accuracy=0.99)
    table.put(DESIGN.cell("tanh", dropout=0.1, learning_rate=0.03), accuracy=0.95, test_accuracy=0.82)
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


def test_own_initialization_is_held_against_the_commonly_best(table: Table) -> None:
    for activation in DESIGN.initialized:
        for cell in DESIGN.arm(activation, initialization="xavier_normal"):
            table.put(cell, accuracy=0.92, test_accuracy=0.81)
    for cell in DESIGN.arm("tanh", initialization="orthogonal"):
        table.put(cell, accuracy=0.95, test_accuracy=0.88)
    assert_allclose(table.contrast(contrasts.own_minus_common_initialization), 7.0 / len(DESIGN.initialized))
    for cell in DESIGN.arm("tanh", initialization="torch_default"):
        table.put(cell, accuracy=0.5, test_accuracy=0.1)  # a bad one is nobody's own and not the common one
    assert_allclose(table.contrast(contrasts.own_minus_common_initialization), 7.0 / len(DESIGN.initialized))


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


def test_layers_are_compared_process_by_process(table: Table) -> None:
    seconds = {"elu": [[2.0, 3.0, 9.0]], "relu": [[1.0, 2.0, 3.0]], "leaky_relu": [[2.0, 2.0, 9.0]]}
    clock = {name: np.array([*rounds, *rounds]) for name, rounds in seconds.items()}
    measured = CellMeasures(table.measured.streams, clock)
    assert_allclose(contrasts.elu_over_relu(DESIGN, measured), [100.0, 100.0])
    assert_allclose(contrasts.elu_over_leaky(DESIGN, measured), [0.0, 0.0])
