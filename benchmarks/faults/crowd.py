"""Workers by the installed command, and what befalls them at seeded moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

KINDS = ("kill", "stop", "term")
_ENDINGS = {0, -signal.SIGKILL, 130}
# Workers whose every commit waits for the disk a while longer, with the database locked.
_SLOW = """
import time
from storage import sqlite_file
commit = sqlite_file.DurableConnection.commit
def slow(self):
    time.sleep({seconds})
    commit(self)
sqlite_file.DurableConnection.commit = slow
from reluctant.command import main
main()
"""


@dataclass
class Crowd:
    """A number of workers of one study, each replaced at once when it ends before its time.

    Attributes:
        study: The study's name.
        storage: Its database.
        size: How many there are at a time.
        options: Further options of `reluctant worker`.
        moments: Decides what happens, when, and to whom.
        lease: Seconds that a worker's leases stand.
        contact_lost: Whether a worker may end because it lost its database.
        slow: Seconds that every commit takes longer.
        happened: How often each kind of fault was done.
        errors: Endings that no fault explains.
    """

    study: str
    storage: str
    size: int
    options: tuple[str, ...]
    moments: random.Random
    lease: float
    contact_lost: bool = False
    slow: float = 0.0
    happened: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Starts empty."""
        self._running: dict[int, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._stopped: dict[int, float] = {}
        self.finished = 0

    def tend(self) -> None:
        """Starts who is missing, wakes who was stopped long enough, and buries the dead."""
        now = time.monotonic()
        for pid in [pid for pid, until in self._stopped.items() if now >= until]:
            del self._stopped[pid]
            self._signal(pid, signal.SIGCONT)
        for pid, (process, output) in list(self._running.items()):
            if process.poll() is not None:
                del self._running[pid]
                self._stopped.pop(pid, None)
                self._note(process.returncode, output)
        while not self.finished and len(self._running) < self.size:
            self._start()

    def strike(self, kinds: tuple[str, ...] = KINDS) -> None:
        """Does one of them something."""
        awake = sorted(pid for pid in self._running if pid not in self._stopped)
        if not awake:
            return
        pid, kind = self.moments.choice(awake), self.moments.choice(kinds)
        self.happened[kind] += 1
        if kind == "stop":
            self._signal(pid, signal.SIGSTOP)
            self._stopped[pid] = time.monotonic() + self.lease * self.moments.uniform(1.2, 2.0)
        else:
            self._signal(pid, {"kill": signal.SIGKILL, "term": signal.SIGTERM}[kind])

    def wait(self, seconds: float) -> None:
        """Lets all of them end by themselves; whoever does not is an error."""
        until = time.monotonic() + seconds
        while self._running and time.monotonic() < until:
            self.tend()
            time.sleep(0.05)
        for process, output in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
            self.errors.append(f"a worker did not end by itself: {_tail(output)}")
        self._running.clear()

    def _start(self) -> None:
        output = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when its worker has ended
        begin = ["-m", "reluctant"] if not self.slow else ["-c", _SLOW.format(seconds=self.slow)]
        command = [sys.executable, *begin, "worker", *self.options, "--lease", str(self.lease), self.study]
        process = subprocess.Popen(
            command, env=_environment({"RELUCTANT_STORAGE": self.storage}), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output,
        )  # fmt: skip
        self._running[process.pid] = process, output

    def _note(self, status: int, output: IO[bytes]) -> None:
        self.happened["started"] += 1
        if status == 0:
            self.finished += 1
        if status == 75 and self.contact_lost:
            self.happened["contact lost"] += 1
        elif status not in _ENDINGS and status != -signal.SIGTERM:
            self.errors.append(f"a worker ended with {status}: {_tail(output)}")
        output.close()

    def _signal(self, pid: int, number: signal.Signals) -> None:
        if pid in self._running and self._running[pid][0].poll() is None:
            os.kill(pid, number)


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", **own}


def _tail(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")[-2000:]
