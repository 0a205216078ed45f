"""Whether the networks of a front were still getting better when their training ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.config import StudyConfig
from study.search.front import Front

if TYPE_CHECKING:
    from storage import CohortStorage

_FEWEST_EPOCHS = 4
_DOUBLING = math.log(2) / math.log(7 / 5)
"""What a doubling of the epochs adds, in rises from the third to the last quarter.

A curve that grows with the logarithm of the epochs is taken on, and the middles of these quarters are 5/8 and 7/8.
"""


def gain_of_doubling(curves: Sequence[Sequence[float]], *, sign: int = 1) -> float:
    """How much twice the epochs would add to the mean of some curves, if they go on as they end.

    A curve that is shorter than others ended because it got no better, and more epochs would add nothing to it.

    Args:
        curves: One value an epoch.
        sign: 1 where higher values are better, else −1.

    Returns:
        The gain, in the unit of the curves; 0 for fewer than four epochs, or without a curve.

    Example:
        >>> round(gain_of_doubling([[math.log2(epoch) for epoch in range(1, 101)]]), 1)
        1.0
    """
    finite = [curve for curve in curves if np.isfinite(curve).all()]
    longest = max(map(len, finite), default=0)
    points = np.array([curve for curve in finite if len(curve) == longest >= _FEWEST_EPOCHS])
    if not points.size:
        return 0.0
    mean = points.mean(0)
    quarter = len(mean) // 4
    gain = sign * _DOUBLING * (mean[-quarter:].mean() - mean[-2 * quarter : -quarter].mean())
    return float(gain * len(points) / len(finite))


def rising_text(storage: CohortStorage, study_id: int, front: Front, config: StudyConfig) -> str | None:
    """One line where the validation curves of a front still rise at the last epoch; else None.

    They rise where twice the epochs would add more than the tolerance, in points of the metric that curves show.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        front: Its front.
        config: Its configuration.
    """
    numbers = [member.number for member in front.members]
    rows: Sequence[Mapping[str, Any]] = storage.learning_curves(study_id, numbers=numbers)
    metric = config.what_is_learned.metrics[0]
    curves = [row["points"] for row in rows if row["name"] == f"validation_{metric.name}"]
    gain = gain_of_doubling(curves, sign=metric.sign)
    if gain <= config.tolerance / 100 or max(map(len, curves)) < config.epochs:
        return None
    return (
        f"the front's validation curves still rise at epoch {config.epochs}, and the answer may change with more of "
        f"them: try --epochs {2 * config.epochs}"
    )
