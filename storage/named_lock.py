"""`named_lock`: one of several processes does what all of them could do; whoever dies in it leaves it to another."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from storage.driver_errors import translated
from storage.errors import StorageError
from storage.flock import FileLock
from storage.lock_records import FOLDER_SUFFIX, LockRecord
from storage.transactions import place_of


@contextmanager
def named_lock(engine: Engine, file: Path | None, name: str) -> Iterator[bool]:
    """Hold the lock of a name during the `with` block, unless another process holds it.

    The operating system, or the server, releases it when its holder ends in any way.

    Args:
        engine: Of the database.
        file: The SQLite file; None for a server or a database in memory.
        name: What is done by one process alone.

    Yields:
        Whether the lock is held by this process.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()
    if file is not None:
        with _on_file(file, digest[:32]) as ours:
            yield ours
    elif engine.dialect.name == "postgresql":
        with _on_server(engine, int(digest[:16], 16) >> 1) as ours:
            yield ours
    else:
        yield True


class _HeldError(Exception):
    """Another process holds a lock."""


@contextmanager
def _on_file(database: Path, token: str) -> Iterator[bool]:
    """A file beside those of the workers, where what a dead process left is removed."""
    lock = _acquired(Path(f"{database}{FOLDER_SUFFIX}") / token, database)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release(unlink=True)


def _acquired(path: Path, database: Path) -> FileLock | None:
    """The lock on a file, which is created where it is missing; None where another process holds it."""

    def give_up_where_held() -> None:
        # A process that looks whether the file is free shares the lock for a moment, and does not hold it.
        try:
            lock = FileLock.probe(path)
        except FileNotFoundError:  # whoever held it has just removed the file
            lock = None
        if lock is None:
            raise _HeldError
        lock.release()
        time.sleep(random.uniform(0.001, 0.01))

    try:
        content = LockRecord.of(database).to_bytes()
        return FileLock.acquire(path, database=database, content=content, pause=give_up_where_held)
    except _HeldError:
        return None
    except OSError as error:
        raise StorageError(
            f"cannot keep a lock in {path.parent}: {error.strerror}; make room or make it writable"
        ) from None


@contextmanager
def _on_server(engine: Engine, key: int) -> Iterator[bool]:
    """An advisory lock of a session of its own."""
    with translated(place_of(engine)):
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        ours = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one())
    try:
        yield ours
    finally:
        # A session that was cut meanwhile has lost the lock already.
        with suppress(DBAPIError):
            if ours:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
            connection.close()
