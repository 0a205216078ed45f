"""The contrasts of claims 13 to 20, 22 and 24 on outcomes made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from outcome_tables import Table

from search_spaces.claim_cells import NORMALIZED, RATE_FACTOR, drifting, rates_too_high, shuffled
from search_spaces.design import Design
from study.comparison import penalty_contrasts, training_contrasts
from study.comparison.cell_measures import CellMeasures, StreamMeasures, training_loss_key

DESIGN = Design(learning_rates=(0.001, 0.01), claims=(13, 14, 15, 16, 17, 18, 19, 20, 22, 24))


@pytest.fixture
def table() -> Table:
    return Table(DESIGN, epochs=4)


def test_the_best_smooth_activation_is_chosen_by_validation_and_each_has_its_own_rate(table: Table) -> None:
    table.put(DESIGN.cell("silu", learning_rate=0.01), accuracy=0.95, test_accuracy=0.83)
    table.put(DESIGN.cell("gelu", learning_rate=0.001), accuracy=0.94, test_accuracy=0.99)
    table.put(DESIGN.cell("relu", learning_rate=0.01), accuracy=0.91, test_accuracy=[0.81, 0.85])
    # SiLU validates best and has 83 %; ReLU at its best rate has 81 and 85 %.
    assert_allclose(table.contrast(training_contrasts.smooth_minus_relu), [2.0, -2.0])


def test_speed_is_in_epochs_to_a_loss_that_both_reach_and_in_loss_over_all_epochs(table: Table) -> None:
    curves = {"relu": (8.0, 4.0, 2.0, 1.0), "tanh": (4.0, 2.0, 1.0, 0.5), "elu": (8.0, 8.0, 4.0, 2.0)}
    for name, curve in curves.items():
        for cell in DESIGN.arm(name):
            table.put(cell, **{training_loss_key(epoch): loss for epoch, loss in enumerate(curve)})
    # ReLU's final loss of 1 is reached by tanh an epoch earlier; ELU's 2 by ReLU an epoch earlier: -25 and +25 %.
    assert_allclose(table.contrast(training_contrasts.centred_epochs), 0.0)
    # The losses sum to 15, 7.5 and 22: 7.5 less of a mean of 11.25, and 7 more of a mean of 18.5.
    assert_allclose(table.contrast(training_contrasts.centred_loss), 100 * (-7.5 / 11.25 + 7 / 18.5) / 2)
    for cell in DESIGN.arm("elu"):
        table.put(cell, **{training_loss_key(epoch): loss for epoch, loss in enumerate(curves["tanh"])})
    assert_allclose(table.contrast(training_contrasts.centred_epochs), -25.0)


def test_a_network_that_diverged_has_no_speed(table: Table) -> None:
    for cell in DESIGN.arm("tanh"):
        table.put(cell, **{training_loss_key(epoch): [1.0, math.nan] for epoch in range(4)})
    assert_allclose(table.contrast(training_contrasts.centred_epochs), [0.0, math.nan])


def test_units_die_at_ten_times_the_rate_that_was_tuned_for_the_usual_network(table: Table) -> None:
    usual, high = DESIGN.arm("relu"), rates_too_high(DESIGN)
    assert [cell.learning_rate for cell in high] == [RATE_FACTOR * cell.learning_rate for cell in usual]
    table.put(usual[0], accuracy=0.95, test_dead=0.02)
    table.put(usual[1], test_dead=0.9)
    table.put(high[0], accuracy=0.1, test_dead=[0.12, 0.32])
    table.put(high[1], accuracy=0.99, test_dead=0.9)  # ten times a rate that was not tuned, although it validates best
    assert_allclose(table.contrast(training_contrasts.dead_by_rate), [10.0, 30.0])
    # 12 % is 8 points short of 20 %; 32 % lies 8 points within 40 %.
    assert_allclose(table.contrast(training_contrasts.dead_as_often_said), [-8.0, 8.0])


def test_a_bias_above_zero_is_held_against_zero_ten_layers_deep(table: Table) -> None:
    for cell in DESIGN.arm("relu", depth=10, bias=0.1):
        table.put(cell, test_dead=[0.05, 0.2])
    for cell in DESIGN.arm("relu", depth=10):
        table.put(cell, test_dead=0.15)
    assert_allclose(table.contrast(training_contrasts.dead_by_bias), [-10.0, 5.0])


def test_what_the_activation_matters_is_compared_between_networks_with_and_without_normalization(table: Table) -> None:
    # Accuracy of the best and of the worst activation by validation; the others have 80 %.
    for kind, best, worst in (("none", 0.88, 0.7), ("batch", 0.83, [0.79, 0.81]), ("layer", 0.82, 0.6)):
        for cell in DESIGN.arm("gelu", normalization=kind):
            table.put(cell, accuracy=0.95, test_accuracy=best)
        for cell in DESIGN.arm("sigmoid", normalization=kind):
            table.put(cell, accuracy=0.6, test_accuracy=worst)
    assert_allclose(table.contrast(training_contrasts.spread_with_batch), [4.0, 2.0])
    assert_allclose(table.contrast(training_contrasts.spread_with_layer), 22.0)
    assert_allclose(table.contrast(training_contrasts.spread_without_minus_batch), [14.0, 16.0])
    assert_allclose(table.contrast(training_contrasts.spread_without_minus_layer), -4.0)


def test_each_normalized_activation_is_chosen_on_one_stream_tuned_on_another_and_read_on_a_third(table: Table) -> None:
    for kind in ("none", "batch", "layer"):
        for name in NORMALIZED:
            table.put(DESIGN.cell(name, normalization=kind, learning_rate=0.01), accuracy=0.95, test_accuracy=0.85)
    # All tune the rate 0.01, at which none differs from another; what the other rate has is never read.
    table.put(DESIGN.cell("tanh", normalization="batch", learning_rate=0.001), test_accuracy=0.2)
    table.put(DESIGN.cell("elu", normalization="batch", learning_rate=0.01), streams=(0,), accuracy=0.99)
    table.put(DESIGN.cell("elu", normalization="batch", learning_rate=0.01), streams=(0,), test_accuracy=0.95)
    # Stream 0 chooses ELU, which the other streams read without that stream's luck.
    assert_allclose(table.contrast(training_contrasts.spread_with_batch), 0.0)


def test_selu_with_lecuns_start_is_held_against_relu_with_hes_at_either_depth(table: Table) -> None:
    table.put(DESIGN.cell("selu", depth=10, initialization="lecun_normal", learning_rate=0.01), accuracy=1.0)
    for cell in DESIGN.arm("selu", depth=10, initialization="lecun_normal"):
        table.put(cell, test_accuracy=0.86)
    for cell in DESIGN.arm("relu", depth=20):
        table.put(cell, test_accuracy=0.7)
    assert_allclose(table.contrast(training_contrasts.selu_minus_relu_deep), 6.0)
    assert_allclose(table.contrast(training_contrasts.selu_minus_relu_deepest), 10.0)


def test_what_the_initialization_matters_grows_with_depth(table: Table) -> None:
    for depth, worst in ((2, 0.78), (10, 0.7), (20, 0.5)):
        for cell in DESIGN.arm("relu", depth=depth, initialization="torch_default"):
            table.put(cell, accuracy=0.6, test_accuracy=worst)
    assert_allclose(table.contrast(training_contrasts.initializations_shallow), 2.0)
    # 80 - 70 ten layers deep and 80 - 50 twenty, each beyond the usual network's 2.
    assert_allclose(table.contrast(training_contrasts.initializations_deeper), 8.0)
    assert_allclose(table.contrast(training_contrasts.initializations_deepest), 28.0)


def test_the_random_slope_is_held_against_the_slope_that_validates_best(table: Table) -> None:
    for cell in DESIGN.arm("leaky_relu", negative_slope=0.3):
        table.put(cell, accuracy=0.95, test_accuracy=[0.84, 0.79])
    for cell in DESIGN.arm("relu"):
        table.put(cell, accuracy=0.99, test_accuracy=0.99)  # slope 0 is none of leaky ReLU's
    for cell in DESIGN.arm("rrelu"):
        table.put(cell, test_accuracy=0.82)
    assert_allclose(table.contrast(training_contrasts.random_minus_best_slope), [-2.0, 3.0])


def test_sparsity_is_regressed_on_log_width(table: Table) -> None:
    for width, share in ((16, (0.3, 0.5)), (64, (0.4, 0.5)), (256, (0.5, 0.2))):
        for cell in DESIGN.arm("relu", width=width):
            table.put(cell, test_near_zero=share)
    # 10 points for four times the width are 20 for sixteen times; 50, 50, 20 have the slope (20 - 50) / 2 a step.
    assert_allclose(table.contrast(training_contrasts.near_zero_by_width), [20.0, -30.0])


def test_shuffled_labels_are_held_against_true_ones_at_the_rate_that_was_tuned_for_these(table: Table) -> None:
    usual, random = DESIGN.arm("relu"), shuffled(DESIGN)
    assert [cell.learning_rate for cell in random] == [cell.learning_rate for cell in usual]
    table.put(usual[1], accuracy=0.95, test_near_zero=0.4)
    table.put(random[1], accuracy=0.1, test_near_zero=[0.55, 0.32])
    table.put(random[0], accuracy=0.2, test_near_zero=0.9)  # validates better, by luck: there is nothing to learn
    assert_allclose(table.contrast(training_contrasts.near_zero_of_shuffled), [15.0, -8.0])


def test_under_drift_relu_is_held_against_the_slope_that_validates_best_after_it(table: Table) -> None:
    for cell in drifting(DESIGN, 0.1):
        table.put(cell, accuracy=0.95, test_accuracy=[0.84, 0.79])
    for cell in (*DESIGN.arm("leaky_relu", negative_slope=0.9), *DESIGN.arm("relu")):
        table.put(cell, accuracy=0.99, test_accuracy=0.99)  # without drift
    relu = drifting(DESIGN, 0.0)
    table.put(relu[1], accuracy=0.92, test_accuracy=0.78)  # at the rate that is tuned for the last of the tasks
    table.put(relu[0], test_accuracy=0.3)
    assert {cell.activation for cell in relu} == {"relu"}
    assert_allclose(table.contrast(training_contrasts.leaky_minus_relu_drifting), [6.0, 1.0])


def test_units_that_died_on_the_way_are_those_beyond_as_many_epochs_without_drift(table: Table) -> None:
    for cell in drifting(DESIGN, 0.0):
        table.put(cell, test_dead=[0.3, 0.05])
    for cell in DESIGN.arm("relu"):
        table.put(cell, test_dead=0.1)
    assert_allclose(table.contrast(training_contrasts.dead_by_drift), [20.0, -5.0])


def test_where_nothing_differs_choosing_finds_nothing() -> None:
    """All cells of a rate are alike but for luck, which validation and test part share."""
    design = Design(
        learning_rates=(0.001, 0.01), slopes=(0.0, 0.01, 0.1, 0.3, 0.5), claims=(13, 17, 19, 20, 21, 22, 23, 24, 26, 27)
    )
    generator, measured, count = np.random.default_rng(5), [], 4000
    for _ in range(design.streams):
        cells = {}
        for cell in design.cells:
            luck = 0.8 + 10 * (cell.learning_rate - 0.001) + 0.02 * generator.standard_normal(count)
            zeros, loss = 0.7 + 0.1 * generator.standard_normal(count), 1.0 - luck
            cells[cell] = {"accuracy": luck, "log_loss": loss, "test_accuracy": luck, training_loss_key(0): loss}
            cells[cell] |= {"test_near_zero": 0.5 + (luck - 0.8), "test_raw_zeros": zeros}
        measured.append(StreamMeasures(cells))
    for function, gains in (
        (training_contrasts.smooth_minus_relu, True),
        (training_contrasts.spread_with_batch, True),
        (training_contrasts.spread_without_minus_layer, False),
        (training_contrasts.initializations_shallow, True),
        (training_contrasts.initializations_deepest, False),
        (training_contrasts.random_minus_best_slope, True),
        (training_contrasts.near_zero_of_shuffled, False),
        (training_contrasts.leaky_minus_relu_drifting, True),
        (penalty_contrasts.ninety_minus_fifty, False),
        (penalty_contrasts.l1_minus_l2, False),
        (penalty_contrasts.penalized_minus_leaky, False),
    ):
        values = function(design, CellMeasures(tuple(measured), epochs=1))
        values = values[~np.isnan(values)]
        assert len(values) > count / 10, function.__name__
        assert abs(values.mean()) < 4.0 * values.std() / math.sqrt(len(values)), function.__name__
        if gains:  # one stream that chooses, tunes and is read finds what is not there
            once = function(design, CellMeasures(tuple(measured[:1]), epochs=1))
            assert abs(once.mean()) > 1.0, function.__name__
