"""AcrossDataSets comparisons seen together, against SciPy on the same numbers, and Demšar's tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from search_spaces.design import LINEAR
from study.comparison.across_data_sets import _cliques, compare_data_sets, critical_difference
from study.comparison.claims import CLAIMS, LEVEL
from study.comparison.summary import CellSummary, ComparisonSummary
from study.comparison.verdicts import ClaimVerdict, estimate_contrast
from study.intervals import holm

NAMES = ("relu", "tanh", "elu", LINEAR)


def comparison(name: str, accuracies: tuple[float, ...], effect: float) -> ComparisonSummary:
    verdicts = []
    for claim in CLAIMS:
        estimates = tuple(estimate_contrast(part, effect + np.array([-0.1, 0.1]), 1 / 3) for part in claim.contrasts)
        verdicts.append(
            ClaimVerdict(claim.id, claim.statement, claim.read_on, claim.association, 1.0, estimates[0], estimates)
        )
    cells = tuple(
        CellSummary(activation, None, "kaiming_normal", 0.0, None, 2, accuracy, None, (accuracy,), 0.0)
        for activation, accuracy in zip(NAMES, accuracies, strict=True)
    )
    return ComparisonSummary(
        name=name,
        data=name,
        seeds=2,
        streams=3,
        rates=(0.001, 0.01),
        at_edges=(0.0, 0.0),
        epochs=1,
        ratio=1 / 3,
        variance="measured",
        level=LEVEL,
        machine=None,
        verdicts=tuple(verdicts),
        accuracy_by_activation=cells,
        slope_response=(),
        initialization_by_activation=(),
        dropout_by_activation=(),
        depth_by_activation=(),
    )


COMPARISONS = [
    comparison("a", (0.90, 0.80, 0.85, 1.0), 0.4),
    comparison("b", (0.70, 0.60, 0.65, 1.0), 0.9),
    comparison("c", (0.50, 0.55, 0.45, 1.0), 1.3),
    comparison("d", (0.90, 0.85, 0.80, 1.0), -0.2),
    comparison("e", (0.91, 0.85, 0.85, 1.0), 0.7),
]


def test_ranks_are_means_over_data_sets_without_the_linear_network() -> None:
    ranking = compare_data_sets(COMPARISONS).ranking
    assert ranking.activations == ("relu", "tanh", "elu")
    assert ranking.ranks == pytest.approx((6 / 5, (3 + 3 + 1 + 2 + 2.5) / 5, (2 + 2 + 3 + 3 + 2.5) / 5))
    columns = [[cell.accuracy for cell in c.accuracy_by_activation[:3]] for c in COMPARISONS]
    assert ranking.friedman_p == pytest.approx(stats.friedmanchisquare(*np.array(columns).T).pvalue)
    assert ranking.accuracies[0] == (0.90, 0.70, 0.50, 0.90, 0.91)


def test_contrasts_are_signed_rank_tests_of_the_means() -> None:
    several = compare_data_sets(COMPARISONS)
    assert several.data == ("a", "b", "c", "d", "e")
    assert several.smallest_p == stats.wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0]).pvalue
    # Neither the clock nor claims without a null at 0 are among them.
    ids = {across.id for across in several.contrasts}
    assert ids >= {2, 3, 5, 6, 7, 8, 10, 11, 12}
    assert not ids & {1, 4, 9}
    single = stats.wilcoxon([0.4, 0.9, 1.3, -0.2, 0.7]).pvalue
    expected = holm([single] * len(several.contrasts))
    assert [across.p for across in several.contrasts] == pytest.approx(expected)
    assert several.contrasts[0].median == pytest.approx(0.7)


def test_where_nothing_differs_nothing_is_found() -> None:
    alike = [comparison(name, (0.8, 0.8, 0.8, 0.8), 0.0) for name in "ab"]
    several = compare_data_sets(alike)
    assert several.ranking.friedman_p == 1.0
    assert several.ranking.cliques == ((0, 2),)
    assert all(across.p == 1.0 for across in several.contrasts)


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
