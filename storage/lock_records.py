"""What a worker's lock file says: at which database file its worker works, by device and inode, and who it is.

SQLite keeps its log and its locks beside the name of a file. Two processes that work at one file under two names, or
at two files under one name, corrupt it; the record shows both.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from storage.flock import LEFT, FileLock
from storage.same_file import FileIdentity, identity_of

FOLDER_SUFFIX = ".workers"
_WORKS = b"+"


@dataclass(frozen=True)
class LockRecord:
    """The record in a worker's lock file.

    Attributes:
        device: The device of the database file; with the inode it is what the file is, whatever it is called.
        inode: Its inode.
        database: The path under which the worker opened it.
        host: The name of the worker's host.
        pid: The id of its process.
        left: Whether the worker ended by itself, without its database: its trials are not to blame.
    """

    device: int
    inode: int
    database: str
    host: str
    pid: int
    left: bool = False

    @classmethod
    def of(cls, database: Path) -> LockRecord:
        """The record of a worker in this process."""
        device, inode = identity_of(database) or (0, 0)
        return cls(device, inode, str(database), socket.gethostname(), os.getpid())

    @property
    def identity(self) -> FileIdentity:
        """What the database file is, whatever it is called."""
        return self.device, self.inode

    @property
    def process(self) -> str:
        """The worker in words."""
        return f"process {self.pid} on {self.host}"

    def to_bytes(self) -> bytes:
        """The content of the lock file. Its first byte alone says whether the worker has left."""
        fields = {name: value for name, value in asdict(self).items() if name != "left"}
        return (LEFT if self.left else _WORKS) + json.dumps(fields).encode()


def read_record(path: Path) -> LockRecord | None:
    """The record in a lock file; None where there is none, as in those of earlier versions."""
    with suppress(OSError, ValueError, TypeError):
        content = path.read_bytes()
        return LockRecord(**json.loads(content[1:]), left=content[:1] == LEFT)
    return None


def conflicting_user(database: Path) -> str | None:
    """Says who works at this file under another name in its folder, or at another file under this name.

    Args:
        database: The file, which need not exist.

    Returns:
        What was seen and what to do; None where nobody does.
    """
    identity, folder = identity_of(database), Path(f"{database}{FOLDER_SUFFIX}")
    for path, record in _records(database.parent):
        if path.parent == folder and record.identity != identity and _is_held(path):
            return (
                f"{database} was removed or replaced while {record.process} works at the former file, to which "
                f"{database.name}-wal still belongs; end that process first, and start again"
            )
        if path.parent != folder and record.identity == identity and _is_held(path):
            return (
                f"{database} is in use under another name, {record.database}, by {record.process}, and SQLite corrupts "
                "a file that is opened under two names; use that name, or end that process first"
            )
    return None


def _records(folder: Path) -> Iterator[tuple[Path, LockRecord]]:
    for path in sorted(folder.glob(f"*{FOLDER_SUFFIX}/*")):
        record = read_record(path)
        if record is not None:
            yield path, record


def _is_held(path: Path) -> bool:
    with suppress(OSError):
        lock = FileLock.probe(path)
        if lock is None:
            return True
        lock.release()
    return False
