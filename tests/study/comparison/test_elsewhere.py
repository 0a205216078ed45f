"""What other data sets say of a search's recommendation: of which contrast, and when they are not asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search_spaces import Hyperparameters
from study.comparison.claims import CLAIMS
from study.comparison.elsewhere import elsewhere
from study.comparison.evidence import Evidence, EvidenceSet
from study.comparison.protocol import protocol
from study.comparison.set_estimates import SetEstimate
from study.config import StudyConfig
from study.problem import Search

SEARCH = Search.of(StudyConfig(data="iris"))
CHOSEN = Hyperparameters()
LEAKY, SMOOTH, ANY, DROPOUT = (next(c for c in CLAIMS if c.id == number) for number in (2, 13, 12, 6))
VALUES = (-0.1, 0.0, 0.05, 0.1, 0.2) * 4


def evidence(*, without: str = "", fingerprint: str = "") -> Evidence:
    """Twenty data sets; of leaky ReLU half a point more than of all activations, of dropout two points less."""

    def estimates(value: float) -> dict[str, list[SetEstimate | None]]:
        of_claims: dict[str, list[SetEstimate | None]] = {
            ANY.statement: [SetEstimate(value, 0.1)],
            LEAKY.statement: [SetEstimate(value + 0.5, 0.1)],
            SMOOTH.statement: [SetEstimate(value + 1.0, 0.1)],
            DROPOUT.statement: [SetEstimate(9.0, 0.1), SetEstimate(value - 2.0, 0.1)],
        }
        return {statement: each for statement, each in of_claims.items() if statement != without}

    sets = [
        EvidenceSet(f"d{place}", "classification", f"d{place}", 100, (), estimates(v)) for place, v in enumerate(VALUES)
    ]
    own = EvidenceSet("iris", "classification", "iris", 150, (fingerprint,), estimates(50.0))
    return Evidence(protocol().hash, (*sets, own) if fingerprint else tuple(sets), 37)


@pytest.mark.parametrize(
    ("activation", "begins"),
    [
        ("leaky_relu", "on 20 other data sets leaky ReLU, its slope chosen, gained +0.55 pp of test accuracy (+0."),
        ("silu", "on 20 other data sets the best of GELU, SiLU and Mish gained +1.05 pp"),
        ("relu", "on 20 other data sets the activation that validation chooses gained +0.05 pp"),
        ("tanh", "on 20 other data sets the activation that validation chooses gained +0.05 pp"),
    ],
)
def test_the_activation_is_looked_up_by_its_own_claim(activation: str, begins: str) -> None:
    line = elsewhere(SEARCH, replace(CHOSEN, activation=activation), evidence())
    assert line.startswith(begins)
    assert "dropout" not in line


def test_what_is_to_be_expected_on_a_new_data_set_is_said_in_words() -> None:
    assert elsewhere(SEARCH, CHOSEN, evidence()).endswith("is to be expected, which does not matter")
    assert elsewhere(SEARCH, replace(CHOSEN, activation="gelu"), evidence()).endswith(
        "is to be expected, which matters"
    )


def test_claims_that_nobody_gathered_yet_are_replaced_by_that_on_all_activations() -> None:
    line = elsewhere(SEARCH, replace(CHOSEN, activation="mish"), evidence(without=SMOOTH.statement))
    assert "the activation that validation chooses gained +0.05 pp" in line


def test_dropout_has_a_sentence_of_its_own_where_it_is_recommended() -> None:
    line = elsewhere(SEARCH, replace(CHOSEN, dropout=0.2), evidence())
    assert "; there dropout gained -1.95 pp of test accuracy" in line
    assert line.endswith("is to be expected, which hurts")


def test_ones_own_data_set_is_left_out_and_named() -> None:
    with_own = elsewhere(SEARCH, CHOSEN, evidence(fingerprint=SEARCH.dataset.fingerprint))
    assert with_own == (
        f"{elsewhere(SEARCH, CHOSEN, evidence())}; without iris, which these data are or share samples with"
    )


@pytest.mark.parametrize(
    ("options", "chosen", "says"),
    [
        ({"epochs": 5}, {}, "of other options: --epochs 5 (the evidence has 30)"),
        (
            {"hidden": (32, 32)},
            {"hidden": (32, 32)},
            "another network (the evidence is of perceptrons of 64 × 64 units)",
        ),
        ({}, {"normalization": "batch"}, "batch normalization (the evidence has none)"),
        ({}, {"residual": True}, "residual connections (the evidence has none)"),
    ],
)
def test_other_networks_are_said_and_not_judged(options: dict[str, Any], chosen: dict[str, Any], says: str) -> None:
    problem = Search.of(StudyConfig(**{"data": "iris", **options}))
    line = elsewhere(problem, replace(CHOSEN, **chosen), evidence())
    assert line.startswith("without the evidence of other data sets, which is")
    assert says in line
