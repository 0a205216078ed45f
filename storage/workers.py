"""Workers of a study, and how they are found dead: the lock of a worker is released, or its leases expire."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, Engine, insert, select, update

from storage.clock import DatabaseSeconds
from storage.driver_errors import translated
from storage.encoding import now, to_json
from storage.errors import StorageError, StorageUnreachableError, StudyDeletedError
from storage.flock import FileLock
from storage.lease_renewal import LeaseRenewer, is_silent, renewal_pause
from storage.leases import reclaim_from, release_trials, renew
from storage.losses import LEASE_EXPIRED, WORKER_DIED
from storage.session_locks import SessionLock
from storage.tables import BEATS, LEASES, WORKERS
from storage.transactions import check_study, place_of, snapshot, writing

if TYPE_CHECKING:
    from typing import Self

LEASE_SECONDS = 120.0
"""Seconds after which the leases of a worker expire without renewal."""


class Locks(Protocol):
    """The locks that workers hold while they live: on files, or in PostgreSQL sessions.

    Attributes:
        renewal_seconds: The longest pause between two renewals where a lock may be lost although its worker is alive,
            so that only a worker that also missed renewals is dead; None where a free lock proves death.
    """

    renewal_seconds: float | None

    def acquire(self, token: str) -> FileLock | SessionLock:
        """Acquire the lock of a new worker."""

    def tokens_held(self, tokens: Collection[str]) -> set[str]:
        """The tokens of those workers whose lock is held."""

    def confirmed_dead(self, token: str, server: str) -> AbstractContextManager[bool]:
        """Whether a worker is certainly dead, which stays true within the `with` block."""

    def remove_leftovers(self) -> None:
        """Remove what workers left behind that died before they were registered."""


class Worker:
    """One worker of one study, which other workers know by its token; a context manager.

    It holds a lock for as long as it lives, and a thread renews the leases on its trials. At its end it releases the
    trials that it still holds.

    Attributes:
        token: A random, unique name.
        study_id: The study that it works on.
        host: The name of the host that it runs on.
        pid: The id of its process.
        lease: Seconds after which its leases expire without renewal.
    """

    def __init__(self, engine: Engine, study_id: int, locks: Locks, details: Mapping[str, Any], lease: float) -> None:
        """Internal; call `CohortStorage.worker` instead."""
        self.token = uuid.uuid4().hex
        self.study_id = study_id
        self.host = socket.gethostname()
        self.pid = os.getpid()
        self.lease = lease
        self._engine = engine
        with translated(place_of(engine)):
            self._lock = locks.acquire(self.token)
        try:
            with writing(engine, study_id) as connection:
                self._register(connection, details)
        except BaseException:
            self._lock.release(unlink=True)
            raise
        self._renewer = LeaseRenewer(self._renew, lease, pause=renewal_pause(lease, locks.renewal_seconds))

    @property
    def lost(self) -> bool:
        """Whether the leases are gone: the database was out of reach for too long, or the study was deleted."""
        return self._renewer.lost

    @property
    def deleted(self) -> StudyDeletedError | None:
        """The error of the last renewal where it found that the study was deleted; otherwise None."""
        return self._renewer.error if isinstance(self._renewer.error, StudyDeletedError) else None

    @property
    def renewal_error(self) -> str:
        """The text of the error of the last renewal; empty where it succeeded."""
        return "" if self._renewer.error is None else str(self._renewer.error)

    def check(self) -> None:
        """Make sure that the study of this worker still exists.

        Raises:
            StudyDeletedError: It was deleted, even where another study has its id by now.
        """
        with snapshot(self._engine) as connection:
            check_study(connection, self.study_id, place_of(self._engine), token=self.token)

    def close(self) -> None:
        """Release the trials that are still held, and mark the worker as ended."""
        if os.getpid() != self.pid:  # a forked child is not this worker
            return
        self._renewer.stop()
        try:
            with suppress(StudyDeletedError), writing(self._engine, self.study_id, token=self.token) as connection:
                release_trials(connection, self.token, None)
                connection.execute(update(WORKERS).where(WORKERS.c.token == self.token).values(ended=now()))
        except BaseException:
            self._lock.release()  # the file stays, as that of a dead worker, whose trials others reclaim at once
            raise
        self._lock.release(unlink=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where the database cannot be written, another worker reclaims the trials later. A worker that ends without an
        # error holds none, so only an unreachable server is ignored then.
        with suppress(StorageError if kind is not None else StorageUnreachableError):
            self.close()

    def _register(self, connection: Connection, details: Mapping[str, Any]) -> None:
        at = now()
        row = {
            "token": self.token,
            "study_id": self.study_id,
            "host": self.host,
            "pid": self.pid,
            "started": at,
            "last_active": at,
            "details_json": to_json(dict(details)),
        }
        connection.execute(insert(WORKERS), row)
        row = {"token": self.token, "study_id": self.study_id, "lease": self.lease, "server": self._lock.server}
        connection.execute(insert(BEATS).values(**row, expires=DatabaseSeconds() + self.lease))

    def _renew(self) -> None:
        """Renew all leases in one statement."""
        with translated(place_of(self._engine)):
            try:
                self._lock.ensure()
            except OSError as error:
                raise StorageError(f"cannot keep a lock beside {place_of(self._engine)}: {error.strerror}") from None
        with writing(self._engine) as connection:
            renew(connection, self.token, server=self._lock.server)
            check_study(connection, self.study_id, place_of(self._engine), token=self.token)


def reclaim(engine: Engine, study_id: int, locks: Locks) -> list[int]:
    """Reclaim the trials of every worker of a study that died or whose leases expired.

    Returns:
        The numbers of the trials. They wait again, or failed where they were lost too often.
    """
    numbers: list[int] = []
    for token, signs in _signs_of_life(engine, study_id, locks).items():
        if signs.alive:
            continue
        with translated(place_of(engine)), locks.confirmed_dead(token, signs.renewals.server) as dead:
            if not dead and not signs.renewals.expired:
                continue
            with writing(engine, study_id) as connection:
                renewals = _renewals(connection, [token], locks, for_update=True)[token]
                dead = dead and renewals.silent
                if dead or renewals.expired:
                    reason = WORKER_DIED if dead else LEASE_EXPIRED
                    numbers += reclaim_from(connection, study_id, token, reason)
    locks.remove_leftovers()
    return sorted(numbers)


def living(engine: Engine, study_id: int, locks: Locks) -> set[str]:
    """The tokens of the workers of a study that are alive."""
    found = _signs_of_life(engine, study_id, locks)
    return {token for token, signs in found.items() if signs.alive}


@dataclass(frozen=True)
class _Renewals:
    """What the renewals of a worker's leases say.

    Attributes:
        expired: Whether its leases have expired.
        silent: Whether it missed renewals, or a free lock proves its death without that.
        server: The start time of the server that granted its lock; empty on SQLite.
    """

    expired: bool = False
    silent: bool = True
    server: str = ""


@dataclass(frozen=True)
class _Signs:
    """The signs of life of a worker that has not ended, or that still holds a lease.

    Attributes:
        held: Whether its lock is held.
        renewals: What the renewals of its leases say.
    """

    held: bool
    renewals: _Renewals

    @property
    def alive(self) -> bool:
        """Whether it is alive, as far as one can see: it holds its lock, or it lost it a moment ago."""
        return not self.renewals.expired and (self.held or not self.renewals.silent)


def _signs_of_life(engine: Engine, study_id: int, locks: Locks) -> dict[str, _Signs]:
    open_rows = select(WORKERS.c.token).where(WORKERS.c.study_id == study_id, WORKERS.c.ended.is_(None))
    holders = select(LEASES.c.token).where(LEASES.c.study_id == study_id)
    with snapshot(engine) as connection:
        tokens = sorted({*connection.execute(open_rows).scalars(), *connection.execute(holders).scalars()})
        renewals = _renewals(connection, tokens, locks)
    with translated(place_of(engine)):
        held = locks.tokens_held(tokens)
    return {token: _Signs(token in held, renewals[token]) for token in tokens}


def _renewals(
    connection: Connection, tokens: Collection[str], locks: Locks, *, for_update: bool = False
) -> dict[str, _Renewals]:
    """What the renewals of workers say; a worker without any is as silent as can be.

    Args:
        connection: A snapshot, or the writing transaction that reclaims their trials.
        tokens: The tokens of the workers.
        locks: Their locks.
        for_update: Whether the rows are locked until the end of the transaction.
    """
    age = DatabaseSeconds() - BEATS.c.expires + BEATS.c.lease
    columns = select(BEATS.c.token, BEATS.c.lease, BEATS.c.server, age.label("age")).where(BEATS.c.token.in_(tokens))
    found = {token: _Renewals() for token in tokens}
    for row in connection.execute(columns.with_for_update() if for_update else columns):
        silent = locks.renewal_seconds is None or is_silent(row.age, row.lease, locks.renewal_seconds)
        found[row.token] = _Renewals(expired=row.age > row.lease, silent=silent, server=row.server)
    return found
