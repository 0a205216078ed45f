"""The rule of recommendation: on trials made by hand, and on planted scores, of which the truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from trials import own_trial

from benchmarks.recommendation import PLANTED, regrets
from study.search.recommendation import equivalence_margin, recommend

BEST = own_trial(1, [0.950, 0.960, 0.970], 0.1)


def test_the_sparsest_of_those_within_the_tolerance_is_recommended() -> None:
    far, close = own_trial(2, [0.930, 0.950, 0.970], 0.5), own_trial(3, [0.955, 0.950, 0.967], 0.3)
    assert recommend([BEST, far, close], 0.005).number == 3
    assert recommend([BEST, far], 0.005).number == 1
    assert recommend([BEST, far, close], 0.0).number == 1


def test_a_difference_that_is_certain_is_no_equivalence_however_small() -> None:
    worse = own_trial(2, [0.947, 0.957, 0.967], 0.5)
    assert recommend([BEST, worse], 0.005).number == 1


def test_a_single_replicate_leaves_the_tolerance() -> None:
    best, sparse = own_trial(1, [0.95], 0.1), own_trial(2, [0.946], 0.5)
    assert recommend([best, sparse], 0.005).number == 2
    assert recommend([best, sparse], 0.003).number == 1


def test_the_order_of_the_trials_does_not_matter() -> None:
    close = own_trial(3, [0.955, 0.950, 0.967], 0.3)
    assert recommend([close, BEST], 0.005) == recommend([BEST, close], 0.005)


@pytest.mark.parametrize("options", [{"dropout": 0.2}, {"activation": "leaky_relu", "negative_slope": 0.1}])
def test_of_equally_sparse_trials_the_simplest_is_recommended(options: dict[str, Any]) -> None:
    """Sparsities that are shown alike are alike."""
    plain = {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.0}
    simple, other = own_trial(5, [0.95], 0.3001, **plain), own_trial(4, [0.95], 0.3004, **{**plain, **options})
    assert recommend([other, simple], 0.005).number == 5
    assert recommend([own_trial(0, [0.95], 0.3, **{**plain, **options}), other, simple], 0.005).number == 0


def test_the_margin_of_two_trials_is_half_the_paired_t_interval() -> None:
    first, second = np.array([0.90, 0.93, 0.95]), np.array([0.88, 0.93, 0.90])
    interval = stats.ttest_rel(first, second).confidence_interval(0.95)
    half = (interval.high - interval.low) / 2
    assert equivalence_margin([list(first), list(second)], 1.0) == pytest.approx(half)


@pytest.mark.parametrize("name", ["as on digits", "two and the rest"])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("spread", [0.001, 0.003])
def test_what_is_shown_to_be_given_up_is_what_is_given_up(name: str, seeds: int, spread: float) -> None:
    """On planted scores; where trials spread more than they differ, the best is too lucky: see the benchmark."""
    shown, actual = regrets(PLANTED[name], seeds, spread, fronts=400)
    assert actual == pytest.approx(shown, abs=0.1)
    assert actual <= 0.5
