"""The clock of layers: every round times each of them."""

from __future__ import annotations

from study.comparison.layer_timing import LAYERS, time_layers


def test_layers_are_timed_round_by_round() -> None:
    seconds = time_layers(rounds=3)
    assert tuple(seconds) == LAYERS
    assert all(len(values) == 3 and min(values) > 0 for values in seconds.values())
