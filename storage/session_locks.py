"""Liveness on PostgreSQL: each worker holds an advisory lock, which the server releases when its session ends."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import weakref
from collections.abc import Callable, Collection, Iterator

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from storage.worker_locks import LockState

_START = text("SELECT extract(epoch FROM pg_postmaster_start_time())::text")
_TRY = text("SELECT pg_try_advisory_lock(:key)")
_HELD = text(
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
    "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def connect_args(url: URL) -> dict[str, int | str]:
    """Connection options for psycopg: how the session is called, and when a silent connection counts as lost."""
    if not url.get_driver_name().startswith("psycopg"):
        return {}
    return {
        "fallback_application_name": f"reluctant {os.getpid()} on {socket.gethostname()}"[:63],
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }


class SessionLock:
    """The lock of one worker, in a session of its own; it is acquired again where the session was lost.

    Attributes:
        server: The start time of the server that granted the lock. A restart of the server ends all sessions, but no
            worker.
    """

    def __init__(self, engine: Engine, token: str) -> None:
        """Internal; call `SessionLocks.acquire` instead."""
        self._engine, self._key = engine, _key(token)
        self._connection: Connection | None = None
        self._held = False
        self.server = ""
        self.ensure()
        _OPEN.add(self)

    def ensure(self) -> None:
        """Make sure that the lock is held, in a new session where the old one was lost.

        After a network failure the server may keep the old session, which then still holds the lock. The worker counts
        as alive in that case, and the next call tries to acquire the lock again.

        Raises:
            DBAPIError: The server cannot be reached.
        """
        if self._connection is not None:
            try:
                self._connection.execute(_START)
            except DBAPIError:
                self._forget()
        if self._connection is None:
            connection = self._engine.connect()
            try:
                self.server = str(connection.execute(_START).scalar_one())
            except BaseException:
                connection.close()
                raise
            self._connection, self._held = connection, False
        # A process that checks whether this worker is dead holds its lock for a moment.
        for pause in (0.0, 0.02, 0.1, 0.5):
            if self._held:
                return
            time.sleep(pause)
            self._held = bool(self._connection.execute(_TRY, {"key": self._key}).scalar_one())

    def leave(self) -> None:
        """End the session of a worker that cannot release its trials."""
        self.release()

    def release(self, *, unlink: bool = False) -> None:
        """End the session, which releases the lock."""
        self._forget()
        self._engine.dispose()

    def _forget(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(DBAPIError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None


class SessionLocks:
    """The locks of all workers of a PostgreSQL database.

    A session may be cut while its worker is alive: by a proxy, a time limit, an operator, a failover. Its worker opens
    another one when it next renews its leases.
    """

    held_proves_life = False
    renewal_seconds: float | None = 3.0

    def __init__(self, engine: Engine) -> None:
        self._pool = engine
        self._engine = create_engine(
            engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=connect_args(engine.url)
        )

    def acquire(self, token: str) -> SessionLock:
        """Acquire the lock of a new worker."""
        return SessionLock(self._engine, token)

    def tokens_held(self, tokens: Collection[str]) -> set[str]:
        """The tokens of those workers whose lock is held."""
        if not tokens:
            return set()
        with self._pool.connect() as connection:
            keys = set(connection.execute(_HELD).scalars())
        return {token for token in tokens if _key(token) in keys}

    @contextlib.contextmanager
    def confirmed(self, token: str, server: str) -> Iterator[LockState]:
        """What is known of a worker's lock; where it is free, it stays so within the `with` block.

        Args:
            token: The token of the worker.
            server: The start time of the server that granted the lock. After a restart, a lock that nobody holds is
                no evidence, and only the expiry of leases counts.
        """
        with self._engine.connect() as connection:
            if server != connection.execute(_START).scalar_one():
                yield LockState.UNSEEN
                return
            key = {"key": _key(token)}
            if not connection.execute(_TRY, key).scalar_one():
                yield LockState.HELD
                return
            try:
                yield LockState.FREE
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    def remove_leftovers(self, needed: Callable[[Collection[str]], Collection[str]]) -> None:
        """Do nothing: a worker that died before it was registered leaves nothing behind."""


def _key(token: str) -> int:
    """The key of a worker's advisory lock: 63 bits of its token."""
    return int(token[:16], 16) >> 1


_OPEN: weakref.WeakSet[SessionLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """Replace the shared connections in a forked child: they would keep a dead parent alive, or end its session."""
    for lock in list(_OPEN):
        if lock._connection is not None:
            nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            os.dup2(nowhere, lock._connection.connection.fileno(), inheritable=False)
            os.close(nowhere)


os.register_at_fork(after_in_child=_forget_in_child)
