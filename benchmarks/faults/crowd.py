"""Workers of one study, what befalls their processes at seeded moments, and how each of them may end."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.starter import Starter

KINDS = ("kill", "stop", "term")
_ENDINGS = {0, -signal.SIGKILL, -signal.SIGTERM, 130}


@dataclass(frozen=True)
class Ending:
    """How a worker may end because of a fault.

    Attributes:
        status: Its exit status.
        said: What its last lines must say.
        counted_as: What to count it as.
    """

    status: int
    said: str
    counted_as: str


@dataclass
class Crowd:
    """A number of workers of one study, each replaced at once when it ends before its time.

    Attributes:
        study: The study's name.
        storage: Its database.
        size: How many there are at a time.
        options: Further options of `reluctant worker`.
        moments: Decides what happens, when, and to whom.
        starter: Starts them.
        lease: Seconds that a worker's leases stand.
        slow: Seconds that every commit takes longer.
        endings: How a worker may end because of the faults so far.
        paused: Whether workers that end are not replaced at present.
        happened: How often each kind of fault was done.
        errors: Endings that no fault explains.
        finished: How many workers found the study complete.
    """

    study: str
    storage: str
    size: int
    options: tuple[str, ...]
    moments: random.Random
    starter: Starter
    lease: float
    slow: float = 0.0
    endings: list[Ending] = field(default_factory=list)
    paused: bool = False
    happened: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Starts empty."""
        self._outputs = tempfile.TemporaryDirectory(prefix="reluctant-workers-")
        self._running: dict[int, Path] = {}
        self._stopped: dict[int, float] = {}
        self._started = 0
        self._counted_from = 1
        self.finished = 0

    @property
    def running(self) -> list[int]:
        """The processes that run, and are not stopped."""
        return sorted(pid for pid in self._running if pid not in self._stopped)

    @property
    def gone(self) -> bool:
        """Whether no worker runs."""
        return not self._running

    def tend(self) -> None:
        """Starts who is missing, and buries the dead."""
        now = time.monotonic()
        self._stopped = {pid: until for pid, until in self._stopped.items() if now < until}
        self.starter.refresh()
        for pid in [pid for pid in self._running if pid in self.starter.ended]:
            self._stopped.pop(pid, None)
            self._note(self.starter.ended.pop(pid), self._running.pop(pid))
        while not self.finished and not self.paused and len(self._running) < self.size:
            self._start()

    def strike(self, kind: str) -> bool:
        """Does one of the processes something; returns whether there was one."""
        awake = self.running
        if not awake:
            return False
        pid = self.moments.choice(awake)
        if kind == "stop":
            self._signal(pid, signal.SIGSTOP)
            seconds = self.lease * self.moments.uniform(1.2, 2.0)
            self._stopped[pid] = time.monotonic() + seconds
            # A thread wakes it, since it may hold the lock of the database, for which the next fault would wait.
            alarm = threading.Timer(seconds, self._signal, (pid, signal.SIGCONT))
            alarm.daemon = True
            alarm.start()
        else:
            self._signal(pid, {"kill": signal.SIGKILL, "term": signal.SIGTERM}[kind])
        return True

    def expect(self, status: int, said: str, counted_as: str) -> None:
        """From now on a worker may end in this way."""
        ending = Ending(status, said, counted_as)
        if ending not in self.endings:
            self.endings.append(ending)

    def begin_again(self) -> None:
        """Lets only workers that start from now on say that the study is complete: others may not know its total."""
        self.finished, self.paused = 0, False
        self._counted_from = self._started + 1

    def wait(self, seconds: float) -> None:
        """Lets all of them end by themselves; whoever does not is an error."""
        until = time.monotonic() + seconds
        self.paused = True
        while self._running and time.monotonic() < until:
            self.tend()
            time.sleep(0.05)
        for pid, output in self._running.items():
            for number in (signal.SIGCONT, signal.SIGKILL):
                self._signal(pid, number)
            self.errors.append(f"a worker did not end by itself: {_tail(output)}")
        self._running.clear()

    def end(self) -> None:
        """Ends what still runs, and removes what the workers printed."""
        for pid in self._running:
            self._signal(pid, signal.SIGKILL)
        self._outputs.cleanup()

    def _start(self) -> None:
        self._started += 1
        output = Path(self._outputs.name) / str(self._started)
        arguments = ["worker", *self.options, "--lease", str(self.lease), self.study]
        environment = {"NO_COLOR": "1", "RELUCTANT_STORAGE": self.storage}
        self._running[self.starter.start(arguments, environment, output, slow=self.slow)] = output

    def _note(self, status: int, output: Path) -> None:
        self.happened["workers started"] += 1
        if status == 0 and int(output.name) >= self._counted_from:
            self.finished += 1
        if status not in _ENDINGS:
            said = _tail(output)
            ending = next((e for e in self.endings if e.status == status and e.said in said), None)
            if ending is None:
                self.errors.append(f"a worker ended with {status}: {said}")
            else:
                self.happened[f"workers ended: {ending.counted_as}"] += 1
        output.unlink(missing_ok=True)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _tail(output: Path) -> str:
    return output.read_text(errors="replace")[-2000:] if output.exists() else ""
