"""The time that torch's own activation layers take on this machine."""

from __future__ import annotations

import time
from typing import Any

import torch

from search_spaces import ACTIVATIONS
from search_spaces.design import USUAL_SLOPE
from study.comparison.cell_measures import LAYER_TIMES
from study.machine import processor
from study.records.open_study import OpenStudy

LAYERS = ("relu", "leaky_relu", "elu")
ROUNDS = 40
_SHAPE = (256, 1024)
_REPEATS = 5


def store_layer_times(study: OpenStudy) -> None:
    """Times layers for a comparison that has no times yet, and stores the seconds with it."""
    if LAYER_TIMES not in study.storage.get_study_system_attrs(study.study_id):
        times = {
            "seconds": time_layers(),
            "machine": f"{processor()}, one thread, torch {torch.__version__}, float32 [{_SHAPE[0]}, {_SHAPE[1]}]",
        }
        study.storage.set_study_attrs(study.study_id, system_attrs={LAYER_TIMES: times})


def time_layers(rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Times forward and backward of stock layers on normal inputs, on one thread.

    Every round times each layer once, starting with another one, and counts the fastest of a few repeats, so that
    other work of the machine slows all layers alike.

    Args:
        rounds: Rounds that count, after one that warms up.

    Returns:
        Seconds, one number a round, by activation.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(_SHAPE, generator=generator).requires_grad_()
    g = torch.randn(_SHAPE, generator=generator)
    modules = {name: ACTIVATIONS[name].module(USUAL_SLOPE) for name in LAYERS}
    seconds: dict[str, list[float]] = {name: [] for name in LAYERS}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number in range(rounds + 1):
            first = number % len(LAYERS)
            for name in LAYERS[first:] + LAYERS[:first]:
                fastest = min(_once(modules[name], x, g) for _ in range(_REPEATS))
                if number:
                    seconds[name].append(fastest)
    finally:
        torch.set_num_threads(threads)
    return seconds


def _once(module: Any, x: torch.Tensor, g: torch.Tensor) -> float:
    x.grad = None
    started = time.perf_counter()
    module(x).backward(g)
    return time.perf_counter() - started
