"""The registry of claims: what every entry needs."""

from __future__ import annotations

import inspect

import pytest

from study.comparison import contrasts
from study.comparison.claims import CLAIMS, LEVEL, Claim

every_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.id))


def test_numbers_are_places() -> None:
    assert [claim.id for claim in CLAIMS] == list(range(1, len(CLAIMS) + 1))


def test_intervals_hold_together() -> None:
    """Bonferroni: the errors of all intervals sum to 5 %."""
    count = sum(len(claim.contrasts) for claim in CLAIMS)
    assert (1.0 - LEVEL) * count == pytest.approx(0.05)


@every_claim
def test_every_contrast_is_one_of_the_module_and_has_a_region_within_its_domain(claim: Claim) -> None:
    functions = dict(inspect.getmembers(contrasts, inspect.isfunction)).values()
    assert claim.contrasts
    for contrast in claim.contrasts:
        assert contrast.compute in functions
        (least, most), (low, high) = contrast.region.rope, contrast.region.domain
        assert low <= least <= most <= high
