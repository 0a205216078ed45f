"""The file system that holds a file: whether it has room, and whether it can be written."""

from __future__ import annotations

import os
from pathlib import Path

# SQLite's shared memory and the header of its log, which it needs to read a database too.
_LEAST_BYTES = 64 * 2**10


def is_full(path: str | Path) -> bool:
    """Whether the file system that holds this file has no room for what SQLite keeps beside it."""
    found = _statistics(path)
    return found is not None and found.f_bavail * found.f_frsize < _LEAST_BYTES


def is_read_only(path: str | Path) -> bool:
    """Whether the file system that holds this file is mounted read-only."""
    found = _statistics(path)
    return found is not None and bool(found.f_flag & os.ST_RDONLY)


def _statistics(path: str | Path) -> os.statvfs_result | None:
    try:
        return os.statvfs(Path(path).parent)
    except OSError:
        return None
