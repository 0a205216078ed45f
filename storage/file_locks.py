"""Liveness on one host: each worker of an SQLite database holds a file lock for as long as it lives."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import StorageError, StorageFullError
from storage.flock import FileLock
from storage.lock_records import FOLDER_SUFFIX, LockRecord, read_record
from storage.worker_locks import LockState


class FileLocks:
    """The locks of all workers of an SQLite database: one file for each worker, in a folder next to the database.

    Host names play no part: all processes on one SQLite file share a kernel, and containers and laptops change their
    names.

    Args:
        database: The database file. Whoever may use it may use the folder.
    """

    held_proves_life = True
    renewal_seconds: float | None = None

    def __init__(self, database: Path) -> None:
        self._database, self._folder = database, Path(f"{database}{FOLDER_SUFFIX}")

    def acquire(self, token: str) -> FileLock:
        """Acquire the lock of a new worker.

        Raises:
            StorageFullError: The disk is full.
            StorageError: The folder cannot be written.
        """
        try:
            record = LockRecord.of(self._database)
            return FileLock.acquire(self._folder / token, database=self._database, content=record.to_bytes())
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise StorageFullError(
                    f"no room left to write a lock in {self._folder}; free some space and start again"
                ) from None
            raise StorageError(f"cannot keep a lock in {self._folder}: {error.strerror}; make it writable") from None

    def tokens_held(self, tokens: Collection[str]) -> set[str]:
        """The tokens of those workers whose lock is held."""
        held = set()
        for token in tokens:
            with suppress(FileNotFoundError):
                lock = FileLock.probe(self._folder / token)
                if lock is None:
                    held.add(token)
                else:
                    lock.release()
        return held

    @contextmanager
    def confirmed(self, token: str, server: str = "") -> Iterator[LockState]:
        """What is known of a worker's lock; where it is free, it stays so within the `with` block.

        A file that is gone says nothing: somebody may have removed it, and its worker makes it again. The file of a
        dead worker is removed after the block, unless the block raises.
        """
        try:
            lock = FileLock.probe(self._folder / token)
        except FileNotFoundError:
            yield LockState.UNSEEN
            return
        if lock is None:
            yield LockState.HELD
            return
        record = read_record(lock.path)
        try:
            yield LockState.LEFT if record is not None and record.left else LockState.FREE
        except BaseException:
            lock.release()
            raise
        lock.release(unlink=True)

    def remove_leftovers(self, needed: Callable[[Collection[str]], Collection[str]]) -> None:
        """Remove the lock files of workers that died before they were registered.

        Args:
            needed: Says of which of these workers a study still has to learn that they died, from their files.
        """
        names = {file.name for file in self._folder.glob("*")}
        # Whoever was dead before the question was asked cannot register any more.
        free = names - self.tokens_held(names)
        for token in free.difference(needed(free) if free else ()):
            with self.confirmed(token):
                pass
