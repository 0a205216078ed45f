"""The answer of a comparison says what its intervals allow, in five sentences at most."""

from __future__ import annotations

from dataclasses import replace

import comparisons
import pytest

from search_spaces.design import LINEAR
from study.comparison.claims import CLAIMS
from study.comparison.in_short import in_short
from study.comparison.summary import CellSummary, ComparisonSummary
from study.comparison.verdicts import ClaimVerdict, ContrastEstimate
from study.intervals import Region

Interval = tuple[float, float]
NOTHING = (-0.1, 0.1)


def claim(number: int, interval: Interval) -> ClaimVerdict:
    """A claim whose contrasts all have one interval, and the verdict that it allows."""
    verdict = Region((-0.5, 0.5)).verdict(interval)
    estimate = ContrastEstimate(
        name="",
        estimate=sum(interval) / 2,
        interval=interval,
        plain_interval=interval,
        unit="pp",
        rope=(-0.5, 0.5),
        verdict=verdict,
        error=1.0,
        change="",
        decides=True,
        values=(),
    )
    return ClaimVerdict(number, CLAIMS[number - 1].statement, "test", False, 1.0, estimate, (estimate,))


def cell(activation: str, *accuracies: float) -> CellSummary:
    mean = sum(accuracies) / len(accuracies)
    return CellSummary(activation, None, "kaiming_normal", 0.0, None, 2, mean, None, accuracies, near_zero=0.5)


def summary(*claims: ClaimVerdict, cells: tuple[CellSummary, ...] = (), seeds: int = 10) -> ComparisonSummary:
    return comparisons.summary(seeds=seeds, verdicts=claims, accuracy_by_activation=cells)


@pytest.mark.parametrize(
    ("interval", "sentence"),
    [
        (
            (-0.2, 0.4),
            "Use ReLU: the activation that validation chooses gains +0.10 points (-0.20 to +0.40) of test accuracy "
            "over it, which is less than the 0.5 points that would matter.",
        ),
        (
            (0.6, 1.0),
            "ReLU is not enough here: the activation that validation chooses gains +0.80 points (+0.60 to +1.00) of "
            "test accuracy over it, so let `reluctant run` choose.",
        ),
        (
            (-0.2, 1.0),
            "Start with ReLU: the activation that validation chooses gains +0.40 points (-0.20 to +1.00) of test "
            "accuracy over it, and these data do not tell whether that is more than 0.5 points.",
        ),
    ],
)
def test_the_first_sentence_says_what_to_use(interval: Interval, sentence: str) -> None:
    assert in_short(summary(claim(12, interval)))[0] == sentence


def test_what_is_set_against_relu_is_judged_by_its_interval() -> None:
    cells = (
        cell("relu", 0.80, 0.81, 0.82),
        cell("tanh", 0.700, 0.711, 0.722),
        cell(LINEAR, 0.801, 0.810, 0.819),
    )
    first, second, third, sure = in_short(
        summary(claim(2, (0.6, 1.0)), claim(10, NOTHING), claim(5, NOTHING), cells=cells)
    )
    assert first == (
        "Against ReLU, leaky ReLU, its slope chosen, is better (+0.80 points, +0.60 to +1.00), tanh is worse (-9.90 "
        "points, -10.15 to -9.65) and a network without activations is no different in practice (0.00 points, -0.25 "
        "to +0.25)."
    )
    assert second == (
        "An initialization of its own for each activation, in place of one for all, does not matter (0.00 points, "
        "-0.10 to +0.10)."
    )
    assert third == (
        "Sparsity and dropout: ten points more outputs near zero went with 0.00 points (-0.10 to +0.10) of accuracy, "
        "an association."
    )
    assert sure == (
        "How sure: each interval above is of 95 % by itself; judged together, with an error of 5 % over all of them, 3 "
        "of 3 claims are decided (supported: 2; no practical difference: 5, 10); 10 seeds tell leaky ReLU from ReLU to "
        "within ±0.20 points."
    )


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((-0.9, 0.8), "not told apart"),
        ((0.2, 1.9), "better or no different in practice"),
        ((-1.4, 0.1), "worse or no different in practice"),
    ],
)
def test_an_undecided_difference_is_what_its_interval_leaves_possible(interval: Interval, words: str) -> None:
    first, _ = in_short(summary(claim(2, interval)))
    assert f"leaky ReLU, its slope chosen, is {words} (" in first


def test_equal_differences_have_no_spread_to_judge_by() -> None:
    cells = cell("relu", 0.80, 0.81, 0.82), cell("tanh", 0.70, 0.71, 0.72)
    first, _ = in_short(summary(claim(2, (0.6, 1.0)), cells=cells))
    assert first == "Against ReLU, leaky ReLU, its slope chosen, is better (+0.80 points, +0.60 to +1.00)."


def test_all_claims_give_five_sentences_and_one_seed_gives_one() -> None:
    every = summary(*(claim(number, NOTHING) for number in range(1, len(CLAIMS) + 1)), cells=(cell("relu", 0.8, 0.9),))
    assert len(in_short(every)) == 5
    assert in_short(replace(every, seeds=1)) == [
        "One seed gives no interval, so nothing about accuracy is decided: compare with --seeds 10."
    ]


def test_a_claim_without_a_value_has_no_sentence() -> None:
    empty = claim(2, NOTHING)
    nothing = replace(empty.deciding, estimate=None, interval=None, plain_interval=None)
    assert in_short(summary(replace(empty, deciding=nothing, estimates=(nothing,)))) == [
        "How sure: judged together, with an error of 5 % over all of them, 1 of 1 claims is decided (no practical "
        "difference: 2)."
    ]


def test_of_claims_without_a_sentence_of_their_own_the_decided_ones_are_named() -> None:
    assert in_short(summary(claim(14, (-9.0, -7.0)), claim(15, (7.0, 9.0)), claim(25, (-0.2, 1.0)))) == [
        "How sure: judged together, with an error of 5 % over all of them, 2 of 3 claims are decided (refuted: 14; "
        "supported: 15)."
    ]
