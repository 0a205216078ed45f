"""What is said to change a verdict does change it."""

from __future__ import annotations

import numpy as np

from study.comparison.claims import CLAIMS, LEVEL
from study.comparison.verdicts import estimate_contrast


def test_what_would_change_an_undecided_verdict_does_change_it() -> None:
    contrast = CLAIMS[1].contrasts[0]
    values = np.random.default_rng(2).normal(1.0, 0.3, 6)
    estimate = estimate_contrast(contrast, values, 0.01, LEVEL)
    assert estimate.verdict == "undecided"
    needed = int(estimate.change.split()[1])
    standard = (values - values.mean()) / values.std(ddof=1)

    def verdict(count: int) -> str:
        more = np.resize(standard, count)
        more = (more - more.mean()) / more.std(ddof=1) * values.std(ddof=1) + values.mean()
        return estimate_contrast(contrast, more, 0.01, LEVEL).verdict

    assert (verdict(needed - 1), verdict(needed)) == ("undecided", "supported")
    assert "times the rows" in estimate_contrast(contrast, values * 3 - 1.9, 1 / 3, LEVEL).change
