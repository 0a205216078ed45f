"""The processes of one run: started, watched, replaced where they crash, ended together."""

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

from reluctant.errors import ReluctantError
from reluctant.exit_codes import CONTACT_LOST, DONE, FAILED, WRONG_USAGE

MOST_CRASHES = 5
"""Crashes in a row, without a trial finished by anybody, that end a run."""
_LAST_LINES = 12
_LONGEST_PAUSE = 30.0
_PATIENCE = 30.0


class CrewError(ReluctantError, RuntimeError):
    """Workers crash again and again."""

    exit_code = FAILED


@dataclass
class _Member:
    """One place in the crew, and the process that fills it."""

    number: int
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[str] | None = None
    reader: threading.Thread | None = None
    again_at: float = 0.0
    done: bool = False
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))


class Crew:
    """Workers as processes of this machine; a context manager that ends all of them.

    Args:
        commands: One a worker.
        environment: Of each of them, beside this process's own.
        finished: How many trials of the study are finished; asked after every crash.
        log: Told every line that a worker writes, and what becomes of it.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environment: Sequence[Mapping[str, str]],
        *,
        finished: Callable[[], int],
        log: Callable[[str], None],
    ) -> None:
        self._members = [
            _Member(number, command, own)
            for number, (command, own) in enumerate(zip(commands, environment, strict=True), start=1)
        ]
        self._finished, self._log = finished, log
        self._crashes, self._finished_before = 0, 0
        self.contact_lost = False

    @property
    def done(self) -> bool:
        """Whether every worker has ended well, or has lost its database."""
        return all(member.done for member in self._members)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [member.process.pid for member in self._members if member.process is not None]

    def tend(self) -> None:
        """Starts who is to be started, and sees to who has ended.

        Raises:
            CrewError: Too many crashed in a row, or one cannot work; the text has the last one's last lines.
        """
        for member in self._members:
            if member.process is not None and member.process.poll() is not None:
                self._bury(member)
            if member.process is None and not member.done and time.monotonic() >= member.again_at:
                self._start(member)

    def __enter__(self) -> Crew:
        self._finished_before = self._finished()
        return self

    def __exit__(self, *error: object) -> None:
        running = [member.process for member in self._members if member.process is not None]
        for process in running:
            process.terminate()
        until = time.monotonic() + _PATIENCE
        try:
            for process in running:
                process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        finally:
            for member in self._members:
                if member.process is not None:
                    member.process.kill()
                    self._close(member)

    def _start(self, member: _Member) -> None:
        member.lines.clear()
        member.process = subprocess.Popen(
            member.command,
            env={**os.environ, **member.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Ctrl-C reaches this process alone, which tells them.
            start_new_session=True,
        )
        member.reader = threading.Thread(target=self._read, args=(member, member.process), daemon=True)
        member.reader.start()

    def _read(self, member: _Member, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            member.lines.append(line.rstrip())
            if not line.startswith((" ", "Traceback")) and line.strip():
                self._log(f"worker {member.number}: {line.rstrip()}")

    def _close(self, member: _Member) -> int:
        assert member.process is not None
        assert member.reader is not None
        status = member.process.wait()
        member.reader.join(timeout=5)
        for pipe in (member.process.stdin, member.process.stderr):
            if pipe is not None:
                pipe.close()
        member.process = None
        return status

    def _bury(self, member: _Member) -> None:
        status = self._close(member)
        if status == DONE:
            member.done = True
            return
        if status == CONTACT_LOST:
            member.done = self.contact_lost = True
            return
        last = " | ".join(line.strip() for line in member.lines if line.strip()) or "it wrote nothing"
        if status == WRONG_USAGE:
            raise CrewError(f"worker {member.number} cannot work: {last}")
        finished = self._finished()
        self._crashes = 1 if finished > self._finished_before else self._crashes + 1
        self._finished_before = finished
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        if self._crashes >= MOST_CRASHES:
            raise CrewError(
                f"{self._crashes} workers in a row ended without finishing a trial, the last by {how}; "
                f"its last lines: {last}"
            )
        pause = min(_LONGEST_PAUSE, 2.0 ** (self._crashes - 1))
        member.again_at = time.monotonic() + pause
        self._log(f"worker {member.number} ended by {how} and is replaced in {pause:.0f} s; its last lines: {last}")


def worker_command(name: str, *options: object) -> list[str]:
    """The command that works on a study and ends with whoever started it."""
    return [sys.executable, "-P", "-m", "reluctant", "worker", *map(str, options), "--tied", "--", name]
