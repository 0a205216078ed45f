"""Intervals and verdicts against the published formula and SciPy's own tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from study.intervals import Region, corrected_interval


def test_without_correction_it_is_the_paired_t_interval() -> None:
    values = np.random.default_rng(0).normal(1.0, 2.0, 10)
    mean, low, high = corrected_interval(values, 0.0, 0.95)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-12)
    assert mean == pytest.approx(values.mean())


def test_the_correction_is_that_of_nadeau_and_bengio() -> None:
    values = np.array([0.1, 0.4, -0.2, 0.3, 0.5])
    _, low, high = corrected_interval(values, 0.25, 0.9)
    # Section 3: variance (1/k + n_test/n_train) s², Student's t with k - 1 degrees of freedom (2.131847 for 4, 90 %).
    half = 2.131847 * math.sqrt((1 / 5 + 0.25) * values.var(ddof=1))
    assert (high - low) / 2 == pytest.approx(half, rel=1e-6)


def test_leading_axes_are_kept() -> None:
    values = np.random.default_rng(0).normal(size=(3, 4, 7))
    mean, low, high = corrected_interval(values, 1 / 3, 0.95)
    assert mean.shape == low.shape == high.shape == (3, 4)
    assert (mean[1, 2], low[1, 2], high[1, 2]) == pytest.approx(corrected_interval(values[1, 2], 1 / 3, 0.95))


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.51, 2.0), "supported"),
        ((-2.0, -0.51), "refuted"),
        ((-0.5, 0.5), "no practical difference"),
        ((0.4, 0.6), "undecided"),
        ((-3.0, 3.0), "undecided"),
        (None, "undecided"),
    ],
)
def test_a_verdict_follows_from_interval_and_rope(interval: Any, verdict: str) -> None:
    assert Region((-0.5, 0.5)).verdict(interval) == verdict
    mirrored = None if interval is None else (-interval[1], -interval[0])
    assert Region((-0.5, 0.5), above=False).verdict(mirrored) == verdict


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.0, 0.9), "no practical difference"),
        ((2.0, 60.0), "supported"),
        ((99.2, 100.0), "refuted"),
        ((95.0, 100.0), "undecided"),
        ((0.5, 3.0), "undecided"),
    ],
)
def test_some_but_not_all(interval: tuple[float, float], verdict: str) -> None:
    assert Region((0.0, 1.0), limit=99.0).verdict(interval) == verdict
