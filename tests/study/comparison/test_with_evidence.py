"""A comparison's claims with evidence: whose data sets count, when it is not used, and what is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search_spaces.design import Design
from study.comparison.claims import CLAIMS, Claim
from study.comparison.evidence import Evidence, EvidenceSet
from study.comparison.protocol import protocol
from study.comparison.set_estimates import SetEstimate
from study.comparison.verdicts import ClaimVerdict, estimate_contrast
from study.comparison.with_evidence import WithEvidence, whole_percent, with_evidence
from study.intervals import Array
from study.problem import Comparison

LEAKY = CLAIMS[1]


def comparison(**options: object) -> Comparison:
    return Comparison.of(protocol().config(150, data="iris", name="c", **options))


def verdict(claim: Claim, *columns: Array) -> ClaimVerdict:
    estimates = tuple(
        estimate_contrast(contrast, column, 0.0) for contrast, column in zip(claim.contrasts, columns, strict=True)
    )
    return ClaimVerdict(claim.id, claim.statement, "test", False, 1.0, estimates[0], estimates)


def of_set(name: str, value: float, *, prints: tuple[str, ...] = (), task: str = "classification") -> EvidenceSet:
    return EvidenceSet(name, task, name, 100, prints, {LEAKY.statement: [SetEstimate(value, 0.1)]})


def evidence(*sets: EvidenceSet) -> Evidence:
    return Evidence(protocol().hash, sets, 37)


OTHERS = [of_set(f"d{number}", value) for number, value in enumerate((-0.1, 0.0, 0.05, 0.1, 0.2) * 4)]


@pytest.fixture
def own() -> tuple[ClaimVerdict, ...]:
    return (verdict(LEAKY, np.array([-1.0, 2.0, 0.5, -0.4, 1.2])),)


def test_evidence_decides_what_few_data_cannot(own: tuple[ClaimVerdict, ...]) -> None:
    found = with_evidence(comparison(), own, evidence(*OTHERS))
    claim = found.claims[2]
    assert (own[0].verdict, claim.verdict) == ("undecided", "no practical difference")
    assert found.note == "the evidence is of 20 other data sets"
    assert "no practical difference: 100 %" in claim.words
    assert claim.line.startswith("with 20 other data sets: no practical difference, +0.0")
    assert "above +0.5 pp: 0 %" in claim.words
    assert replace(claim, rope=(0.0, 0.5)).words.endswith("below 0 pp: 0 %")
    shares = claim.as_dict()["probabilities"]
    assert sum(shares.values()) == pytest.approx(1.0)


def test_ones_own_data_set_is_no_evidence_for_itself(own: tuple[ClaimVerdict, ...]) -> None:
    problem = comparison()
    itself = of_set("iris", 9.0, prints=("another", problem.dataset.fingerprint))
    found = with_evidence(problem, own, evidence(itself, *OTHERS))
    assert found.claims == with_evidence(problem, own, evidence(*OTHERS)).claims
    assert found.note.endswith("; without iris, which these data are or share samples with")


def test_rows_that_are_drawn_of_a_data_set_are_known_to_be_of_it(own: tuple[ClaimVerdict, ...]) -> None:
    """Guards against a part of a shipped data set that had the whole of it in its prior."""
    part = comparison(rows=60)
    itself = of_set("iris", 9.0, prints=(comparison().dataset.fingerprint,))
    found = with_evidence(part, own, evidence(itself, *OTHERS))
    assert part.dataset.fingerprint not in itself.fingerprints
    assert found.note == (
        "the evidence is of 20 other data sets; without iris, which these data are or share samples with"
    )


def test_evidence_is_not_used_where_it_speaks_of_something_else(own: tuple[ClaimVerdict, ...]) -> None:
    everything = evidence(*OTHERS)
    assert with_evidence(comparison(epochs=5), own, everything) == WithEvidence(
        "without the evidence of other data sets, which is of other options: --epochs 5 (the evidence has 30)"
    )
    convolutions = replace(comparison(), design=Design.reduced((8, 16)))
    assert "of perceptrons" in with_evidence(convolutions, own, everything).note
    of_numbers = evidence(*(replace(each, task="regression") for each in OTHERS))
    assert with_evidence(comparison(), own, of_numbers).note.startswith(
        "without evidence: there is none of 3 data sets"
    )
    assert with_evidence(comparison(), own, evidence(*OTHERS[:2])).claims == {}


def test_a_claim_without_an_interval_of_its_own_has_none_with_evidence() -> None:
    assert with_evidence(comparison(), (verdict(LEAKY, np.array([1.0])),), evidence(*OTHERS)).claims == {}


def test_data_that_contradict_all_others_are_said_to(own: tuple[ClaimVerdict, ...]) -> None:
    far = (verdict(LEAKY, np.array([2.0, 2.3, 2.1, 1.9, 2.2] * 4)),)
    claim = with_evidence(comparison(), far, evidence(*OTHERS)).claims[2]
    assert claim.verdict == "supported"
    assert "these data contradict the others" in claim.line


def test_per_cent_add_to_a_hundred() -> None:
    assert whole_percent([1 / 3, 1 / 3, 1 / 3]) == [34, 33, 33]
    assert sum(whole_percent([0.005, 0.99, 0.005])) == 100
