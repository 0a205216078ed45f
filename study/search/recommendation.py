"""The rule by which a search's trials are told apart, and one of them is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

from study.records.own_trials import OwnTrial
from study.search.description import settings

LEVEL = 0.95
"""Confidence level of the interval whose half width bounds the region of practical equivalence."""
_SHOWN_DIGITS = 3
"""Decimals of a sparsity, a fraction, to which it is shown and compared: tenths of a percentage point."""


def equivalence_margin(scores: Sequence[Sequence[float]], tolerance: float) -> float:
    """How far below the best a trial's mean score may lie and still count as equally good in practice.

    The smaller of the tolerance and of half the 95 % t interval of a paired difference. The variance of the interval
    is that of the residuals of the additive model trial + replicate, pooled over all trials (Montgomery 2017,
    section 4.1: randomized complete blocks), because the spread of a single pair over few replicates is itself noise.

    Args:
        scores: `[T][R]` score of each of T trials with each of R replicates, which all trials share.
        tolerance: Largest difference that does not matter in practice.

    Returns:
        The margin; the tolerance where a single replicate, or a single trial, leaves nothing to estimate.

    Example:
        >>> equivalence_margin([[0.95, 0.96, 0.97], [0.94, 0.95, 0.96]], 0.005), equivalence_margin([[0.9]], 0.005)
        (0.0, 0.005)
    """
    values = np.asarray(scores, dtype=np.float64)
    trials, replicates = values.shape
    freedom = (trials - 1) * (replicates - 1)
    if freedom == 0:
        return tolerance
    residuals = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    error = np.sqrt(2.0 * (residuals**2).sum() / freedom / replicates)
    # Rounded, so that the last bit of a sum is not taken for noise.
    return min(tolerance, round(float(stdtrit(freedom, (1.0 + LEVEL) / 2.0) * error), 12))


def recommend(trials: Sequence[OwnTrial], tolerance: float) -> OwnTrial:
    """The sparsest of the trials that are equally good in practice as the best; of equally sparse ones the simplest.

    Sparsities are compared as they are shown, to a tenth of a percentage point. The baseline counts as the simplest
    configuration.

    Args:
        trials: Candidates that share their replicates, in any order.
        tolerance: Largest difference of the score that does not matter in practice.
    """
    margin = equivalence_margin([trial.scores for trial in trials], tolerance)
    best = max(trial.score for trial in trials)
    equivalent = [trial for trial in trials if round(best - trial.score, 12) <= margin]
    return min(equivalent, key=lambda trial: (-round(trial.sparsity, _SHOWN_DIGITS), *_complexity(trial)))


def rule_text(points: float) -> str:
    """The rule in one sentence, for those who read what it recommends.

    Args:
        points: The tolerance in percentage points.
    """
    return (
        "recommended is the sparsest of the trials that are as good as the best in practice: no further below it than "
        f"{points:g} points, and than the 95 % interval of a paired difference reaches"
    )


def _complexity(trial: OwnTrial) -> tuple[Any, ...]:
    """What orders configurations from simple to complex."""
    used = trial.hyperparameters
    return trial.number != 0, used.dropout > 0, len(settings(used)), sum(used.hidden), used.dropout, trial.number
