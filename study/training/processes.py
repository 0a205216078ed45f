"""Processes that train blocks. Threads of one process would wait for each other's interpreter at every kernel."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any

import torch

from reluctant.errors import ReluctantError
from reluctant.exit_codes import FAILED
from search_spaces import Hyperparameters
from study.training.block_threads import one_thread_a_kernel
from study.training.engines.base import BlockResult
from study.training.pipes import GoneError, receive, send
from study.training.progress import OnEpoch, SlotState, Snapshot

_POLL_SECONDS = 0.05
_PATIENCE = 10.0
_PATIENCE_WITH_A_STOP = 60.0
"""Seconds until a child is killed that does not answer a stop; one that measures asks for none meanwhile."""
_UNTIL_THREADS_ARE_GONE = 0.01
_FORKS = 5
"""So many times children are forked in place of those that do not compute, before that is an error."""
_SIDE = 64
"""Of a matrix whose product takes the locks that training takes."""

TrainBlock = Callable[
    [Sequence[Hyperparameters], int, Callable[[], bool], int, Sequence[SlotState], OnEpoch | None],
    BlockResult | None,
]
"""Trains and measures the slots of a block: slots, replicate, stop, epoch up to which they are trained, states to
resume from, and `on_epoch`."""


class _DroppedError(Exception):
    """Nobody waits for the block any more: what was called between two of its epochs has failed."""


class TrainingProcessError(ReluctantError, RuntimeError):
    """A process that trained a block is gone."""

    exit_code = FAILED


def can_fork() -> bool:
    """Whether this process may have forked children that compute: on Linux, and not in somebody's daemon."""
    return sys.platform == "linux" and not multiprocessing.current_process().daemon


def can_fork_for_gradients() -> bool:
    """Whether autograd works in a forked child: builds of torch for GPUs refuse it once this process has used it.

    A child tries: torch does not say whether it was used.
    """
    if not can_fork():
        return False
    time.sleep(_UNTIL_THREADS_ARE_GONE)
    probe = _forked(_compute_gradient)
    probe.join(_PATIENCE)
    if probe.exitcode is None:
        probe.kill()
        probe.join()
    return probe.exitcode == 0


def _compute_gradient() -> None:
    try:
        torch.autograd.backward(torch.ones(1, requires_grad=True))
    except RuntimeError:
        os._exit(1)


def _forked(target: Callable[..., None], *arguments: Any) -> ForkProcess:
    """A forked child that has begun, and that ends with this process."""
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments, daemon=True)
    with warnings.catch_warnings():
        # Newer Pythons warn of threads; those of numeric libraries are made for this.
        warnings.filterwarnings("ignore", r".*use of fork\(\)", DeprecationWarning)
        process.start()
    return process


