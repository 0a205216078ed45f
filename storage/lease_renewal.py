"""`LeaseRenewer`: a thread that renews the leases of a worker, also while training keeps the processor busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from storage.errors import StorageError, StorageGoneError, StudyDeletedError

# Renewals in the time of one lease: four of them may fail before the lease expires.
_RENEWALS_PER_LEASE = 5
# A worker without its lock that missed so many renewals is dead.
_MISSED_RENEWALS = 2.5
_RETRY_SECONDS = 1.0


def renewal_pause(lease: float, longest: float | None) -> float:
    """Seconds between two renewals of leases.

    Args:
        lease: Seconds after which a lease expires without renewal.
        longest: The longest pause; None: there is no other limit.

    Example:
        >>> renewal_pause(120.0, None), renewal_pause(120.0, 3.0), renewal_pause(5.0, 3.0)
        (24.0, 3.0, 1.0)
    """
    pause = lease / _RENEWALS_PER_LEASE
    return pause if longest is None else min(pause, longest)


def is_silent(age: float, lease: float, longest: float | None) -> bool:
    """Whether the last renewal is so long ago that a worker that is alive would have renewed its leases since.

    Args:
        age: Seconds since the last renewal.
        lease: Seconds after which a lease expires without renewal.
        longest: As for `renewal_pause`.
    """
    return age > _MISSED_RENEWALS * renewal_pause(lease, longest)


class LeaseRenewer:
    """Calls `renew` several times within the time of every lease, until it is stopped.

    Args:
        renew: Renews the leases. It may raise an error of the database, and is then called again soon.
        seconds: Seconds after which a lease expires without renewal.
        pause: Seconds between two renewals.

    Attributes:
        error: The error of the last renewal; None where it succeeded.
    """

    def __init__(self, renew: Callable[[], None], seconds: float, *, pause: float) -> None:
        self._renew, self._seconds, self._pause = renew, seconds, pause
        self._failing_since: float | None = None
        self.error: Exception | None = None
        self._end = threading.Event()
        # A daemon thread ends with the main thread: a worker whose main thread died must not seem alive.
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether renewals have failed for longer than a lease lasts, or can never succeed again."""
        since = self._failing_since
        if isinstance(self.error, (StudyDeletedError, StorageGoneError)):
            return True
        return since is not None and time.monotonic() - since > self._seconds

    def stop(self) -> None:
        """End the thread, after a renewal that is in progress."""
        self._end.set()
        self._thread.join(timeout=self._seconds)

    def _run(self) -> None:
        while not self._end.wait(self._pause if self._failing_since is None else min(self._pause, _RETRY_SECONDS)):
            began = time.monotonic()
            try:
                self._renew()
            except (StorageError, DBAPIError) as error:
                self._failing_since, self.error = self._failing_since or began, error
            else:
                self._failing_since = self.error = None
