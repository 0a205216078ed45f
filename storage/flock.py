"""`FileLock`: a lock on a file (flock) that the operating system releases as soon as its holder ends, in any way."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from storage.modes import share_like

LEFT = b"-"
"""First byte of a file whose holder released the lock by `leave`."""


class FileLock:
    """An flock on a file, held until it is released or its process ends.

    The holder of a lock may delete the file; processes that waited for the lock then start over with a new file.

    Attributes:
        path: The file.
        server: Always empty: the operating system of this machine grants the lock, not a server.
    """

    server = ""

    def __init__(self, path: Path, descriptor: int, database: Path | None = None, content: bytes = b"") -> None:
        """Internal; call `acquire` or `probe` instead."""
        self.path, self._database, self._content = path, database, content
        self._descriptor = descriptor
        _HELD.add(self)

    @classmethod
    def acquire(
        cls, path: Path, *, database: Path | None = None, content: bytes = b"", pause: Callable[[], None] | None = None
    ) -> FileLock:
        """Create the file and its folder where they are missing, and wait for the exclusive lock on the file.

        Args:
            path: The file.
            database: The database file whose permissions file and folder get; None: those of the process.
            content: What the file is to say; the file of another user, which cannot be written, stays as it is.
            pause: Called again and again while another process holds the lock; it may raise an error, which ends the
                wait. None: the operating system waits.

        Raises:
            OSError: The file cannot be made.
        """
        while True:
            path.parent.mkdir(exist_ok=True)
            share_like(path.parent, database)
            try:
                descriptor, writable = _opened(path)
            except FileNotFoundError:  # another process removed the empty folder in between
                continue
            _wait_for(descriptor, pause)
            if _is_still(path, descriptor):
                share_like(path, database)
                lock = cls(path, descriptor, database, content)
                try:
                    if writable:
                        lock.overwrite(content)
                except OSError:
                    lock.release(unlink=True)
                    raise
                return lock
            os.close(descriptor)

    @classmethod
    def probe(cls, path: Path) -> FileLock | None:
        """Try to get a shared lock on an existing file; None where a process holds the exclusive lock.

        Any number of processes can probe a file at the same time. While one of them does, no process can acquire the
        exclusive lock.

        Raises:
            FileNotFoundError: There is no such file.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except PermissionError:  # the file of another user: it is no evidence that its holder is dead
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def ensure(self) -> None:
        """Make sure that the lock is on the file of this name; make the file again where somebody removed it.

        Raises:
            OSError: The file cannot be made.
        """
        if self._descriptor >= 0 and not _is_still(self.path, self._descriptor):
            again = FileLock.acquire(self.path, database=self._database, content=self._content)
            self._descriptor, again._descriptor = again._descriptor, self._descriptor
            again._drop()

    def overwrite(self, content: bytes) -> None:
        """Replace the content of the file.

        Raises:
            OSError: There is no room for it.
        """
        self._write(content)
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, len(content))

    def _write(self, first: bytes) -> None:
        """Replace the first bytes of the file, and keep the others."""
        if self._descriptor >= 0 and os.pwrite(self._descriptor, first, 0) < len(first):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def leave(self) -> None:
        """Release the lock, and note in the file that its holder ends by itself; this needs no room on the disk."""
        with contextlib.suppress(OSError):
            self._write(LEFT)
        self.release()

    def release(self, *, unlink: bool = False) -> None:
        """Release the lock; with `unlink`, delete the file, and its folder if that is empty afterwards."""
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
def exclusive(path: Path, *, content: bytes, pause: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` during the `with` block, and delete the file afterwards.

    Args:
        path: The file.
        content: What the file says while the lock is held.
        pause: As for `FileLock.acquire`.
    """
    lock = FileLock.acquire(path, pause=pause)
    try:
        with contextlib.suppress(OSError):  # on a full disk, which whoever holds the lock finds out itself
            lock.overwrite(content)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        lock.release()


def _opened(path: Path) -> tuple[int, bool]:
    """The descriptor of a file, which is created where it is missing, and whether it can be written.

    Raises:
        PermissionError: The file cannot be made, or not even be read.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), True
    except PermissionError as refused:  # the file of another user: a lock needs no right to write
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC), False
        except FileNotFoundError:
            raise refused from None


def _wait_for(descriptor: int, pause: Callable[[], None] | None) -> None:
    """Wait for the exclusive lock; the descriptor is closed where the wait ends without it."""
    try:
        while pause is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pause()
            else:
                return
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except BaseException:
        os.close(descriptor)
        raise


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


_HELD: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    """Drop the locks in a forked child: it shares them, so its parent would seem alive after the parent's death."""
    for lock in list(_HELD):
        lock._drop()


os.register_at_fork(after_in_child=_forget_in_child)
