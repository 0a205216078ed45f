"""How far effects differ, against published numbers of statsmodels 0.14 and simulations with what was planted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from study.comparison.heterogeneity import paule_mandel, predictive

# Log risk ratios of tuberculosis after BCG vaccination and their variances (Colditz et al. 1994), to six digits.
RATIOS = np.array(
    [
        -0.889311,
        -1.585389,
        -1.348073,
        -1.441551,
        -0.217547,
        -0.786116,
        -1.620898,
        0.011952,
        -0.469418,
        -1.371345,
        -0.339359,
        0.445913,
        -0.017314,
    ]
)
VARIANCES = np.array(
    [
        0.325585,
        0.194581,
        0.415368,
        0.020010,
        0.051210,
        0.006906,
        0.223017,
        0.003962,
        0.056434,
        0.073025,
        0.012412,
        0.532506,
        0.071405,
    ]
)


def test_the_weighted_mean_is_that_of_statsmodels() -> None:
    """`combine_effects(RATIOS, VARIANCES, method_re="pm", use_t=True)`: its line "random effect wls"."""
    found = paule_mandel(RATIOS, VARIANCES, 0.95)
    assert found is not None
    assert found.tau**2 == pytest.approx(0.318068, abs=2e-5)
    assert found.estimate == pytest.approx(-0.714968, abs=2e-5)
    assert found.interval == pytest.approx((-1.109098, -0.320838), abs=2e-5)


def test_effects_that_differ_less_than_they_err_have_no_heterogeneity() -> None:
    found = paule_mandel(np.array([0.1, 0.2, 0.3]), np.ones(3), 0.95)
    assert found is not None
    assert found.tau == 0.0
    assert found.estimate == pytest.approx(0.2)
    assert paule_mandel(np.array([0.1, 0.2]), np.array([np.nan, np.nan]), 0.95) is None


def test_without_known_variances_all_spread_is_between_data_sets() -> None:
    values = np.array([0.3, -0.2, 1.1, 0.4])
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) * math.sqrt(1 + 1 / 4)
    low, high = predictive(values, np.full(4, np.nan)).interval(0.95)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), rel=2e-3)


def test_a_distribution_is_one() -> None:
    found = predictive(RATIOS, VARIANCES)
    x = np.linspace(-8.0, 8.0, 1_601)
    assert found.density(x) @ np.full(len(x), x[1] - x[0]) == pytest.approx(1.0, abs=1e-3)
    low, high = found.interval(0.95)
    assert found.below(high) - found.below(low) == pytest.approx(0.95)
    assert found.below(found.centre) == pytest.approx(0.5)


def test_equal_estimates_without_errors_predict_themselves() -> None:
    assert predictive(np.full(3, 0.7), np.zeros(3)).interval(0.95) == pytest.approx((0.7, 0.7))


@pytest.mark.parametrize(("tau", "least", "most"), [(0.0, 0.95, 1.0), (0.7, 0.93, 0.99), (3.0, 0.93, 0.97)])
def test_prediction_intervals_hold_new_effects(tau: float, least: float, most: float) -> None:
    """Where τ² is plugged in, the case in the middle has 0.80."""
    generator = np.random.default_rng(0)
    variances, held = np.geomspace(0.02, 4.0, 20), []
    variances /= variances.mean()
    for _ in range(400):
        effects = tau * generator.standard_normal(21)
        estimates = effects[:20] + np.sqrt(variances) * generator.standard_normal(20)
        low, high = predictive(estimates, variances * generator.chisquare(9, 20) / 9).interval(0.95)
        held.append(low <= effects[20] <= high)
    assert least <= np.mean(held) <= most
