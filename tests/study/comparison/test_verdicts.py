"""Verdicts on outcomes made by hand, and on outcomes whose effects were planted."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.coverage import FEWER_LEVELS, RATIO, Known, know, margin, parts, simulate
from benchmarks.planted import Outcomes
from search_spaces import Hyperparameters
from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures, StreamMeasures
from study.comparison.claims import CLAIMS, LEVEL, Claim
from study.comparison.correlation import variance_ratio
from study.comparison.verdicts import estimate_contrast, judge_claims
from study.config import Variance
from study.intervals import Array, corrected_interval

DESIGN = Design(**FEWER_LEVELS)
INDEPENDENT = 3_000
"""Replicates that share nothing."""


def test_every_interval_agrees_with_its_verdict_and_the_claim_with_its_deciding_contrast() -> None:
    measured = Outcomes(DESIGN, 1, 10, 0.25, seed=3).measured
    flat = CellMeasures(
        tuple(StreamMeasures({cell: _Row(stream, cell) for cell in DESIGN.cells}) for stream in measured.streams),
        {k: v[0] for k, v in measured.layer_seconds.items()},
    )
    found = judge_claims(DESIGN, flat, lambda kind: variance_ratio(kind, "nadeau-bengio", RATIO))
    assert [claim.id for claim in found] == list(DESIGN.claims)
    for claim in found:
        assert claim.deciding in claim.estimates
        assert (claim.verdict != "undecided") == (claim.p <= 0.05)
        for estimate in claim.estimates:
            assert estimate.interval is not None
            assert estimate.plain_interval is not None
            (low, high), (least, most) = estimate.interval, estimate.rope
            assert low <= estimate.estimate <= high  # type: ignore[operator]
            inside = least <= low and high <= most
            assert (estimate.verdict == "no practical difference") == inside
            assert (estimate.verdict in ("supported", "refuted")) == (low >= most or high <= least)
            assert low <= estimate.plain_interval[0]
            assert estimate.plain_interval[1] <= high
            assert estimate.change


def test_the_reduced_design_has_an_interval_for_every_claim() -> None:
    design = Design.reduced((4, 8))
    measured = Outcomes(design, 1, 4, 0.25, seed=3).measured
    flat = CellMeasures(
        tuple(StreamMeasures({cell: _Row(stream, cell) for cell in design.cells}) for stream in measured.streams),
        {k: v[0] for k, v in measured.layer_seconds.items()},
    )
    found = judge_claims(design, flat, lambda kind: variance_ratio(kind, "measured", RATIO))
    assert [claim.id for claim in found] == list(design.claims)
    estimates = [estimate for claim in found for estimate in claim.estimates]
    assert all(estimate.interval is not None for estimate in estimates)
    assert [estimate.name for estimate in estimates if "depth 10" in estimate.name] == []
    assert sum("in networks of 5 blocks" in estimate.name for estimate in estimates) == 2


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim.id))
def test_a_claim_finds_in_the_cells_of_its_own_all_that_it_reads(claim: Claim) -> None:
    design = replace(DESIGN, claims=(claim.id,))
    measured = Outcomes(design, 1, 10, 0.25, seed=3).measured
    flat = CellMeasures(
        tuple(StreamMeasures({cell: _Row(stream, cell) for cell in design.cells}) for stream in measured.streams),
        {k: v[0] for k, v in measured.layer_seconds.items()},
        measured.epochs,
    )
    (found,) = judge_claims(design, flat, lambda kind: variance_ratio(kind, "measured", RATIO))
    assert found.id == claim.id
    for estimate in found.estimates:
        assert estimate.estimate is not None, estimate.name
        assert estimate.interval == estimate.plain_interval  # one claim alone has all of the 5 %


class _Row(dict[str, Array]):
    """The first simulated data set of a cell."""

    def __init__(self, measured: StreamMeasures, cell: Hyperparameters) -> None:
        self._measured, self._cell = measured, cell

    def __missing__(self, name: str) -> Array:
        values: Array = self._measured.cells[self._cell][name][0]
        return values


def test_one_seed_gives_an_estimate_and_no_interval() -> None:
    contrast = CLAIMS[1].contrasts[0]
    estimate = estimate_contrast(contrast, np.array([1.5]), 1 / 3)
    assert (estimate.estimate, estimate.interval, estimate.verdict) == (1.5, None, "undecided")
    assert "one seed gives no interval" in estimate.change
    nothing = estimate_contrast(contrast, np.array([math.nan]), 1 / 3)
    assert (nothing.estimate, nothing.interval) == (None, None)


def test_equal_counts_are_no_spread_to_judge_by() -> None:
    """Two seeds on 30 test samples often count the same; that shows no equality within half a point."""
    accuracy, dead = CLAIMS[1].contrasts[0], CLAIMS[3].contrasts[0]
    estimate = estimate_contrast(accuracy, np.zeros(2), 1 / 3)
    assert (estimate.estimate, estimate.interval, estimate.verdict) == (0.0, None, "undecided")
    assert "no spread to judge by" in estimate.change
    assert estimate_contrast(dead, np.zeros(10), 1 / 3).verdict == "no practical difference"


def test_holm_decides_what_bonferroni_leaves_open_and_the_interval_ends_at_the_region() -> None:
    contrast = CLAIMS[1].contrasts[0]
    values = np.random.default_rng(0).normal(0.0, 1.0, 10)
    values = 0.9 + 0.4 * (values - values.mean()) / values.std(ddof=1)
    strict, sharp = (estimate_contrast(contrast, values, 0.0, error=error) for error in (1.0 - LEVEL, 0.025))
    assert (strict.verdict, sharp.verdict) == ("undecided", "supported")
    assert 1.0 - LEVEL < strict.error == sharp.error <= 0.025
    assert strict.interval is not None
    assert strict.interval[0] < 0.5
    assert sharp.interval == (0.5, strict.interval[1])
    assert sharp.plain_interval == strict.plain_interval
    _, low, high = corrected_interval(values, 0.0, 0.95)
    assert sharp.plain_interval == pytest.approx((low, high))


@functools.cache
def known(null: bool, variance: Variance) -> list[Known]:
    """What is known of every contrast before the simulation, from few of the replicates that the benchmark takes."""
    return know(DESIGN, null=null, variance=variance, replicates=INDEPENDENT)


@pytest.mark.parametrize("null", [False, True], ids=["effects", "no effects"])
@pytest.mark.parametrize(("variance", "of_seeds"), [("measured", (5, 12)), ("nadeau-bengio", (10,))])
def test_intervals_hold_what_was_planted(null: bool, variance: Variance, of_seeds: tuple[int, ...]) -> None:
    """The whole simulation, 20,000 data sets a case, is `python -m benchmarks.coverage`."""
    planted, count = known(null, variance), 2000
    for seeds in of_seeds:
        trial = simulate(DESIGN, planted, seeds=seeds, data_sets=count, null=null, variance=variance, seed=10**6)
        assert len(trial.contrasts) == len(parts())
        for each in trial.contrasts:
            assert abs(each.covered - 0.95) < 0.015 + 1.5 * margin(0.95, count), (seeds, each)
        intervals = len(parts()) / len(DESIGN.claims)
        assert trial.family_missed < intervals * 0.05 + 0.01 + 1.5 * margin(0.05, count), seeds
        assert trial.family_called < 0.05, seeds


def test_where_nothing_differs_choosing_finds_nothing() -> None:
    """Every contrast of scores is 0 in expectation where all cells are alike, whatever it chooses from."""
    for each, (_, part) in zip(known(True, "measured"), parts(), strict=True):
        if part.kind == "score":
            assert abs(each.truth) < 4 * each.spread / math.sqrt(INDEPENDENT), part.name


def test_the_correction_is_needed() -> None:
    """Without it, intervals over resampled splits miss what they should hold far more often than they may."""
    measured = Outcomes(DESIGN, 2000, 10, 0.25, seed=5).measured
    values = measured.streams[0].of(DESIGN.cell("relu"), "gradient_ratio_start")
    logs = np.log10(values)
    half = 2.262 * logs.std(axis=1, ddof=1) / math.sqrt(10)
    assert (np.abs(logs.mean(1)) <= half).mean() < 0.75
