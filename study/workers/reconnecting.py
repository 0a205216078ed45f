"""Calls of the database that outlast an outage or a full disk: tried again until the worker's leases have expired."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from storage import (
    LeasesLostError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageUnreachableError,
    Worker,
)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0

T = TypeVar("T")


class Reconnecting:
    """Repeats a call while the database cannot be reached or written and the worker's leases stand.

    Args:
        worker: The worker that holds the leases.
        place: The database as its user knows it.
        stop: Returns whether to stop; no call is repeated then.
        log: Called with a line when contact is lost, and when it is there again.
    """

    def __init__(self, worker: Worker, place: str, *, stop: Callable[[], bool], log: Callable[[str], None]) -> None:
        self._worker, self._place, self._stop, self._log = worker, place, stop, log

    def __call__(self, call: Callable[[], T], *, undo: Callable[[], object] = lambda: None) -> T:
        """Calls until a call succeeds, and returns its result.

        Args:
            call: May have been carried out although it seemed to fail, and must allow for that.
            undo: Called before `call` is repeated, to undo what it may have done.

        Raises:
            LeasesLostError: There was no contact for longer than the leases last.
            StorageFullError: There was no room for longer than the leases last.
        """
        since, pause = None, _FIRST_PAUSE
        while True:
            try:
                if since is not None:
                    undo()
                result = call()
            except (StorageUnreachableError, StorageBusyError, StorageFullError) as error:
                if since is None:
                    since = time.monotonic()
                    seen = "no room left to write" if isinstance(error, StorageFullError) else "no contact to"
                    self._log(f"{seen} {self._place}; trying again for {self._worker.lease:.0f} s")
                if time.monotonic() - since > self._worker.lease:
                    raise self.lost(error) from None
                if self._stop():
                    raise
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                if since is not None:
                    self._log(f"in contact with {self._place} again after {time.monotonic() - since:.0f} s")
                return result

    def lost(self, error: Exception | None) -> StorageError:
        """The error that ends a worker whose leases are gone.

        Args:
            error: Why it could not renew them.
        """
        passing = (StorageUnreachableError, StorageBusyError)
        if isinstance(error, StorageError) and not isinstance(error, passing):
            return error
        return LeasesLostError(
            f"{error}; this lasted longer than the {self._worker.lease:.0f} s that the leases on this worker's trials "
            "stand, so others may train them now; everything finished is kept"
        )
