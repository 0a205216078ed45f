"""Blocks in threads: trained at the same time, and stopped together."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import torch

from study.training.engines.base import Block
from study.training.outcome import Replicate

_THREADS = Path("/proc/self/task")
"""Where Linux lists the threads of this process; other systems have no such folder, and fork nothing."""
_PATIENCE = 5.0


class Interrupted(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Training was asked to stop; nothing of it is kept."""


def train_in_threads(
    blocks: Sequence[Block],
    train: Callable[[Block, Callable[[], bool]], Sequence[Replicate] | None],
    stop: Callable[[], bool],
    *,
    threads: int,
) -> Iterator[tuple[Block, Sequence[Replicate]]]:
    """Trains blocks in threads and yields them as they end; an error or a stop in one of them stops all.

    Args:
        blocks: The blocks, which are started in this order.
        train: Trains one of them until the function that it is given returns True; returns None then.
        stop: Whether training is to stop.
        threads: Blocks that train at the same time.

    Yields:
        A block and the results of its slots.

    Raises:
        Interrupted: `stop` returned True.
    """
    stopped = False

    def should_stop() -> bool:
        return stopped or stop()

    ids: set[int] = set()
    pool = ThreadPoolExecutor(max_workers=threads, initializer=lambda: ids.add(threading.get_native_id()))
    try:
        futures = {pool.submit(train, block, should_stop): block for block in blocks}
        for future in as_completed(futures):
            replicates = future.result()
            if replicates is None:
                raise Interrupted
            yield futures[future], replicates
    finally:
        stopped = True
        pool.shutdown(cancel_futures=True)
        _wait_until_gone(ids)


def _wait_until_gone(ids: Collection[int]) -> None:
    """Waits for threads that were joined until the operating system has ended them, too.

    Such a thread may still hold a lock of Intel's MKL, which accounts for the memory of each thread; a process that is
    forked meanwhile waits for that lock for ever (one of a hundred did).

    Args:
        ids: Their native ids.
    """
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and any((_THREADS / str(each)).exists() for each in ids):
        time.sleep(0.0005)


@contextmanager
def one_thread_a_kernel() -> Iterator[None]:
    """Runs each kernel in one thread: blocks are the unit of parallelism, and kernels would join threads at every step.

    Cycles are not collected meanwhile: a step makes none, and collections would interrupt it.
    """
    before, collecting = torch.get_num_threads(), gc.isenabled()
    torch.set_num_threads(1)
    gc.disable()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if collecting:
            gc.enable()
