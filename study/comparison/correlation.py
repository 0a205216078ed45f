"""How far the contrasts of replicates that divide the same samples are correlated, as it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from study.config import Variance

Kind = Literal["score", "share", "gradient", "time"]

CORRELATIONS: Mapping[Kind, float] = {"score": 0.0, "share": 0.25, "gradient": 0.25, "time": 0.0}
"""Correlation of two replicates' contrasts by kind, for the interval of one data set's estimate.

Contrasts of scores have none on six tables, measured by `python -m benchmarks.correlation`. Those of shares and
gradients have little there too, and yet are given a quarter, which Nadeau and Bengio assume for these parts: with none,
their intervals by 500 rows hold the estimates by all rows too seldom (`python -m benchmarks.leave_one_out`). Over data
sets none of it counts: there a larger error of each would make effects look more alike than they are.
"""


def variance_ratio(kind: Kind, variance: Variance, test_over_training: float) -> float:
    """What the correlation of replicates adds to 1/k in the variance of a mean, ρ/(1 - ρ).

    Args:
        kind: What is compared.
        variance: Whether ρ is what was measured for this kind, or what Nadeau and Bengio (2003, section 3) assume.
        test_over_training: n_test/n_train, which is their ρ/(1 - ρ).

    Example:
        >>> variance_ratio("time", "nadeau-bengio", 1 / 3)
        0.0
    """
    if kind == "time":
        return 0.0
    if variance == "nadeau-bengio":
        return test_over_training
    return CORRELATIONS[kind] / (1.0 - CORRELATIONS[kind])
