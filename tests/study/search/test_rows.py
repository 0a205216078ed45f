"""The front as rows and as cells of text."""

from __future__ import annotations

from trials import CONFIG, SPACE, finished, own

from study.search.front import find_front
from study.search.rows import front_cells, front_rows


def test_the_table_speaks_in_per_cent() -> None:
    front = find_front(own(finished(0, [0.90, 0.92], 0.3), finished(1, [0.95, 0.95], 0.1)), "s", CONFIG)
    rows = front_rows(front, CONFIG, SPACE)
    best, other, baseline = front_cells(rows, "accuracy", "near_zero")
    assert best["accuracy %"] == "95.00 ± 0.00"
    assert best["role"] == "← recommended"
    assert best["difference pp"] == best["test %"] == "–"
    assert other["difference pp"] == "-4.00 ± 1.00"
    assert other["near_zero %"] == "30.0"
    assert baseline["role"] == "baseline"
