"""Liveness on PostgreSQL: each worker holds an advisory lock, which the server releases when its session ends."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from storage.worker_locks import LockState

_LONGEST_WAIT, _LONGEST_IDLE = "60s", "30s"
_START = text("SELECT extract(epoch FROM pg_postmaster_start_time())::text")
_TRY = text("SELECT pg_try_advisory_lock(:key)")
_LIMIT = (
    f"SELECT set_config('lock_timeout', '{_LONGEST_WAIT}', false) WHERE current_setting('lock_timeout') = '0' "
    f"UNION ALL SELECT set_config('idle_in_transaction_session_timeout', '{_LONGEST_IDLE}', false) "
    "WHERE current_setting('idle_in_transaction_session_timeout') = '0'"
)
_HELD = text(
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
    "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def session_options(url: URL) -> dict[str, Any]:
    """Options of an engine: how its sessions are called, when a silent one counts as lost, how long one may wait.

    Empty for drivers other than psycopg.
    """
    if not url.get_driver_name().startswith("psycopg"):
        return {}
    connect_args = {
        "fallback_application_name": f"reluctant {os.getpid()} on {socket.gethostname()}"[:63],
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
    return {"connect_args": connect_args, "pool_events": [(limit_waits, "connect")]}


def limit_waits(connection: Any, *arguments: Any) -> None:
    """Limit how long a new session may wait for a lock, or hold its own ones idle, where the server sets no limit.

    A process that is stopped within a transaction, or cut off from the server, would hold up all others for ever.

    Args:
        connection: Of the driver, in no transaction.
        arguments: What SQLAlchemy adds at its event `connect`.
    """
    before, connection.autocommit = connection.autocommit, True
    with connection.cursor() as cursor:
        cursor.execute(_LIMIT)
    connection.autocommit = before


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
            engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", **session_options(engine.url)
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
