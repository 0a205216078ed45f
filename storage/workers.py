"""Workers, and how others know that one is dead: its lock is let go, or its leases expire."""

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
from storage.encoding import now, to_json
from storage.errors import StorageError, StorageUnreachableError, StudyNotFoundError, translated
from storage.flock import FileLock
from storage.lease_renewal import LeaseRenewer
from storage.leases import LEASE_EXPIRED, WORKER_DIED, reclaim_from, release_trials, renew
from storage.session_locks import SessionLock
from storage.tables import BEATS, LEASES, WORKERS
from storage.transactions import place_of, snapshot, writing

if TYPE_CHECKING:
    from typing import Self

LEASE_SECONDS = 120.0
"""How long a worker's leases stand without renewal."""


class Locks(Protocol):
    """The locks that tell living workers from dead ones: on files, or on PostgreSQL's sessions."""

    def acquire(self, token: str) -> FileLock | SessionLock:
        """Take a worker's lock."""

    def tokens_held(self, tokens: Collection[str]) -> set[str]:
        """Those workers whose lock is held by somebody."""

    def confirmed_dead(self, token: str, server: str) -> AbstractContextManager[bool]:
        """Whether a worker is dead for certain, for as long as the block lasts."""

    def remove_leftovers(self) -> None:
        """Clear away what is left of those who died before they signed on."""


class Worker:
    """One worker of one study, known to the others by its token; a context manager.

    It holds a lock for as long as it lives, and one thread renews the leases on its trials. At its end it gives back
    what it still holds.

    Attributes:
        token: A random name, unique for all time.
        study_id: The study it works on.
        host: Where it runs.
        pid: Its process.
        lease: Seconds that its leases stand without renewal.
    """

    def __init__(self, engine: Engine, study_id: int, locks: Locks, details: Mapping[str, Any], lease: float) -> None:
        """Use `CohortStorage.worker`."""
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
        self._renewer = LeaseRenewer(self._renew, lease)

    @property
    def lost(self) -> bool:
        """Whether the database was out of reach for longer than the leases last: others may have its trials."""
        return self._renewer.lost

    @property
    def renewal_error(self) -> str:
        """Why its leases could not be renewed lately; empty where they could."""
        return "" if self._renewer.error is None else str(self._renewer.error)

    def close(self) -> None:
        """Give back what is still held, and sign off."""
        if os.getpid() != self.pid:  # a forked child is not this worker
            return
        self._renewer.stop()
        try:
            with suppress(StudyNotFoundError), writing(self._engine, self.study_id) as connection:
                release_trials(connection, self.token, None)
                connection.execute(update(WORKERS).where(WORKERS.c.token == self.token).values(ended=now()))
        finally:
            self._lock.release(unlink=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where the database cannot be written, whoever comes next takes back what this worker held; one that ends
        # well holds nothing.
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
        """One statement renews all leases."""
        with translated(place_of(self._engine)):
            self._lock.ensure()
        with writing(self._engine) as connection:
            renew(connection, self.token, server=self._lock.server)


def reclaim(engine: Engine, study_id: int, locks: Locks) -> list[int]:
    """Take back the trials of every worker of a study that died or whose leases expired.

    Returns:
        The numbers of the trials. They wait again, or have failed where they took too many workers with them.
    """
    numbers: list[int] = []
    for token, standing in _standings(engine, study_id, locks).items():
        if standing.held and not standing.expired:
            continue
        with translated(place_of(engine)), locks.confirmed_dead(token, standing.server) as dead:
            if not dead and not standing.expired:
                continue
            with writing(engine, study_id) as connection:
                if dead or _is_expired(connection, token):
                    reason = WORKER_DIED if dead else LEASE_EXPIRED
                    numbers += reclaim_from(connection, study_id, token, reason)
    locks.remove_leftovers()
    return sorted(numbers)


def living(engine: Engine, study_id: int, locks: Locks) -> set[str]:
    """The tokens of a study's workers that are alive."""
    standings = _standings(engine, study_id, locks)
    return {token for token, standing in standings.items() if standing.held and not standing.expired}


@dataclass(frozen=True)
class _Standing:
    """What is known of a worker that has not signed off, or that still holds a lease.

    Attributes:
        held: Whether somebody holds its lock.
        expired: Whether its leases are.
        server: Who gave it its lock.
    """

    held: bool
    expired: bool
    server: str


def _standings(engine: Engine, study_id: int, locks: Locks) -> dict[str, _Standing]:
    open_rows = select(WORKERS.c.token).where(WORKERS.c.study_id == study_id, WORKERS.c.ended.is_(None))
    holders = select(LEASES.c.token).where(LEASES.c.study_id == study_id)
    beats = select(BEATS.c.token, BEATS.c.expires < DatabaseSeconds(), BEATS.c.server)
    with snapshot(engine) as connection:
        tokens = sorted({*connection.execute(open_rows).scalars(), *connection.execute(holders).scalars()})
        beating = beats.where(BEATS.c.study_id == study_id, BEATS.c.token.in_(tokens))
        known = {token: (bool(expired), server) for token, expired, server in connection.execute(beating)}
    with translated(place_of(engine)):
        held = locks.tokens_held(tokens)
    return {token: _Standing(token in held, *known.get(token, (False, ""))) for token in tokens}


def _is_expired(connection: Connection, token: str) -> bool:
    """Whether a worker's leases are expired now, within the transaction that takes them back."""
    expired = select(BEATS.c.token).where(BEATS.c.token == token, BEATS.c.expires < DatabaseSeconds())
    return connection.execute(expired.with_for_update()).first() is not None
