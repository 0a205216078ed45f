"""Verdicts on outcomes made by hand, and on outcomes whose effects were planted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.coverage import know, margin, parts, simulate
from benchmarks.planted import Outcomes
from search_spaces import Hyperparameters
from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures
from study.comparison.claims import CLAIMS, LEVEL
from study.comparison.verdicts import deciding_index, estimate_contrast, judge_claims
from study.intervals import Array

DESIGN = Design()


def test_every_interval_agrees_with_its_verdict_and_the_claim_with_its_deciding_contrast() -> None:
    measured = Outcomes(DESIGN, 1, 10, 0.25, seed=3).measured
    flat = CellMeasures(
        {cell: _Row(measured, cell) for cell in DESIGN.cells}, {k: v[0] for k, v in measured.layer_seconds.items()}
    )
    found = judge_claims(DESIGN, flat, 1 / 3)
    assert [claim.id for claim in found] == list(range(1, len(CLAIMS) + 1))
    for claim in found:
        assert claim.deciding in claim.estimates
        for estimate in claim.estimates:
            assert estimate.interval is not None
            (low, high), (least, most) = estimate.interval, estimate.rope
            assert low <= estimate.estimate <= high  # type: ignore[operator]
            inside = least <= low and high <= most
            assert (estimate.verdict == "no practical difference") == inside
            assert (estimate.verdict in ("supported", "refuted")) == (low > most or high < least)
            assert estimate.change


class _Row(dict[str, Array]):
    """The first simulated data set of a cell."""

    def __init__(self, measured: CellMeasures, cell: Hyperparameters) -> None:
        self._measured, self._cell = measured, cell

    def __missing__(self, name: str) -> Array:
        values: Array = self._measured.of(self._cell, name)[0]
        return values


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
def test_which_contrast_decides(claim: int, verdicts: tuple[str, ...], decides: int) -> None:
    chosen = CLAIMS[claim - 1]
    spans = {"supported": (60.0, 70.0), "refuted": (-70.0, -60.0), "undecided": (-60.0, 60.0)}
    estimates = []
    for contrast, verdict in zip(chosen.contrasts, verdicts, strict=True):
        low, high = spans.get(verdict, (-0.001, 0.001))
        low, high = (low, high) if contrast.region.above else (-high, -low)
        narrow = estimate_contrast(contrast, np.linspace(low, high, 4001), 0.0, 0.95)
        wide = estimate_contrast(contrast, np.array([low, high]), 0.0, 0.95)
        estimates.append(wide if verdict == "undecided" else narrow)
    assert tuple(each.verdict for each in estimates) == verdicts
    assert deciding_index(chosen, estimates) == decides


def test_one_seed_gives_an_estimate_and_no_interval() -> None:
    contrast = CLAIMS[1].contrasts[0]
    estimate = estimate_contrast(contrast, np.array([1.5]), 1 / 3, LEVEL)
    assert (estimate.estimate, estimate.interval, estimate.verdict) == (1.5, None, "undecided")
    assert "one seed gives no interval" in estimate.change
    nothing = estimate_contrast(contrast, np.array([math.nan]), 1 / 3, LEVEL)
    assert (nothing.estimate, nothing.interval) == (None, None)


def test_equal_counts_are_no_spread_to_judge_by() -> None:
    """Two seeds on 30 test samples often count the same; that shows no equality within half a point."""
    accuracy, dead = CLAIMS[1].contrasts[0], CLAIMS[3].contrasts[0]
    estimate = estimate_contrast(accuracy, np.zeros(2), 1 / 3, LEVEL)
    assert (estimate.estimate, estimate.interval, estimate.verdict) == (0.0, None, "undecided")
    assert "no spread to judge by" in estimate.change
    assert estimate_contrast(dead, np.zeros(10), 1 / 3, LEVEL).verdict == "no practical difference"


@pytest.mark.parametrize("null", [False, True], ids=["effects", "no effects"])
def test_intervals_hold_what_was_planted(null: bool) -> None:
    """The whole simulation, 20,000 data sets a case, is `python -m benchmarks.coverage`."""
    known, count = know(DESIGN, null=null, replicates=10_000), 800
    for seeds in (5, 10, 20):
        trial = simulate(DESIGN, known, seeds=seeds, data_sets=count, null=null, seed=10**6)
        assert len(trial.contrasts) == len(parts())
        for each in trial.contrasts:
            assert abs(each.covered - 0.95) < 0.015 + 1.5 * margin(0.95, count), each
        assert trial.family_missed < 0.05 + 0.01 + 1.5 * margin(0.05, count)
        assert trial.family_called < 0.05


def test_the_correction_is_needed() -> None:
    """Without it, intervals over resampled splits miss what they should hold far more often than they may."""
    measured = Outcomes(DESIGN, 2000, 10, 0.25, seed=5).measured
    values = measured.of(DESIGN.cell("relu"), "gradient_ratio_start")
    logs = np.log10(values)
    half = 2.262 * logs.std(axis=1, ddof=1) / math.sqrt(10)
    assert (np.abs(logs.mean(1)) <= half).mean() < 0.75
