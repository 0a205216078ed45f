"""The kernels of a step, recorded once and replayed, on devices where starting them costs more than they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

Step = Callable[[], None]
Recorder = Callable[[Step], Step]

EAGER_STEPS = 3
"""Steps that run as they are before one is recorded: libraries set themselves up at their first calls."""


def _cuda_graph(step: Step) -> Step:
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


RECORDERS: dict[str, Recorder] = {"cuda": _cuda_graph}


def replayed(step: Step, device: torch.device, recorders: Mapping[str, Recorder] = RECORDERS) -> Step:
    """A step that does the same, by replay where the device has a recorder.

    Args:
        step: Reads and writes the same tensors every time, in place, and asks the device for nothing.
        device: Where the tensors live.
        recorders: By type of device; a recorder runs nothing, and returns what replays its recording.
    """
    recorder = recorders.get(device.type)
    if recorder is None:
        return step
    calls = 0
    current = step

    def call() -> None:
        nonlocal calls, current
        if calls == EAGER_STEPS:
            current = recorder(step)
        calls += 1
        current()

    return call
