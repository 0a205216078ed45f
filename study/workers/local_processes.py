"""Workers as processes of this machine: started, supervised, replaced where they crash, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from reluctant.errors import ReluctantError
from reluctant.exit_codes import CONTACT_LOST, DONE, FAILED, WRONG_USAGE

MOST_CRASHES = 5
"""So many crashes in a row, during which no worker finished a trial, end a run."""
_LAST_LINES = 12
_LONGEST_PAUSE = 30.0
_PATIENCE = 30.0


class WorkersFailedError(ReluctantError, RuntimeError):
    """Workers crash again and again."""

    exit_code = FAILED


@dataclass
class _Worker:
    """One worker: its command, and the process that runs it now."""

    number: int
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[str] | None = None
    reader: threading.Thread | None = None
    again_at: float = 0.0
    done: bool = False
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))


class LocalProcesses:
    """Runs one process a worker; a context manager that ends all of them.

    Args:
        commands: The command of each worker.
        environment: Environment variables of each worker, added to those of this process.
        finished: Returns how many trials of the study are finished; called after every crash.
        log: Called with every line that a worker writes, and with how workers ended.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environment: Sequence[Mapping[str, str]],
        *,
        finished: Callable[[], int],
        log: Callable[[str], None],
    ) -> None:
        self._workers = [
            _Worker(number, command, own)
            for number, (command, own) in enumerate(zip(commands, environment, strict=True), start=1)
        ]
        self._finished, self._log = finished, log
        self._crashes, self._finished_before = 0, 0
        self.contact_lost = False

    @property
    def done(self) -> bool:
        """Whether every worker has ended well, or has lost its database."""
        return all(worker.done for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [worker.process.pid for worker in self._workers if worker.process is not None]

    def supervise(self) -> None:
        """Starts the workers that are to be started, and handles those that have ended.

        Raises:
            WorkersFailedError: Too many crashed in a row, or one cannot work; the text has its last lines.
        """
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is not None:
                self._handle_exit(worker)
            if worker.process is None and not worker.done and time.monotonic() >= worker.again_at:
                self._start(worker)

    def __enter__(self) -> Self:
        self._finished_before = self._finished()
        return self

    def __exit__(self, *error: object) -> None:
        running = [worker.process for worker in self._workers if worker.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + _PATIENCE
        try:
            for process in running:
                process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            for worker in self._workers:
                if worker.process is not None:
                    worker.process.kill()
                    self._close(worker)

    def _start(self, worker: _Worker) -> None:
        worker.lines.clear()
        worker.process = subprocess.Popen(
            worker.command,
            env={**os.environ, **worker.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Ctrl-C reaches this process alone, which ends the workers.
            start_new_session=True,
        )
        worker.reader = threading.Thread(target=self._read, args=(worker, worker.process), daemon=True)
        worker.reader.start()

    def _read(self, worker: _Worker, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            worker.lines.append(line.rstrip())
            if not line.startswith((" ", "Traceback")) and line.strip():
                self._log(f"worker {worker.number}: {line.rstrip()}")

    def _close(self, worker: _Worker) -> int:
        """Waits for a process that ends, closes its pipes, and returns its exit status."""
        assert worker.process is not None
        assert worker.reader is not None
        status = worker.process.wait()
        worker.reader.join(timeout=5)
        # A process that the worker forked may still hold the other end; closing would then wait for the reader.
        own = [worker.process.stdin, *([] if worker.reader.is_alive() else [worker.process.stderr])]
        for pipe in own:
            if pipe is not None:
                pipe.close()
        worker.process = None
        return status

    def _handle_exit(self, worker: _Worker) -> None:
        """Decides whether a worker that ended is done, or is replaced after a pause."""
        status = self._close(worker)
        if status == DONE:
            worker.done = True
            return
        if status == CONTACT_LOST:
            worker.done = self.contact_lost = True
            return
        last = " | ".join(line.strip() for line in worker.lines if line.strip()) or "it wrote nothing"
        if status == WRONG_USAGE:
            raise WorkersFailedError(f"worker {worker.number} cannot work: {last}")
        finished = self._finished()
        self._crashes = 1 if finished > self._finished_before else self._crashes + 1
        self._finished_before = finished
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        if self._crashes >= MOST_CRASHES:
            raise WorkersFailedError(
                f"{self._crashes} workers in a row ended without finishing a trial, the last by {how}; "
                f"its last lines: {last}"
            )
        pause = min(_LONGEST_PAUSE, 2.0 ** (self._crashes - 1))
        worker.again_at = time.monotonic() + pause
        self._log(f"worker {worker.number} ended by {how} and is replaced in {pause:.0f} s; its last lines: {last}")


def worker_command(name: str, options: Mapping[str, object]) -> list[str]:
    """The command of a worker that ends with whoever started it.

    Args:
        name: The study's name.
        options: Values of options of `reluctant worker`, by the options' names with underscores.
    """
    flags = [text for key, value in options.items() for text in (f"--{key.replace('_', '-')}", str(value))]
    return [sys.executable, "-P", "-m", "reluctant", "worker", *flags, "--tied", "--", name]
