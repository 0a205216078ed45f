"""The locks that workers hold while they live: what they have in common on SQLite and on PostgreSQL."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from storage.flock import FileLock
    from storage.session_locks import SessionLock


class LockState(enum.Enum):
    """What is known of a worker's lock."""

    HELD = enum.auto()
    """Somebody holds it: its worker, or for a moment a process that looks whether that one is alive."""
    FREE = enum.auto()
    """Nobody holds it, and its worker did."""
    LEFT = enum.auto()
    """Nobody holds it, and its worker ended by itself, without its database: its trials are not to blame."""
    UNSEEN = enum.auto()
    """There is no lock to look at: its file was removed, or the server was restarted."""


class Locks(Protocol):
    """The locks that workers hold while they live: on files, or in PostgreSQL sessions.

    Attributes:
        held_proves_life: Whether a held lock proves that its worker is alive, as on one host. A server may also keep
            the session of a worker whose host is gone.
        renewal_seconds: The longest pause between two renewals where a lock may be lost although its worker is alive,
            so that only a worker that also missed renewals is dead; None where a free lock proves death.
    """

    held_proves_life: bool
    renewal_seconds: float | None

    def acquire(self, token: str) -> FileLock | SessionLock:
        """Acquire the lock of a new worker."""

    def tokens_held(self, tokens: Collection[str]) -> set[str]:
        """The tokens of those workers whose lock is held."""

    def confirmed(self, token: str, server: str) -> AbstractContextManager[LockState]:
        """What is known of a worker's lock; where it is free, it stays so within the `with` block."""

    def remove_leftovers(self, needed: Callable[[Collection[str]], Collection[str]]) -> None:
        """Remove what workers left behind that died before they were registered.

        Args:
            needed: Says of which of these workers a study still has to learn that they died, from their locks.
        """
