"""Workers, and how others know that one is dead: the operating system lets go of its lock."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, insert, select, update

from storage.encoding import now, to_json
from storage.errors import StorageError
from storage.leases import give_back, take_back_from
from storage.locks import FileLock
from storage.tables import LEASES, WORKERS
from storage.transactions import reading, writing

if TYPE_CHECKING:
    from typing import Self


class Worker:
    """One worker of one study, known to the others by its token; a context manager.

    It holds a lock on a file of its own for as long as it lives. At its end it gives back what it still holds.

    Attributes:
        token: A random name, unique for all time.
        study_id: The study it works on.
        host: Where it runs.
        pid: Its process.
    """

    def __init__(self, engine: Engine, study_id: int, folder: Path, details: Mapping[str, Any]) -> None:
        """Use `CohortStorage.worker`."""
        self.token = uuid.uuid4().hex
        self.study_id = study_id
        self.host = socket.gethostname()
        self.pid = os.getpid()
        self._engine = engine
        try:
            self._lock = FileLock.hold(folder / self.token)
        except OSError as error:
            raise StorageError(
                f"cannot keep a lock in {folder}: {error.strerror}; make room or make it writable"
            ) from None
        try:
            with writing(engine, study_id) as connection:
                self._register(connection, details)
        except BaseException:
            self._lock.release(unlink=True)
            raise

    def close(self) -> None:
        """Give back what is still held, and sign off."""
        if os.getpid() != self.pid:  # a forked child is not this worker
            return
        try:
            with writing(self._engine) as connection:
                give_back(connection, self.token, None)
                connection.execute(update(WORKERS).where(WORKERS.c.token == self.token).values(ended=now()))
        finally:
            self._lock.release(unlink=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where the database cannot be written, the next start takes back what this worker held.
        with suppress(StorageError) if kind is not None else nullcontext():
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


def take_back(engine: Engine, study_id: int, folder: Path) -> list[int]:
    """Take back the trials of every dead worker of a study, and clear away what it left.

    A worker is dead where nobody holds the lock on its file, or where the file is gone. The name of its host is not
    asked: all processes on one SQLite file share a kernel, and containers and laptops change their names.

    Returns:
        The numbers of the trials, now waiting again.
    """
    numbers: list[int] = []
    with reading(engine) as connection:
        tokens = _unfinished(connection, study_id)
    for token in sorted(tokens):
        with _grave(folder / token) as dead:
            if dead:
                with writing(engine, study_id) as connection:
                    numbers += take_back_from(connection, study_id, token)
    for file in folder.glob("*"):  # those who died before they signed on
        with _grave(file):
            pass
    return sorted(numbers)


def living(engine: Engine, study_id: int, folder: Path) -> int:
    """How many workers of a study are alive."""
    with reading(engine) as connection:
        tokens = _unfinished(connection, study_id)
    return sum(not _is_dead(folder / token) for token in tokens)


def _unfinished(connection: Connection, study_id: int) -> set[str]:
    """Workers that have not signed off, or that still hold a lease."""
    open_rows = select(WORKERS.c.token).where(WORKERS.c.study_id == study_id, WORKERS.c.ended.is_(None))
    holders = select(LEASES.c.token).where(LEASES.c.study_id == study_id)
    return {*connection.execute(open_rows).scalars(), *connection.execute(holders).scalars()}


@contextmanager
def _grave(path: Path) -> Iterator[bool]:
    """Whether a worker is dead; its file is removed after the block, if that succeeds."""
    try:
        lock = FileLock.probe(path)
    except FileNotFoundError:
        yield True
        return
    if lock is None:
        yield False
        return
    try:
        yield True
    except BaseException:
        lock.release()
        raise
    lock.release(unlink=True)


def _is_dead(path: Path) -> bool:
    try:
        lock = FileLock.probe(path)
    except FileNotFoundError:
        return True
    if lock is not None:
        lock.release()
    return lock is not None
