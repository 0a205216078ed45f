"""The registry of claims: what every entry needs."""

from __future__ import annotations

import inspect

import pytest

from search_spaces.claim_cells import ARMS, USUAL_CLAIMS
from search_spaces.design import Design
from study.comparison import contrasts, penalty_contrasts, training_contrasts
from study.comparison.claims import CLAIMS, LEVEL, Claim, claims_of, level_of

every_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.id))


def test_numbers_are_unique_and_those_of_the_usual_claims_come_first() -> None:
    numbers = [claim.id for claim in CLAIMS]
    assert len(set(numbers)) == len(numbers)
    assert numbers[: len(USUAL_CLAIMS)] == [*USUAL_CLAIMS]


def test_every_claim_has_cells_and_no_cells_are_without_a_claim() -> None:
    assert set(ARMS) == {claim.id for claim in CLAIMS}


def test_claims_share_the_error_and_more_claims_in_the_registry_widen_nobodys_intervals() -> None:
    """Bonferroni over the claims that were asked for: the errors of one interval of each sum to 5 %."""
    assert (1.0 - LEVEL) * len(USUAL_CLAIMS) == pytest.approx(0.05)
    assert (1.0 - level_of(3)) * 3 == pytest.approx(0.05)
    assert [claim.id for claim in claims_of(Design())] == [*USUAL_CLAIMS]
    assert [claim.id for claim in claims_of(Design(claims=(2, 7)))] == [2, 7]


@every_claim
def test_either_of_a_claims_contrasts_can_decide_it_without_more_error(claim: Claim) -> None:
    """Two contrasts err on one side each, which together is the error of one two-sided interval; three would not."""
    assert 1 <= len(claim.deciding) <= 2


@every_claim
def test_every_contrast_is_one_of_the_module_and_has_a_region_within_its_domain(claim: Claim) -> None:
    modules = {module.__name__ for module in (contrasts, penalty_contrasts, training_contrasts)}
    assert claim.contrasts
    for contrast in claim.contrasts:
        assert inspect.unwrap(contrast.compute).__module__ in modules
        (least, most), (low, high) = contrast.region.rope, contrast.region.domain
        assert low <= least <= most <= high
