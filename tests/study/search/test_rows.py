"""The front as rows and as cells of text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trials import CONFIG, SPACE, finished, own

from study.config import StudyConfig
from study.search.front import find_front
from study.search.rows import front_cells, front_rows


def test_the_table_speaks_in_per_cent() -> None:
    front = find_front(own(finished(0, [0.90, 0.92], 0.3), finished(1, [0.95, 0.95], 0.1)), "s", CONFIG)
    rows = front_rows(front, CONFIG, SPACE)
    best, other, baseline = front_cells(rows, CONFIG)
    assert best["accuracy %"] == "95.00 ± 0.00"
    assert best["role"] == "← recommended"
    assert best["difference pp"] == best["test %"] == "–"
    assert other["difference pp"] == "-4.00 ± 1.00"
    assert other["near_zero %"] == "30.0"
    assert baseline["role"] == "baseline"


def test_the_networks_as_trained_stand_beside_the_clamped_ones() -> None:
    config = StudyConfig()
    trials = [
        replace(trial, plain_scores=tuple(score + 0.004 for score in trial.scores))
        for trial in own(finished(0, [0.90, 0.92], 0.3), finished(1, [0.95, 0.95], 0.1))
    ]
    rows = front_rows(find_front(trials, "s", config), config, SPACE)
    assert rows[0]["clamped_accuracy"] == pytest.approx(0.95)
    assert rows[0]["accuracy"] == pytest.approx(0.954)
    assert rows[0]["clamping_difference"] == pytest.approx(-0.004)
    best, *_ = front_cells(rows, config)
    assert (best["clamped_accuracy %"], best["accuracy %"], best["clamping pp"]) == ("95.00 ± 0.00", "95.40", "-0.40")
    assert best["clamped_zeros %"] == "10.0"
