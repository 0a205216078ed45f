"""Verdicts as lines: what a comparison rests on stands above them."""

from __future__ import annotations

import pytest

from study.cli.print_comparisons import print_comparisons
from study.comparison.claims import LEVEL
from study.comparison.summary import ComparisonSummary


@pytest.mark.parametrize(
    ("seeds", "failed", "lines"),
    [
        (1, 0, ["iris: one seed, 2 epochs", "no intervals, so nothing is decided: one seed gives none"]),
        (
            3,
            2,
            [
                "iris: 3 seeds, each with a split of its own, 2 epochs",
                f"0 intervals that hold together with 95 % ({100 * LEVEL:.2f} % each)",
                "2 cells could not be trained, and are missing below",
            ],
        ),
    ],
)
def test_what_a_comparison_rests_on_is_said_first(
    seeds: int, failed: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against intervals that are announced where one seed gives none."""
    print_comparisons(
        [ComparisonSummary("a", "iris", seeds, 2, 1 / 3, LEVEL, None, (), (), (), (), (), (), failed)], "table"
    )
    assert [line for line in capsys.readouterr().out.splitlines() if line] == lines
