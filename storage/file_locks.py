"""Locks of the operating system beside an SQLite file: they tell living workers from dead ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage.errors import StorageError
from storage.flock import FileLock


class FileLocks:
    """One file a worker, in a folder beside the database.

    The name of a worker's host is not asked: all processes on one SQLite file share a kernel, and containers and
    laptops change their names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def acquire(self, token: str) -> FileLock:
        """Take a worker's lock.

        Raises:
            StorageError: The folder cannot be written.
        """
        try:
            return FileLock.acquire(self._folder / token)
        except OSError as error:
            raise StorageError(
                f"cannot keep a lock in {self._folder}: {error.strerror}; make room or make it writable"
            ) from None

    def tokens_held(self, tokens: Collection[str]) -> set[str]:
        """Those workers whose lock is held by somebody."""
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
    def confirmed_dead(self, token: str, server: str = "") -> Iterator[bool]:
        """Whether a worker is dead: nobody holds the lock on its file, or the file is gone.

        A dead worker's file is removed after the block, if that succeeds.
        """
        try:
            lock = FileLock.probe(self._folder / token)
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

    def remove_leftovers(self) -> None:
        """Clear away the files of those who died before they signed on."""
        for file in self._folder.glob("*"):
            with self.confirmed_dead(file.name):
                pass
