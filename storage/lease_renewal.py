"""One thread a worker that renews its leases, also while training keeps the processor busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from storage.errors import StorageError

# Parts of a lease after which it is renewed: four renewals may fail before it expires.
_PARTS = 5
_RETRY_SECONDS = 1.0


class LeaseRenewer:
    """Calls `beat` a few times within every lease until it is stopped.

    Args:
        beat: Renews the leases; may raise an error of the database, and is then called again soon.
        seconds: How long a lease lasts without renewal.

    Attributes:
        error: Why the last renewal failed; None where it did not.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat, self._seconds = beat, seconds
        self._failing_since: float | None = None
        self.error: Exception | None = None
        self._end = threading.Event()
        # A daemon: a worker whose main thread dies must not seem alive.
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether renewing has failed for longer than a lease lasts."""
        since = self._failing_since
        return since is not None and time.monotonic() - since > self._seconds

    def stop(self) -> None:
        """Ends the thread; a renewal under way is waited for."""
        self._end.set()
        self._thread.join(timeout=self._seconds)

    def _run(self) -> None:
        pause = self._seconds / _PARTS
        while not self._end.wait(pause if self._failing_since is None else min(pause, _RETRY_SECONDS)):
            began = time.monotonic()
            try:
                self._beat()
            except (StorageError, DBAPIError) as error:
                self._failing_since, self.error = self._failing_since or began, error
            else:
                self._failing_since = self.error = None
