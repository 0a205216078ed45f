"""How many workers are started."""

from __future__ import annotations

from study.workers.observer import worker_count


def test_no_more_workers_than_trials_and_a_line_on_small_shares() -> None:
    lines: list[str] = []
    assert worker_count(2, 100, 32, None, lines.append) == 2
    assert lines == []
    assert worker_count(6, 4, 32, None, lines.append) == 4
    assert lines == ["6 workers were asked for, and 4 trials are missing; 4 are started"]
    assert worker_count(9, 100, 32, None, lines.append) == 9
    assert "9 workers share cohorts of 32 trials, 4 for each; a larger --cohort would" in lines[1]
    assert worker_count(3, 0, 32, None, lines.append) == 1


def test_a_line_where_brackets_are_fewer_than_workers() -> None:
    lines: list[str] = []
    assert worker_count(4, 200, 64, 32, lines.append) == 4
    assert lines == []
    assert worker_count(16, 200, 64, 32, lines.append) == 16
    assert "so that 4 of 16 workers have something to do; a larger --cohort, or --pruner none" in lines[0]
