"""The rule by which a search's trials are told apart, and one of them is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit

from study.config import StudyConfig
from study.objectives import objective_names
from study.records.own_trials import OwnTrial
from study.search.description import settings
from study.tasks import Metric

LEVEL = 0.95
"""Confidence level of the interval whose half width bounds the region of practical equivalence."""
_SHOWN_DIGITS = 3
"""Decimals of a sparsity, a fraction, to which it is shown and compared: tenths of a percentage point."""
_POINTS_OF_INTEGRAL, _STANDARD_DEVIATIONS = 257, 8.0
"""Where the distribution of a maximum is evaluated: at so many points, to so many standard deviations on both sides."""


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
    error, freedom = _paired_error(scores)
    if not freedom:
        return tolerance
    # Rounded, so that the last bit of a sum is not taken for noise.
    return min(tolerance, round(float(stdtrit(freedom, (1.0 + LEVEL) / 2.0)) * error, 12))


def expected_regret(scores: Sequence[Sequence[float]], chosen: int) -> float | None:
    """How far below the truly best of some trials a chosen one is expected to lie.

    The trial with the best mean is likely to be a lucky one, and another may be better in truth: the difference that
    the means show is no estimate of what is given up. This is the expected opportunity cost of a selection (Chick and
    Inoue 2001): the mean of the largest of the trials' true scores, less that of the chosen one. Given the means, the
    true scores are taken to be normal around them, with the error that is pooled over all trials; what replicates have
    in common cancels. `benchmarks/recommendation.py` compares it with the truth on planted scores.

    Args:
        scores: `[T][R]` score of each of T trials with each of R replicates, which all trials share.
        chosen: Index of the chosen trial.

    Returns:
        The regret in the unit of the scores; None for a single replicate of several trials, which tells no error.

    Example:
        >>> round(expected_regret([[0.95, 0.96, 0.97], [0.94, 0.95, 0.96]], 1), 4), expected_regret([[0.9]], 0)
        (0.01, 0.0)
    """
    if len(scores) == 1:
        return 0.0
    paired, freedom = _paired_error(scores)
    if not freedom:
        return None
    means = np.asarray(scores, dtype=np.float64).mean(1)
    error = paired / np.sqrt(2.0)
    if error < 1e-12:
        return float(means.max() - means[chosen])
    reach = _STANDARD_DEVIATIONS * error
    points = np.linspace(means.max() - reach, means.max() + reach, _POINTS_OF_INTEGRAL)
    below = ndtr((points[:, None] - means) / error).prod(1)
    return float(points[-1] - np.trapezoid(below, points) - means[chosen])


def _paired_error(scores: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Standard error of the difference of two trials' means, and its degrees of freedom; see `equivalence_margin`."""
    values = np.asarray(scores, dtype=np.float64)
    trials, replicates = values.shape
    freedom = (trials - 1) * (replicates - 1)
    if not freedom:
        return 0.0, 0
    residuals = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    return float(np.sqrt(2.0 * (residuals**2).sum() / freedom / replicates)), freedom


def recommend(trials: Sequence[OwnTrial], config: StudyConfig) -> OwnTrial:
    """The trial to use, by the objective that was asked for.

    With two objectives it is the sparsest of the trials that are equally good in practice as the best. With a single
    one it is the trial with the best value: what sparsity is worth was said beforehand. Of equals it is the sparsest,
    and then the simplest, the baseline first. Sparsities are compared as they are shown, to a tenth of a percentage
    point. A diverged replicate has the score of a constant guess, which says nothing of the spread over replicates.

    Args:
        trials: Candidates that share their replicates, in any order.
        config: The study's configuration.
    """
    worths = {trial.number: worth(trial, config) for trial in trials}
    best = max(worths.values())
    margin = 0.0
    if config.objective == "front":
        sound = [trial.scores for trial in trials if not trial.diverged] or [trial.scores for trial in trials]
        margin = equivalence_margin(sound, config.tolerated_difference(best))
    equivalent = [trial for trial in trials if round(best - worths[trial.number], 12) <= margin]
    return min(equivalent, key=lambda trial: (-round(trial.sparsity, _SHOWN_DIGITS), *_complexity(trial)))


def regret_of(chosen: OwnTrial, trials: Sequence[OwnTrial], config: StudyConfig) -> float | None:
    """How far a chosen trial is expected to lie below the truly best of some trials: see `expected_regret`.

    Args:
        chosen: One of the trials.
        trials: Candidates that share their replicates; those with a diverged replicate are no rivals.
        config: The study's configuration; the objective is that of the recommendation, the metric where it has two.
    """
    rivals = [trial for trial in trials if trial.number == chosen.number or not trial.diverged]
    index = next(index for index, trial in enumerate(rivals) if trial.number == chosen.number)
    return expected_regret([_worth_by_replicate(trial, config) for trial in rivals], index)


def worth(trial: OwnTrial, config: StudyConfig) -> float:
    """What a trial is judged by before sparsity decides: the metric, with its worth of sparsity under such a weight."""
    return fmean(_worth_by_replicate(trial, config))


def _worth_by_replicate(trial: OwnTrial, config: StudyConfig) -> Sequence[float]:
    """`worth` in each replicate."""
    if config.objective != "weighted":
        return trial.scores
    sparsities = trial.by_seed[config.sparsity]
    return [
        score + config.sparsity_weight * (sparsity or 0.0)
        for score, sparsity in zip(trial.scores, sparsities, strict=True)
    ]


def regret_text(regret: float | None, metric: Metric) -> str | None:
    """An expected regret in words; None where it could not be estimated.

    Args:
        regret: See `regret_of`.
        metric: The study's metric.

    Example:
        >>> from study.tasks import METRICS
        >>> regret_text(0.0021, METRICS["accuracy"])
        'it is expected to lie 0.21 points below the truly best of the front'
    """
    if regret is None:
        return None
    distance = f"{100 * regret:.2f} points" if metric.percent else f"{regret:.3g} of {metric.name}"
    where = "below" if metric.higher_is_better else "above"
    return f"it is expected to lie {distance} {where} the truly best of the front"


def rule_text(config: StudyConfig) -> str:
    """The rule in one sentence, for those who read what it recommends.

    Args:
        config: The study's configuration.
    """
    if config.objective != "front":
        objective = objective_names(config)[0]
        return (
            f"recommended is the trial with the best {objective}, the objective that was asked for; of equals the "
            "sparsest"
        )
    return (
        "recommended is the sparsest of the trials that are as good as the best in practice: no further behind it than "
        f"{config.tolerance_text}, and than the 95 % interval of a paired difference reaches"
    )


def _complexity(trial: OwnTrial) -> tuple[Any, ...]:
    """What orders configurations from simple to complex."""
    used = trial.hyperparameters
    return trial.number != 0, used.dropout > 0, len(settings(used)), sum(used.hidden), used.dropout, trial.number
