"""Ranks over data sets, against SciPy on the same numbers, and Demšar's tables."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from comparisons import comparison
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from study.comparison.ranks import Ranking, _cliques, critical_difference, rank
from study.comparison.summary import ComparisonSummary
from study.intervals import holm

COMPARISONS = [
    comparison("a", (0.90, 0.80, 0.85, 1.0), 0.4),
    comparison("b", (0.70, 0.60, 0.65, 1.0), 0.9),
    comparison("c", (0.50, 0.55, 0.45, 1.0), 1.3),
    comparison("d", (0.90, 0.85, 0.80, 1.0), -0.2),
    comparison("e", (0.91, 0.85, 0.85, 1.0), 0.7),
]


def ranked(comparisons: list[ComparisonSummary]) -> Ranking:
    found = rank(comparisons)
    assert found is not None
    return found


def test_fewer_than_two_activations_have_no_ranks() -> None:
    alone = [replace(each, accuracy_by_activation=each.accuracy_by_activation[::3]) for each in COMPARISONS]
    assert rank(alone) is None


def test_ranks_are_means_over_data_sets_without_the_linear_network() -> None:
    ranking = ranked(COMPARISONS)
    assert ranking.activations == ("relu", "tanh", "elu")
    assert ranking.ranks == pytest.approx((6 / 5, (3 + 3 + 1 + 2 + 2.5) / 5, (2 + 2 + 3 + 3 + 2.5) / 5))
    columns = [[cell.accuracy for cell in c.accuracy_by_activation[:3]] for c in COMPARISONS]
    assert ranking.friedman_p == pytest.approx(stats.friedmanchisquare(*np.array(columns).T).pvalue)
    assert ranking.accuracies[0] == (0.90, 0.70, 0.50, 0.90, 0.91)


def test_where_nothing_differs_nothing_is_found() -> None:
    ranking = ranked([comparison(name, (0.8, 0.8, 0.8, 0.8), 0.0) for name in "ab"])
    assert ranking.friedman_p == 1.0
    assert ranking.cliques == ((0, 2),)


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
