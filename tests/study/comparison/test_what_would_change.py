"""What is said to change a verdict does change it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from study.comparison.claims import CLAIMS
from study.comparison.on_average import on_average
from study.comparison.verdicts import estimate_contrast
from study.comparison.what_would_change import what_would_change_across

UNKNOWN = np.full(1, np.nan)


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


@pytest.mark.parametrize(("number", "centre"), [(1, 0.35), (7, 7.0)])  # claims 2 and 8: by the mean, and the median
def test_as_many_data_sets_as_are_asked_for_do_decide_an_average(number: int, centre: float) -> None:
    contrast, error = CLAIMS[number].contrasts[0], 0.01
    pattern = np.array([-1.5, -0.9, -0.5, -0.2, 0.0, 0.0, 0.2, 0.5, 0.9, 1.5]) * centre / 1.4
    found = on_average(contrast, centre + pattern, error)
    change = what_would_change_across(contrast, centre + pattern, UNKNOWN, found.judged, error)
    assert found.verdict == "undecided"
    needed = int(change.split()[1])
    region = re.search(r"a ROPE of ±([\d.]+) pp$", change)
    assert region
    assert float(region[1]) == pytest.approx(max(map(abs, found.judged or ())), rel=0.05)

    def verdict(count: int) -> str:
        more = np.quantile(pattern, (np.arange(count) + 0.5) / count, method="inverted_cdf")
        if contrast.average == "mean":
            more = (more - more.mean()) / more.std(ddof=1) * pattern.std(ddof=1)
        return on_average(contrast, centre + more, error).verdict

    assert verdict(needed + 3) != "undecided"
    assert verdict(needed - 3) == "undecided"


def test_a_decided_average_names_the_region_with_which_it_would_be_undecided() -> None:
    contrast = CLAIMS[1].contrasts[0]
    values = 2.0 + np.linspace(-0.5, 0.5, 9)
    found = on_average(contrast, values, 0.05)
    assert found.judged
    beyond = f"a ROPE that reaches {found.judged[0]:+.3g} pp"
    assert what_would_change_across(contrast, values, UNKNOWN, found.judged, 0.05) == beyond
    inside = on_average(contrast, values - 2.0, 0.05).judged
    change = what_would_change_across(contrast, values - 2.0, UNKNOWN, inside, 0.05)
    assert change.startswith("a ROPE that leaves out")
    assert what_would_change_across(contrast, values[:1], UNKNOWN, None, 0.05) == "more data sets: 1 give no interval"


def test_as_many_times_the_seeds_as_are_asked_for_do_decide_a_mean() -> None:
    """Only what estimates err by shrinks with more seeds: the square root of the variance that is left, here 0.6."""
    contrast, pattern, error = CLAIMS[1].contrasts[0], np.linspace(-1.0, 1.0, 25), 0.01
    values = 0.1 + pattern / pattern.std(ddof=1)
    variances, interval = np.full(25, 0.64), on_average(contrast, values, error).judged
    change = what_would_change_across(contrast, values, variances, interval, error)
    assert on_average(contrast, values, error).verdict == "undecided"
    found = re.search(r"about ([\d.]+) times the seeds of each", change)
    assert found

    def verdict(times: float) -> str:
        spread = (0.36 + 0.64 / times) ** 0.5
        return on_average(contrast, 0.1 + (values - 0.1) * spread, error).verdict

    assert (verdict(float(found[1]) - 0.1), verdict(float(found[1]) + 0.1)) == ("undecided", "no practical difference")
    wide = what_would_change_across(contrast, 3 * values, variances, (-2.0, 2.0), error)
    assert "times the seeds" not in wide
