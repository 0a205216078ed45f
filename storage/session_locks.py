"""Advisory locks of PostgreSQL sessions: let go the moment their holder's connection ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Collection, Iterator

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

_START = text("SELECT extract(epoch FROM pg_postmaster_start_time())::text")
_TRY = text("SELECT pg_try_advisory_lock(:key)")
_HELD = text(
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
    "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def connect_args(url: URL) -> dict[str, int]:
    """What every connection to a server is told: seconds until one that does not answer counts as gone."""
    if not url.get_driver_name().startswith("psycopg"):
        return {}
    return {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class SessionLock:
    """A worker's lock on a session of its own; taken again where the session was lost.

    Attributes:
        server: When the server that holds it was started: a restart ends every session and nobody's life.
    """

    def __init__(self, engine: Engine, token: str) -> None:
        """Use `SessionLocks.acquire`."""
        self._engine, self._key = engine, _key(token)
        self._connection: Connection | None = None
        self._held = False
        self.server = ""
        self.ensure()
        _OPEN.add(self)

    def ensure(self) -> None:
        """Makes sure that the lock is held, on a new session if need be.

        A session of ours that the network cut off may hold it still, as far as the server knows; then nobody takes
        this worker for dead, and the lock is asked for again the next time.

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
        # Whoever looks whether a worker is dead holds its lock for a moment.
        for pause in (0.0, 0.02, 0.1, 0.5):
            if self._held:
                return
            time.sleep(pause)
            self._held = bool(self._connection.execute(_TRY, {"key": self._key}).scalar_one())

    def release(self, *, unlink: bool = False) -> None:
        """Ends the session, and the lock with it."""
        self._forget()
        self._engine.dispose()

    def _forget(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(DBAPIError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None


class SessionLocks:
    """The locks that tell living workers of a PostgreSQL database from dead ones."""

    def __init__(self, engine: Engine) -> None:
        self._pool = engine
        self._engine = create_engine(
            engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=connect_args(engine.url)
        )

    def acquire(self, token: str) -> SessionLock:
        """Take a worker's lock."""
        return SessionLock(self._engine, token)

    def tokens_held(self, tokens: Collection[str]) -> set[str]:
        """Those workers whose lock is held by somebody."""
        if not tokens:
            return set()
        with self._pool.connect() as connection:
            keys = set(connection.execute(_HELD).scalars())
        return {token for token in tokens if _key(token) in keys}

    @contextlib.contextmanager
    def confirmed_dead(self, token: str, server: str) -> Iterator[bool]:
        """Whether a worker is dead for certain: nobody holds its lock, which the same server once gave.

        Args:
            token: The worker's token.
            server: The start of the server that gave it its lock. After a restart a lock that nobody holds says
                nothing; then only expiry does.
        """
        with self._engine.connect() as connection:
            if server != connection.execute(_START).scalar_one():
                yield False
                return
            key = {"key": _key(token)}
            if not connection.execute(_TRY, key).scalar_one():
                yield False
                return
            try:
                yield True
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    def remove_leftovers(self) -> None:
        """Nothing is left behind by those who died before they signed on."""


def _key(token: str) -> int:
    """The 63 bits of a token that name its lock."""
    return int(token[:16], 16) >> 1


_OPEN: weakref.WeakSet[SessionLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child shares the connection: without this it would keep a dead parent alive, or end its session."""
    for lock in list(_OPEN):
        if lock._connection is not None:
            nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            os.dup2(nowhere, lock._connection.connection.fileno(), inheritable=False)
            os.close(nowhere)


os.register_at_fork(after_in_child=_forget_in_child)
