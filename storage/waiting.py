"""Waits for another process that opens a database: spoken of after a while, and given up in the end."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

from reluctant.errors import ReluctantWarning
from storage.errors import StorageAwayError

# Seconds until a wait is spoken of, and until it ends.
_SILENT_WAIT, _LONGEST_WAIT = 5.0, 60.0
_PAUSE = 0.1


class Wait:
    """One wait for whoever creates a database or brings it up to date.

    Args:
        place: The database as users know it.
        holder: Returns for whom one waits, in words.
    """

    def __init__(self, place: str, holder: Callable[[], str]) -> None:
        self._place, self._holder = place, holder
        self._began, self._spoken_of = time.monotonic(), False

    def pause(self) -> None:
        """Wait a moment; called until the wait is over.

        Raises:
            StorageAwayError: It has lasted too long.
        """
        waited = time.monotonic() - self._began
        if waited > _LONGEST_WAIT:
            raise StorageAwayError(
                f"{self._place} is still being created or brought up to date by {self._holder()}, after "
                f"{waited:.0f} s; nothing was written; end that process if it hangs, and start again"
            )
        if waited > _SILENT_WAIT and not self._spoken_of:
            self._spoken_of = True
            warnings.warn(
                f"waiting for {self._holder()}, which creates the tables of {self._place} or brings them up to date; "
                f"for {_LONGEST_WAIT:.0f} s at most",
                ReluctantWarning,
                stacklevel=2,
            )
        time.sleep(_PAUSE)
