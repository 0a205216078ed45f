"""Files beside a database: whoever may use the database may use them too."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path


def share_like(path: Path, database: Path | None) -> None:
    """Give a file or folder that this process has made the group and the permissions of a database file.

    Args:
        path: The file or folder. Whoever may read the database may enter a folder. Of a file or folder of another user,
            and where the system refuses, everything stays as it is.
        database: The database; None: nothing is changed.
    """
    if database is None:
        return
    with suppress(OSError):
        theirs, ours = database.stat(), path.stat()
        if ours.st_uid != os.geteuid():
            return
        mode = stat.S_IMODE(theirs.st_mode) & 0o666
        if stat.S_ISDIR(ours.st_mode):
            mode |= (mode & 0o444) >> 2
        if ours.st_gid != theirs.st_gid:
            os.chown(path, -1, theirs.st_gid)
        if stat.S_IMODE(ours.st_mode) != mode:
            path.chmod(mode)