class Processes:
    """Forked children that train blocks, one block each at a time; called as a `TrainBlock`, from any thread.

    They share what was in memory when they were forked, and end when this process does, however that ends.

    Args:
        train: Trains a block.
        count: Number of children.

    Raises:
        TrainingProcessError: No child that was forked could compute.
    """

    def __init__(self, train: TrainBlock, count: int) -> None:
        self._train, self._stopping = train, multiprocessing.get_context("fork").RawValue("b", 0)
        self._free: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._children: list[_Child] = []
        time.sleep(_UNTIL_THREADS_ARE_GONE)
        for _ in range(_FORKS):
            forked = [self._fork() for _ in range(count - len(self._children))]
            # All begin before one is waited for.
            for child in [child for child in forked if not child.computes()]:
                self._children.remove(child)
                child.kill()
            if len(self._children) == count:
                break
        else:
            self.close()
            raise TrainingProcessError(
                f"of {_FORKS} processes forked for training one after the other, none computed within {_PATIENCE:.0f} "
                "s; a thread of this process keeps a lock: train in a process of its own, or with --threads 1"
            )
        for child in self._children:
            self._free.put(child)

    def _fork(self) -> _Child:
        """A child that waits for blocks once it has shown that it computes."""
        ours, theirs = multiprocessing.get_context("fork").Pipe()
        # A child that held the others' pipes open would keep them from noticing this process's end.
        others = [ours, *(child.pipe for child in self._children)]
        child = _Child(_forked(_serve, theirs, others, self._train, self._stopping, os.getpid()), ours)
        theirs.close()
        self._children.append(child)
        return child

    def begin(self) -> None:
        """Lets them train again after a stop; called while none of them trains."""
        self._stopping.value = 0

    def __call__(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        stop: Callable[[], bool],
        until: int,
        resume_states: Sequence[SlotState],
        on_epoch: OnEpoch | None,
    ) -> BlockResult | None:
        """Trains a block in a child; `stop` is asked here, and ends what all children train.

        Raises:
            TrainingProcessError: The child ended before it was done.
        """
        child, stop_since = self._free.get(), None
        try:
            send(child.pipe, (slots, replicate, until, resume_states, on_epoch is not None))
            while True:
                if stop():
                    self._stopping.value = 1
                    stop_since = stop_since or time.monotonic()
                    if time.monotonic() - stop_since > _PATIENCE_WITH_A_STOP:
                        child.process.kill()
                if not child.pipe.poll(_POLL_SECONDS):
                    continue
                kind, content = receive(child.pipe)
                if kind == "done":
                    result: BlockResult | None = content
                    return result
                if kind == "failed":
                    raise content
                assert on_epoch is not None
                try:
                    on_epoch(child.states)
                except BaseException:
                    with suppress(GoneError):
                        send(child.pipe, "drop it")
                    raise
                send(child.pipe, "go on")
        except GoneError:
            # A signal to all processes of a job may end the children before it reaches this process.
            if stop():
                return None
            raise TrainingProcessError(f"a process that trained networks ended by {child.end()}") from None
        finally:
            self._free.put(child)

    def close(self) -> None:
        """Ends the children."""
        for child in self._children:
            child.pipe.close()
        for child in self._children:
            child.process.join(_PATIENCE)
            if child.process.is_alive():
                child.kill()


class _Child:
    """One child, and the pipe to it."""

    def __init__(self, process: Any, pipe: Connection) -> None:
        self.process, self.pipe = process, pipe

    def computes(self) -> bool:
        """Whether it has said that it computes.

        A thread of this process that was about to end may have held a lock of Intel's MKL at the fork; the child, which
        has no such thread, would wait for that lock for ever.
        """
        try:
            return self.pipe.poll(_PATIENCE) and receive(self.pipe) == "ready"
        except GoneError:
            return False

    def kill(self) -> None:
        """Ends it at once."""
        self.pipe.close()
        self.process.kill()
        self.process.join()

    def states(self) -> list[SlotState]:
        """Copies of the states of the child's slots, between two epochs."""
        send(self.pipe, "states")
        states: list[SlotState] = receive(self.pipe)
        return states

    def end(self) -> str:
        """How it ended."""
        self.process.join(_PATIENCE)
        status = self.process.exitcode
        return signal.Signals(-status).name if status is not None and status < 0 else f"exit status {status}"


def _serve(pipe: Connection, others: Sequence[Connection], train: TrainBlock, stopping: Any, parent: int) -> None:
    """Trains blocks in a child until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()

    def stop() -> bool:
        return bool(stopping.value) or os.getppid() != parent

    def on_epoch(states: Snapshot) -> None:
        send(pipe, ("epoch", None))
        while (answer := receive(pipe)) == "states":
            send(pipe, states())
        if answer == "drop it":
            raise _DroppedError

    with suppress(GoneError):
        with one_thread_a_kernel():  # as they train; the threads of a kernel are not those of a child
            torch.ones(_SIDE, _SIDE) @ torch.ones(_SIDE, _SIDE)
        send(pipe, "ready")
        while True:
            slots, replicate, until, resume_states, wants_epochs = receive(pipe)
            answer: tuple[str, object]
            try:
                told = on_epoch if wants_epochs else None
                answer = "done", train(slots, replicate, stop, until, resume_states, told)
            except GoneError:
                raise
            except _DroppedError:
                continue
            except Exception as error:
                error.add_note(f"In a process that trained a block:\n{traceback.format_exc()}")
                answer = "failed", error
            send(pipe, answer)
