"""What is said to change a verdict does change it."""

from __future__ import annotations

import numpy as np

from study.comparison.claims import CLAIMS
from study.comparison.verdicts import estimate_contrast


def test_what_would_change_an_undecided_verdict_does_change_it() -> None:
    contrast = CLAIMS[1].contrasts[0]
    values = np.random.default_rng(2).normal(1.0, 0.3, 6)
    estimate = estimate_contrast(contrast, values, 0.01)
    assert estimate.verdict == "undecided"
    needed = int(estimate.change.split()[1])
    standard = (values - values.mean()) / values.std(ddof=1)

    def verdict(count: int) -> str:
        more = np.resize(standard, count)
        more = (more - more.mean()) / more.std(ddof=1) * values.std(ddof=1) + values.mean()
        return estimate_contrast(contrast, more, 0.01).verdict

    assert (verdict(needed - 1), verdict(needed)) == ("undecided", "supported")
    assert "times the rows" in estimate_contrast(contrast, values * 3 - 1.9, 1 / 3).change


def test_a_bound_that_no_estimate_can_pass_is_none_to_stay_away_from() -> None:
    """Few dead units are near 0, which no share lies below; what they have to stay away from is 1 %."""
    dead = CLAIMS[3].contrasts[0]
    values = 0.1 + 0.5 * np.array([-1.0, 0.0, 1.0]) / 5
    undecided = estimate_contrast(dead, values + 0.3 * np.array([-1.0, 0.0, 1.0]), 0.0)
    assert undecided.verdict == "undecided"
    needed = int(undecided.change.split()[1])
    assert needed < 10
