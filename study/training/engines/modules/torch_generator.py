"""Torch's own generator, which all threads of a process share, for code that draws from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LOCK = threading.Lock()
"""Held while the generator is seeded: blocks in several threads draw at the same time."""


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seeds torch's generator, also that of a GPU; afterwards it goes on where it was.

    Args:
        seed: The seed.
        device: Where is drawn; None: on the processor.
    """
    gpu = device is not None and device.type == "cuda"
    with _LOCK, torch.random.fork_rng(devices=[device] if gpu else []):
        torch.default_generator.manual_seed(seed)
        if gpu:
            torch.cuda.manual_seed(seed)
        yield
