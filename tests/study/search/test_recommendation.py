"""The rule of recommendation: on trials made by hand, and on planted scores, of which the truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from trials import CONFIG, own_trial

from benchmarks.recommendation import PLANTED, SEEDS, SPREADS, regrets
from study.config import StudyConfig
from study.search.recommendation import equivalence_margin, expected_regret, recommend, regret_of

BEST = own_trial(1, [0.950, 0.960, 0.970], 0.1)


def tolerating(points: float) -> StudyConfig:
    return CONFIG.model_copy(update={"tolerance": points})


def test_the_sparsest_of_those_within_the_tolerance_is_recommended() -> None:
    far, close = own_trial(2, [0.930, 0.950, 0.970], 0.5), own_trial(3, [0.955, 0.950, 0.967], 0.3)
    assert recommend([BEST, far, close], tolerating(0.5)).number == 3
    assert recommend([BEST, far], tolerating(0.5)).number == 1
    assert recommend([BEST, far, close], tolerating(0)).number == 1


def test_a_difference_that_is_certain_is_no_equivalence_however_small() -> None:
    worse = own_trial(2, [0.947, 0.957, 0.967], 0.5)
    assert recommend([BEST, worse], tolerating(0.5)).number == 1


def test_a_single_replicate_leaves_the_tolerance() -> None:
    best, sparse = own_trial(1, [0.95], 0.1), own_trial(2, [0.946], 0.5)
    assert recommend([best, sparse], tolerating(0.5)).number == 2
    assert recommend([best, sparse], tolerating(0.3)).number == 1


def test_a_diverged_replicate_says_nothing_of_the_spread_of_others() -> None:
    close = own_trial(3, [0.955, 0.950, 0.967], 0.3)
    diverged = replace(own_trial(0, [0.95, 0.10, 0.96], 0.0), diverged=True)
    assert recommend([BEST, close, diverged], tolerating(100.0)).number == recommend([BEST, close], CONFIG).number
    assert regret_of(close, [BEST, close, diverged], CONFIG) == regret_of(close, [BEST, close], CONFIG)


def test_the_order_of_the_trials_does_not_matter() -> None:
    close = own_trial(3, [0.955, 0.950, 0.967], 0.3)
    assert recommend([close, BEST], CONFIG) == recommend([BEST, close], CONFIG)


@pytest.mark.parametrize("options", [{"dropout": 0.2}, {"activation": "leaky_relu", "negative_slope": 0.1}])
def test_of_equally_sparse_trials_the_simplest_is_recommended(options: dict[str, Any]) -> None:
    """Sparsities that are shown alike are alike."""
    plain = {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.0}
    simple, other = own_trial(5, [0.95], 0.3001, **plain), own_trial(4, [0.95], 0.3004, **{**plain, **options})
    assert recommend([other, simple], tolerating(0.5)).number == 5
    assert recommend([own_trial(0, [0.95], 0.3, **{**plain, **options}), other, simple], tolerating(0.5)).number == 0


def test_the_margin_of_two_trials_is_half_the_paired_t_interval() -> None:
    first, second = np.array([0.90, 0.93, 0.95]), np.array([0.88, 0.93, 0.90])
    interval = stats.ttest_rel(first, second).confidence_interval(0.95)
    half = (interval.high - interval.low) / 2
    assert equivalence_margin([list(first), list(second)], 1.0) == pytest.approx(half)


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("spread", SPREADS)
def test_the_regret_that_is_shown_is_the_true_one(name: str, seeds: int, spread: float) -> None:
    """On planted scores, of which the truth is known; 0.03 points are left for the noise of few simulated fronts."""
    found = regrets(name, seeds, spread, fronts=300)
    assert found.shown == pytest.approx(found.actual, abs=0.13)
    assert found.actual <= 0.5


def test_the_expected_regret_of_two_trials_is_that_of_a_normal_difference() -> None:
    """E max(d, 0) of a normal difference d with mean m and error s is m Φ(m/s) + s φ(m/s) (Clark 1961)."""
    scores = np.array([[0.95, 0.97, 0.96, 0.93], [0.96, 0.95, 0.97, 0.94]])
    difference = scores[0] - scores[1]
    mean, error = difference.mean(), difference.std(ddof=1) / 2
    known = mean * stats.norm.cdf(mean / error) + error * stats.norm.pdf(mean / error)
    assert expected_regret(scores.tolist(), 1) == pytest.approx(known, abs=1e-9)


def test_the_best_of_several_has_an_expected_regret_and_a_single_seed_tells_none() -> None:
    assert expected_regret([[0.95, 0.97], [0.96, 0.95]], 0) > 0.0  # type: ignore[operator]
    assert expected_regret([[0.95], [0.96]], 0) is None
    assert expected_regret([[0.95, 0.96]], 0) == 0.0


@pytest.mark.parametrize(
    ("objective", "weight", "chosen"), [("accuracy", 0.1, 1), ("weighted", 0.1, 2), ("weighted", 0.01, 1)]
)
def test_a_single_objective_recommends_its_best_trial(objective: str, weight: float, chosen: int) -> None:
    """The tolerance would let the sparsest win: 3 lies within it under both objectives."""
    config = tolerating(2.0).model_copy(update={"objective": objective, "sparsity_weight": weight})
    trials = [
        replace(own_trial(number, scores, sparsity), by_seed={"near_zero": [sparsity - 0.01, sparsity + 0.01]})
        for number, scores, sparsity in (
            (1, [0.960, 0.970], 0.10),
            (2, [0.955, 0.965], 0.40),
            (3, [0.910, 0.980], 0.50),
        )
    ]
    assert recommend(trials, config).number == chosen
    assert recommend(trials, tolerating(2.0)).number == 3
