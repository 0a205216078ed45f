"""Intervals and verdicts against the published formula, SciPy's own tests, and Demšar's tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from study.comparison.across_data_sets import _cliques, critical_difference, holm
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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_bonferroni_for_the_smallest_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    smallest = min(range(len(p_values)), key=lambda index: p_values[index])
    assert adjusted[smallest] == pytest.approx(min(1.0, len(p_values) * p_values[smallest]))
    assert all(ours >= theirs for ours, theirs in zip(adjusted, p_values, strict=True))
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    assert [adjusted[index] for index in order] == sorted(adjusted)


def test_the_critical_difference_is_demsars() -> None:
    # Demšar 2006, table 5a: q at 0.05 for 2 to 10 classifiers.
    table = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    for candidates, quantile in enumerate(table, start=2):
        expected = quantile * math.sqrt(candidates * (candidates + 1) / (6 * 14))
        assert critical_difference(candidates, 14) == pytest.approx(expected, rel=5e-4)
    assert critical_difference(4, 14, error=0.10) == pytest.approx(1.12, abs=0.005)  # section 3.2.2 of the same


def test_cliques_are_the_longest_runs() -> None:
    assert _cliques([1.0, 1.5, 2.4, 3.0, 5.0], 1.5) == ((0, 2), (1, 3))
    assert _cliques([1.0, 1.1, 1.2], 5.0) == ((0, 2),)
    assert _cliques([1.0, 3.0], 1.0) == ()
