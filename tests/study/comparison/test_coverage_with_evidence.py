"""Intervals with the evidence hold planted effects; all cases are in `python -m benchmarks.coverage_with_evidence`."""

from __future__ import annotations

from benchmarks.coverage import margin
from benchmarks.coverage_with_evidence import simulate


def test_intervals_with_the_evidence_hold_and_are_narrower() -> None:
    found = simulate(0.5, "normal", 3.0, 100)
    assert found.covered >= 0.93 - margin(0.93, 100)
    assert found.width < 0.6
    assert found.wrongly_called <= 0.05
