"""When to stop: a signal, or a time limit."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self


class Stop:
    """Turns Ctrl-C, SIGTERM and a time limit into an answer to "should I stop?"; a context manager.

    A second Ctrl-C is a `KeyboardInterrupt`, for the impatient. Outside of the main thread, which alone receives
    signals, only the time limit counts.

    Args:
        seconds: The time limit.
        starter: Whether the end of the standard input asks for the end too: whoever started this process is gone.

    Attributes:
        signalled: Whether a signal asked for the end.
    """

    def __init__(self, *, seconds: float | None = None, starter: bool = False) -> None:
        self.signalled = False
        self._starter = starter
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether to stop now."""
        return self.signalled or (self._deadline is not None and time.monotonic() >= self._deadline)

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        for number in (signal.SIGINT, signal.SIGTERM) if in_main_thread else ():
            self._before[number] = signal.signal(number, self._handle)
        if self._starter:
            threading.Thread(target=self._watch_starter, name="starter", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _watch_starter(self) -> None:
        # Without a buffer's lock, which would trouble the interpreter at its end.
        while os.read(0, 4096):
            pass
        self.signalled = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signalled = True
