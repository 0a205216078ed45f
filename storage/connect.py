"""`open_storage`: checks a database, refuses with an explanation what cannot be used, and creates what is missing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from storage.cohort_storage import CohortStorage
from storage.errors import StorageRefusedError
from storage.mounts import Mount
from storage.passwords import as_given
from storage.server import POSTGRESQL_EXAMPLE, open_server
from storage.sqlite_file import open_file


def open_storage(
    url_or_path: str | os.PathLike[str], *, create: bool = True, mounts: Sequence[Mount] | None = None
) -> CohortStorage:
    """Open a database of studies.

    Args:
        url_or_path: The path of an SQLite file (`~` is the home folder), or a SQLAlchemy URL.
        create: Whether to create a missing file; otherwise a missing file is an error, and nothing is written.
        mounts: The mounted file systems of this machine; None asks the operating system.

    Returns:
        The storage; call `close()` on it at the end.

    Raises:
        StorageMissingError: There is no such file, and `create` is false.
        StorageAwayError: The server of the database does not answer.
        StorageRefusedError: The database cannot be used for another reason; nothing was written.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> storage = open_storage(f"{folder.name}/reluctant.db")
        >>> storage.create_or_get_study("digits", ["maximize", "maximize"])
        (1, True)
        >>> storage.close()
        >>> folder.cleanup()
    """
    given = os.fspath(url_or_path).strip()
    if not given:
        raise StorageRefusedError("the storage has no name; give a path, as in --storage reluctant.db, or a URL")
    if "://" not in given:
        return open_file(Path(given), create=create, mounts=mounts)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise StorageRefusedError(
            f"{as_given(given)!r} is no storage URL; write a path, sqlite:///FILE or {POSTGRESQL_EXAMPLE}"
        ) from None
    if url.get_backend_name() != "sqlite":
        return open_server(url)
    if url.database in (None, "", ":memory:"):
        return CohortStorage(url.render_as_string(hide_password=False))
    if url.query or str(url.database).startswith("file:"):
        raise StorageRefusedError(f"{as_given(given)!r} carries SQLite options; give the plain path of the file")
    return open_file(Path(str(url.database)), create=create, mounts=mounts)
