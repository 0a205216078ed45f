"""Notices that an SQLite file was removed, moved or replaced while it is open."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from storage.errors import StorageGoneError

FileIdentity = tuple[int, int]
"""Device and inode of a file: what it is, whatever it is called."""


def identity_of(path: Path) -> FileIdentity | None:
    """Device and inode of the file of this name; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class SameFile:
    """Checks that a name still leads to the file that it led to at first.

    Args:
        path: The file, which exists.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._identity = path, identity_of(path)
        self._found = ""

    def check(self, *arguments: Any) -> None:
        """Refuse to go on from the moment on at which the name leads to another file, or to none.

        An open SQLite file goes on working without its name: everything would seem well, and be gone with the process.

        Raises:
            StorageGoneError: The file was removed, moved or replaced.
        """
        if not self._found and identity_of(self._path) != self._identity:
            self._found = self._what_happened()
        if self._found:
            raise StorageGoneError(self._found)

    def watch(self, engine: Engine) -> None:
        """Check before an engine makes a connection, which would create a missing file, and before each use of one."""
        event.listen(engine, "do_connect", self.check)
        event.listen(engine, "checkout", self.check)

    def _what_happened(self) -> str:
        path, now_at = self._path, None if self._identity is None else _name_of_open_file(self._identity)
        if now_at is not None:
            return (
                f"{path} was moved to {now_at} while it was in use; what is finished is there; put it back under its "
                f"name with {path.name}-wal beside it, or continue with --storage {now_at}"
            )
        there = "replaced by another file" if path.exists() else "removed"
        return (
            f"{path} was {there} while it was in use: its studies, and all that this command finished, are lost with "
            "it; restore a copy and start again"
        )


def _name_of_open_file(identity: FileIdentity) -> Path | None:
    """The present name of a file that this process has open; None where it has none, or the system does not say."""
    with suppress(OSError):
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                found = link.stat()
                name = Path(os.readlink(link))
                if (found.st_dev, found.st_ino) == identity and identity_of(name) == identity:
                    return name
    return None
