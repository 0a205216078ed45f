"""How far the contrasts of replicates that divide the same samples are correlated, as it was measured."""

from __future__ import annotations

from typing import Literal

from study.config import Variance

Kind = Literal["score", "share", "gradient", "time"]


def variance_ratio(kind: Kind, variance: Variance, test_over_training: float) -> float:
    """What the correlation of replicates adds to 1/k in the variance of a mean, ρ/(1 - ρ).

    It was measured on six tables (`python -m benchmarks.correlation`). Contrasts of scores, of shares and of gradients
    have 0.01, 0.02 and 0.05 in the mean, each with an interval that holds 0, and count as uncorrelated: networks that
    share a split share its luck, which their contrast takes out.

    Args:
        kind: What is compared.
        variance: Whether ρ is what was measured, or what Nadeau and Bengio (2003, section 3) assume.
        test_over_training: n_test/n_train, which is their ρ/(1 - ρ). Times of layers, whose replicates are processes,
            share no samples, and have none.

    Example:
        >>> variance_ratio("score", "nadeau-bengio", 1 / 3), variance_ratio("time", "nadeau-bengio", 1 / 3)
        (0.3333333333333333, 0.0)
    """
    return test_over_training if variance == "nadeau-bengio" and kind != "time" else 0.0
