"""Verdicts as lines: what a comparison rests on stands above them."""

from __future__ import annotations

import pytest
from comparisons import summary

from study.cli.print_comparisons import print_comparisons

SHARES = (
    "learning rates are tuned out of 0.001 … 0.01: 2.0 % of the choices are the lowest, 7.0 % the highest; better ones "
    "may lie beyond"
)
STREAMS = (
    "on each split every cell is trained under 3 random streams, which take turns: one chooses, one tunes the learning "
    "rate, one is read"
)


@pytest.mark.parametrize(
    ("seeds", "failed", "lines"),
    [
        (
            1,
            0,
            [
                "iris: one seed, 2 epochs",
                "One seed gives no interval, so nothing about accuracy is decided: compare with --seeds 10.",
                STREAMS,
                SHARES,
                "no intervals, so nothing is decided: one seed gives none",
            ],
        ),
        (
            3,
            2,
            [
                "iris: 3 seeds, each with a split of its own, 2 epochs",
                "How sure: judged together, with an error of 5 % over all of them, 0 of 0 claims are decided.",
                STREAMS,
                SHARES,
                "verdicts: Holm's procedure over 0 claims at 5 %; two intervals: 95 % for the contrast alone, and "
                "99.58 %, by which all claims share 5 %; replicates correlate as measured "
                "(--variance)",
                "2 cells could not be trained, and are missing below",
            ],
        ),
    ],
)
def test_what_a_comparison_rests_on_is_said_first(
    seeds: int, failed: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against intervals that are announced where one seed gives none."""
    print_comparisons([summary(seeds=seeds, failed=failed, at_edges=(0.02, 0.07))], "table")
    assert [line for line in capsys.readouterr().out.splitlines() if line] == lines


def test_seeds_that_share_the_official_test_part_are_not_said_to_split_it() -> None:
    assert summary(official_test=True).seeds_text == "3 seeds, each with training and validation parts of its own"


def test_a_comparison_of_version_0_1_says_what_its_designs_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparisons([summary(streams=1, variance="nadeau-bengio")], "table")
    printed = capsys.readouterr().out
    assert "begun with the designs of version 0.1" in printed
    assert "replicates correlate as Nadeau and Bengio assume" in printed
