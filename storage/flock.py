"""Locks of the operating system on files: let go the moment their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from collections.abc import Iterator
from pathlib import Path


class FileLock:
    """An flock on a file, held until it is released or its process ends.

    The file may be unlinked by whoever holds a lock on it; whoever waited for it then starts over on a new file.

    Attributes:
        path: The file.
        server: Who gives the lock: this machine's own system, which has no name.
    """

    server = ""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Use `acquire` or `probe`."""
        self.path = path
        self._descriptor = descriptor
        _HELD.add(self)

    @classmethod
    def acquire(cls, path: Path) -> FileLock:
        """Create the file where it is missing, with its folder, and wait for the exclusive lock on it."""
        while True:
            path.parent.mkdir(exist_ok=True)
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except FileNotFoundError:  # another process removed the empty folder in between
                continue
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(path, descriptor):
                return cls(path, descriptor)
            os.close(descriptor)

    @classmethod
    def probe(cls, path: Path) -> FileLock | None:
        """A shared lock on an existing file, or None where somebody holds it.

        Probes do not disturb one another. While one is held, nobody can begin to hold the file.

        Raises:
            FileNotFoundError: There is no such file.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:  # another user's: nothing speaks for its holder's death
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def ensure(self) -> None:
        """Nothing to do: a file's lock is not lost while its process lives."""

    def release(self, *, unlink: bool = False) -> None:
        """Let go; with `unlink`, remove the file and its folder where that is empty then."""
        if self._descriptor < 0:
            return
        if unlink:
            with contextlib.suppress(OSError):
                self.path.unlink()
        self._drop()
        if unlink:
            with contextlib.suppress(OSError):
                self.path.parent.rmdir()

    def _drop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path` for the block, and remove it afterwards; its folder must exist."""
    lock = FileLock.acquire(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        lock.release()


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


_HELD: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """A forked child shares the lock: without this it would keep a dead parent alive."""
    for lock in list(_HELD):
        lock._drop()


os.register_at_fork(after_in_child=_forget_in_child)
