"""The ranks of activations over several data sets, each a single observation (Demšar 2006)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from search_spaces.design import LINEAR
from study.comparison.summary import ComparisonSummary
from study.intervals import FAMILY_ERROR, Array


@dataclass(frozen=True)
class Ranking:
    """Activations by their mean rank over data sets, 1 being best: a critical-difference diagram's data.

    Attributes:
        activations: Names, the best first.
        ranks: Mean rank of each.
        accuracies: The test metric of each, data set by data set.
        friedman_p: P-value of Friedman's test, whose null hypothesis is that all activations are alike.
        critical_difference: Distance of mean ranks beyond which two activations differ at 5 % (Nemenyi).
        cliques: Largest runs of activations, by index, that are not further apart than that.
    """

    activations: tuple[str, ...]
    ranks: tuple[float, ...]
    accuracies: tuple[tuple[float, ...], ...]
    friedman_p: float
    critical_difference: float
    cliques: tuple[tuple[int, int], ...]


def critical_difference(candidates: int, data_sets: int, error: float = FAMILY_ERROR) -> float:
    """Distance of mean ranks beyond which two of so many candidates differ (Nemenyi; Demšar 2006, section 3.2.2).

    Example:
        >>> round(critical_difference(4, 14), 2)
        1.25
    """
    quantile = float(stats.studentized_range.ppf(1.0 - error, candidates, np.inf)) / math.sqrt(2.0)
    return quantile * math.sqrt(candidates * (candidates + 1) / (6.0 * data_sets))


def rank(comparisons: Sequence[ComparisonSummary]) -> Ranking | None:
    """Ranks the activations, each at the learning rate and slope that validation chooses, by the test metric.

    Args:
        comparisons: At least two comparisons.

    Returns:
        None where their claims leave fewer than two activations to rank.
    """
    tables = [
        {cell.activation: cell.accuracy for cell in comparison.accuracy_by_activation if cell.activation != LINEAR}
        for comparison in comparisons
    ]
    names = [name for name in tables[0] if all(name in table for table in tables)]
    if len(names) < 2:
        return None
    accuracies = np.array([[table[name] for name in names] for table in tables])
    ranks = stats.rankdata(-accuracies, axis=1).mean(0)
    order = np.argsort(ranks, kind="stable")
    distance = critical_difference(len(names), len(tables))
    sorted_ranks = [float(rank) for rank in ranks[order]]
    return Ranking(
        activations=tuple(names[index] for index in order),
        ranks=tuple(sorted_ranks),
        accuracies=tuple(tuple(accuracies[:, index].tolist()) for index in order),
        friedman_p=_friedman(accuracies),
        critical_difference=distance,
        cliques=_cliques(sorted_ranks, distance),
    )


def _friedman(accuracies: Array) -> float:
    """P-value of Friedman's test over `[data sets, activations]`; 1 where nothing differs."""
    if (accuracies == accuracies[:, :1]).all() or accuracies.shape[1] < 3:
        return 1.0
    return float(stats.friedmanchisquare(*accuracies.T).pvalue)


def _cliques(ranks: Sequence[float], distance: float) -> tuple[tuple[int, int], ...]:
    """First and last index of the largest runs of sorted ranks that span no more than the distance."""
    runs: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(index for index, other in enumerate(ranks) if other - rank <= distance)
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return tuple(runs)
