"""Times layers in a process of its own: pickled layers on stdin, seconds as JSON on stdout; imports torch alone."""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Mapping

import torch

SHAPE = (256, 1024)
_REPEATS = 5


def time_layers(layers: Mapping[str, torch.nn.Module], rounds: int) -> dict[str, list[float]]:
    """Times forward and backward of layers on normal inputs, on one thread.

    Every round times each layer once, starting with another one, and counts the fastest of a few repeats, so that
    other work of the machine slows all layers alike.

    Args:
        layers: The layers by name.
        rounds: Rounds that count, after one that warms up.

    Returns:
        Seconds, one number a round, by name.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SHAPE, generator=generator).requires_grad_()
    g = torch.randn(SHAPE, generator=generator)
    names = list(layers)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for number in range(rounds + 1):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                fastest = min(_once(layers[name], x, g) for _ in range(_REPEATS))
                if number:
                    seconds[name].append(fastest)
    finally:
        torch.set_num_threads(threads)
    return seconds


def _once(layer: torch.nn.Module, x: torch.Tensor, g: torch.Tensor) -> float:
    x.grad = None
    started = time.perf_counter()
    layer(x).backward(g)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(time_layers(pickle.load(sys.stdin.buffer), int(sys.argv[1]))))
