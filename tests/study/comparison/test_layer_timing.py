"""The clock of layers: every round times each of them."""

from __future__ import annotations

from study.comparison.layer_timing import LAYERS, time_in_processes


def test_layers_are_timed_round_by_round_in_each_process() -> None:
    seconds = time_in_processes(2, 3)
    assert tuple(seconds) == LAYERS
    for processes in seconds.values():
        assert [len(rounds) for rounds in processes] == [3, 3]
        assert all(second > 0 for rounds in processes for second in rounds)
        assert processes[0] != processes[1]
