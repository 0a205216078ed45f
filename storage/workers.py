"""`Worker`: one worker of one study, with the lock that it holds and the leases that it renews."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, insert, update

from storage.clock import DatabaseSeconds
from storage.driver_errors import translated
from storage.encoding import now, to_json
from storage.errors import StorageError, StorageUnreachableError, StudyDeletedError
from storage.lease_renewal import LeaseRenewer, renewal_pause
from storage.leases import release_trials, renew
from storage.tables import BEATS, SCHEMA_VERSION, WORKERS
from storage.transactions import check_study, place_of, snapshot, writing
from storage.worker_locks import Locks

if TYPE_CHECKING:
    from typing import Self

LEASE_SECONDS = 120.0
"""Seconds after which the leases of a worker expire without renewal."""


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
        """Whether the leases are gone: the database was out of reach for too long, or it or the study is gone."""
        return self._renewer.lost

    @property
    def renewal_error(self) -> Exception | None:
        """The error of the last renewal; None where it succeeded."""
        return self._renewer.error

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
            # The file stays, as that of a worker that left: others reclaim its trials at once.
            self._lock.leave()
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
        row = {
            "token": self.token,
            "study_id": self.study_id,
            "lease": self.lease,
            "server": self._lock.server,
            "version": SCHEMA_VERSION,
        }
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
