"""Verdicts on claims, from those on their contrasts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from study.comparison.claim_verdicts import deciding_index, error_of, excluded
from study.comparison.claims import CLAIMS
from study.comparison.verdicts import ContrastEstimate, estimate_contrast
from study.intervals import Verdict


@pytest.mark.parametrize(
    ("claim", "verdicts", "decides"),
    [
        (7, ("no practical difference", "supported"), 1),  # not sparse is enough where it also saturates
        (7, ("no practical difference", "no practical difference"), 0),
        (7, ("refuted", "supported"), 0),
        (3, ("supported", "undecided"), 1),
        (3, ("supported", "no practical difference"), 0),
        (3, ("no practical difference", "supported"), 0),
        (8, ("refuted", "supported"), 1),
        (8, ("refuted", "undecided"), 1),
        (8, ("no practical difference", "refuted"), 0),
        (11, ("no practical difference", "supported"), 0),
    ],
)
def test_which_contrast_decides(claim: int, verdicts: tuple[Verdict, ...], decides: int) -> None:
    assert deciding_index(CLAIMS[claim - 1], verdicts) == decides


@pytest.mark.parametrize(
    ("claim", "errors", "signs", "expected"),
    [
        (3, (0.01, 0.04), (1, 1), 0.04),  # it needs both: intersection-union
        (3, (0.01, 0.04), (-1, 1), 0.01),  # refuted by one alone
        (8, (0.01, 0.04), (1, -1), 0.01),  # it needs any
        (8, (0.04, 0.01), (1, -1), 0.04),
        (2, (0.03,), (1,), 0.03),
    ],
)
def test_the_error_of_a_claim_follows_from_those_of_its_contrasts(
    claim: int, errors: tuple[float, ...], signs: tuple[int, ...], expected: float
) -> None:
    chosen = CLAIMS[claim - 1]
    estimates = []
    for contrast, error, sign in zip(chosen.contrasts, errors, signs, strict=True):
        supports = sign if contrast.region.above else -sign
        values = supports * (np.linspace(-1.0, 1.0, 5) + 70.0)
        estimates.append(replace(estimate_contrast(contrast, values, 0.0), error=error))
    assert error_of(chosen, estimates) == expected


def test_contrasts_that_are_reported_beside_decide_nothing() -> None:
    claim = CLAIMS[3]
    shown, beside = (estimate_contrast(part, np.linspace(30.0, 31.0, 9), 0.0) for part in claim.contrasts)
    assert (shown.verdict, beside.decides) == ("supported", False)
    refuted = replace(beside, verdict="refuted", error=0.0)
    assert deciding_index(claim, [shown.verdict, refuted.verdict]) == 0
    assert error_of(claim, (shown, refuted)) == shown.error


@pytest.mark.parametrize(
    ("claim", "intervals", "expected"),
    [
        (2, [(-0.4, 0.9)], "refuted"),  # better or no different
        (2, [(-0.9, 0.4)], "supported"),
        (2, [(-0.9, 0.9)], None),
        (2, [(0.6, 0.9)], None),  # decided
        (3, [(-3.0, -0.3), (-0.4, 0.4)], "refuted"),  # a bad slope hurts or not, and PReLU is no worse
        (3, [(-3.0, -1.0), (-0.9, 0.4)], None),  # PReLU may be worse, which refutes it
        (11, [(0.4, 0.6), (-6.0, -5.0)], "supported"),  # both were to vanish, and tanh's gradient does not
        (8, [(3.0, 12.0), (-20.0, 20.0)], "refuted"),  # either suffices
        (12, [(0.0, 0.9)], None),  # good enough or not: no practical difference is as good as support
        (12, [(-0.9, 0.4)], "refuted"),
        (1, [(-2.0, 2.0), (1.0, 2.0)], None),  # a region without width
    ],
)
def test_what_an_undecided_claim_is_not(
    claim: int, intervals: list[tuple[float, float]], expected: Verdict | None
) -> None:
    chosen = CLAIMS[claim - 1]
    estimates = [
        _with_interval(estimate_contrast(part, np.array([np.nan]), 0.0), *interval, claim=claim, place=place)
        for place, (part, interval) in enumerate(zip(chosen.contrasts, intervals, strict=True))
    ]
    verdict = estimates[deciding_index(chosen, [each.verdict for each in estimates])].verdict
    assert excluded(chosen, estimates, verdict) == expected


def test_without_an_interval_nothing_is_excluded() -> None:
    claim = CLAIMS[1]
    estimate = estimate_contrast(claim.contrasts[0], np.array([1.0]), 0.0)
    assert estimate.verdict == "undecided"
    assert excluded(claim, [estimate], "undecided") is None


def _with_interval(estimate: ContrastEstimate, low: float, high: float, *, claim: int, place: int) -> ContrastEstimate:
    region = CLAIMS[claim - 1].contrasts[place].region
    interval = (low, high)
    return replace(
        estimate, plain_interval=interval, verdict=region.verdict(interval), possible=region.possible(interval)
    )
