"""Leaving data sets out: what is held against what; the figures are in `python -m benchmarks.leave_one_out`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.leave_one_out import Case, LeftOut, imitated, left_out, summary
from study.comparison.across_data_sets import distribution_of_new
from study.comparison.claims import CLAIMS
from study.comparison.evidence import Evidence, EvidenceSet
from study.comparison.protocol import protocol
from study.comparison.set_estimates import SetEstimate

LEAKY = CLAIMS[1]


def of_set(name: str, value: float, *, group: str = "", rows: int = 2_000) -> EvidenceSet:
    estimates = {LEAKY.statement: [SetEstimate(value, 0.2)]}
    return EvidenceSet(name, "classification", group or name, rows, (name,), estimates)


@pytest.fixture
def evidence() -> Evidence:
    values = np.random.default_rng(0).normal(0.1, 0.5, 20)
    return Evidence(protocol().hash, tuple(of_set(f"d{place}", value) for place, value in enumerate(values)), 20)


def test_a_data_set_and_its_group_are_no_part_of_what_it_is_held_against(evidence: Evidence) -> None:
    relative = of_set("relative", 90.0, group="d0")
    with_it = replace(evidence, sets=(*evidence.sets, relative))
    ((claim, place, found),) = left_out(with_it, of_set("relative", 80.0, group="d0"), 4)
    ((_, _, expected),) = left_out(replace(evidence, sets=evidence.sets[1:]), evidence.sets[1], 4)
    assert (claim, place, found.freedom) == (2, 0, 3)
    assert found.prior.centre == pytest.approx(
        np.mean([each.estimates[LEAKY.statement][0].value for each in evidence.sets[1:]])  # type: ignore[union-attr]
    )
    assert expected.prior.centre != found.prior.centre


def test_an_estimate_on_all_rows_may_miss_by_its_own_error() -> None:
    """Outside the interval of the effect, an exact estimate is not held; one with a large error is."""
    prior = distribution_of_new([SetEstimate(value, 0.2) for value in (-0.4, -0.1, 0.1, 0.3, 0.6)])
    own = SetEstimate(0.2, 0.3)

    def case(error: float) -> Case:
        full = SetEstimate(1.3, error)
        return LeftOut(2, LEAKY.contrasts[0], "d", full, 5, prior).case(own, 5)

    exact, vague = case(1e-6), case(2.0)
    assert exact.interval == vague.interval
    assert not exact.as_truth
    assert not exact.held
    assert not vague.as_truth
    assert vague.held


def test_imitated_few_rows_are_held_where_all_is_as_assumed(evidence: Evidence) -> None:
    found = summary(imitated(evidence, protocol(), rows=500, draws=5, seed=0))
    assert found["cases"] == 100
    assert found["data_sets"] == 20
    assert found["held"] >= 0.85
    assert found["width_over_own_data_alone"] < 1.0
    assert [each["claim"] for each in found["contrasts"]] == [2]


def test_data_sets_of_hardly_more_rows_are_left_out(evidence: Evidence) -> None:
    small = replace(evidence, sets=tuple(replace(each, rows=600) for each in evidence.sets[:5]))
    assert imitated(small, protocol(), rows=500, draws=1, seed=0) == []
