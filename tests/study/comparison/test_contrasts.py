"""Each claim's contrast on outcomes made by hand, and on outcomes whose effects were planted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks.coverage import know, margin, parts, simulate
from benchmarks.planted import Outcomes
from search_spaces import Hyperparameters
from search_spaces.design import LINEAR, Design
from study.comparison import contrasts
from study.comparison.cell_measures import CellMeasures
from study.comparison.claims import CLAIMS, LEVEL
from study.comparison.verdicts import deciding, estimate_contrast, find
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


def test_every_interval_agrees_with_its_verdict_and_the_claim_with_its_evidence() -> None:
    measured = Outcomes(DESIGN, 1, 10, 0.25, seed=3).measured
    flat = CellMeasures(
        {cell: _Row(measured, cell) for cell in DESIGN.cells}, {k: v[0] for k, v in measured.layer_seconds.items()}
    )
    found = find(DESIGN, flat, 1 / 3)
    assert [finding.id for finding in found] == list(range(1, 13))
    for finding in found:
        assert finding.deciding in finding.estimates
        for evidence in finding.estimates:
            assert evidence.interval is not None
            (low, high), (least, most) = evidence.interval, evidence.rope
            assert low <= evidence.estimate <= high  # type: ignore[operator]
            inside = least <= low and high <= most
            assert (evidence.verdict == "no practical difference") == inside
            assert (evidence.verdict in ("supported", "refuted")) == (low > most or high < least)
            assert evidence.change


class _Row(dict[str, Array]):
    """The first simulated data set of a cell."""

    def __init__(self, measured: CellMeasures, cell: Hyperparameters) -> None:
        self._measured, self._cell = measured, cell

    def __missing__(self, name: str) -> Array:
        values: Array = self._measured.of(self._cell, name)[0]
        return values


@pytest.mark.parametrize(
    ("claim", "verdicts", "decides"),
    [
        (7, ("no practical difference", "supported"), 1),  # not sparse is enough where it also saturates
        (7, ("no practical difference", "no practical difference"), 0),
        (7, ("refuted", "supported"), 0),
        (3, ("supported", "undecided"), 1),
        (3, ("supported", "no practical difference"), 0),
        (3, ("no practical difference", "supported"), 0),
        (8, ("refuted", "supported"), 1),
        (8, ("refuted", "undecided"), 1),
        (8, ("no practical difference", "refuted"), 0),
        (11, ("no practical difference", "supported"), 0),
    ],
)
def test_which_evidence_decides(claim: int, verdicts: tuple[str, ...], decides: int) -> None:
    chosen = CLAIMS[claim - 1]
    spans = {"supported": (60.0, 70.0), "refuted": (-70.0, -60.0), "undecided": (-60.0, 60.0)}
    evidence = []
    for part, verdict in zip(chosen.contrasts, verdicts, strict=True):
        low, high = spans.get(verdict, (-0.001, 0.001))
        low, high = (low, high) if part.region.above else (-high, -low)
        weighed = estimate_contrast(part, np.linspace(low, high, 4001), 0.0, 0.95)
        wide = estimate_contrast(part, np.array([low, high]), 0.0, 0.95)
        evidence.append(wide if verdict == "undecided" else weighed)
    assert tuple(each.verdict for each in evidence) == verdicts
    assert deciding(chosen, evidence) == decides


def test_one_seed_gives_an_estimate_and_no_interval() -> None:
    part = CLAIMS[1].contrasts[0]
    evidence = estimate_contrast(part, np.array([1.5]), 1 / 3, LEVEL)
    assert (evidence.estimate, evidence.interval, evidence.verdict) == (1.5, None, "undecided")
    assert "one seed gives no interval" in evidence.change
    nothing = estimate_contrast(part, np.array([math.nan]), 1 / 3, LEVEL)
    assert (nothing.estimate, nothing.interval) == (None, None)


def test_equal_counts_are_no_spread_to_judge_by() -> None:
    """Two seeds on 30 test samples often count the same; that shows no equality within half a point."""
    accuracy, dead = CLAIMS[1].contrasts[0], CLAIMS[3].contrasts[0]
    evidence = estimate_contrast(accuracy, np.zeros(2), 1 / 3, LEVEL)
    assert (evidence.estimate, evidence.interval, evidence.verdict) == (0.0, None, "undecided")
    assert "no spread to judge by" in evidence.change
    assert estimate_contrast(dead, np.zeros(10), 1 / 3, LEVEL).verdict == "no practical difference"


def test_what_would_change_an_undecided_verdict_does_change_it() -> None:
    part = CLAIMS[1].contrasts[0]
    values = np.random.default_rng(2).normal(1.0, 0.3, 6)
    evidence = estimate_contrast(part, values, 0.01, LEVEL)
    assert evidence.verdict == "undecided"
    needed = int(evidence.change.split()[1])
    standard = (values - values.mean()) / values.std(ddof=1)

    def verdict(count: int) -> str:
        more = np.resize(standard, count)
        more = (more - more.mean()) / more.std(ddof=1) * values.std(ddof=1) + values.mean()
        return estimate_contrast(part, more, 0.01, LEVEL).verdict

    assert (verdict(needed - 1), verdict(needed)) == ("undecided", "supported")
    assert "times the rows" in estimate_contrast(part, values * 3 - 1.9, 1 / 3, LEVEL).change


@pytest.mark.parametrize("null", [False, True], ids=["effects", "no effects"])
def test_intervals_hold_what_was_planted(null: bool) -> None:
    """The whole simulation, 20,000 data sets a case, is `python -m benchmarks.coverage`."""
    known, count = know(DESIGN, null=null, replicates=10_000), 800
    for seeds in (5, 10, 20):
        trial = simulate(DESIGN, known, seeds=seeds, data_sets=count, null=null, seed=10**6)
        assert len(trial.contrasts) == len(parts())
        for each in trial.contrasts:
            assert abs(each.covered - 0.95) < 0.015 + 1.5 * margin(0.95, count), each
        assert trial.family_missed < 0.05 + 0.01 + 1.5 * margin(0.05, count)
        assert trial.family_called < 0.05


def test_the_correction_is_needed() -> None:
    """Without it, intervals over resampled splits miss what they should hold far more often than they may."""
    measured = Outcomes(DESIGN, 2000, 10, 0.25, seed=5).measured
    values = measured.of(DESIGN.cell("relu"), "gradient_ratio_start")
    logs = np.log10(values)
    half = 2.262 * logs.std(axis=1, ddof=1) / math.sqrt(10)
    assert (np.abs(logs.mean(1)) <= half).mean() < 0.75
