"""`open_storage`: checks a database, refuses with an explanation what cannot be used, and creates what is missing."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import URL, create_engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from storage.cohort_storage import CohortStorage
from storage.errors import StorageAwayError, StorageRefusedError, translated
from storage.mounts import Mount
from storage.schema import check_versions
from storage.session_locks import connect_args
from storage.sqlite_file import open_file

_POSTGRESQL_EXAMPLE = "postgresql+psycopg://USER@HOST/DATABASE"
# An arbitrary constant: the lock keeps two processes from creating the tables of a database at the same time.
_CREATION_LOCK = 7_367_736
# Error texts of a server that is starting, shutting down, or not running.
_AWAY = re.compile(
    "refused|starting up|shutting down|recovery|timeout|timed out|unreachable|closed the connection|too many"
)


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
            f"{without_password(given)!r} is no storage URL; write a path, sqlite:///FILE or {_POSTGRESQL_EXAMPLE}"
        ) from None
    if url.get_backend_name() != "sqlite":
        return _open_server(url)
    if url.database in (None, "", ":memory:"):
        return CohortStorage(url.render_as_string(hide_password=False))
    if url.query or str(url.database).startswith("file:"):
        raise StorageRefusedError(f"{given!r} carries SQLite options; give the plain path of the file")
    return open_file(Path(str(url.database)), create=create, mounts=mounts)


def _open_server(url: URL) -> CohortStorage:
    shown = url.render_as_string(hide_password=True)
    backend = url.get_backend_name()
    try:
        engine = create_engine(url, connect_args=connect_args(url))
    except NoSuchModuleError:
        raise StorageRefusedError(
            f"unknown kind of database {url.drivername!r} in {shown}; "
            f"use a path, sqlite:///FILE or {_POSTGRESQL_EXAMPLE}"
        ) from None
    except ImportError as error:
        package = "psycopg[binary]" if backend == "postgresql" else str(error.name)
        raise StorageRefusedError(
            f"the driver for {shown} is not installed ({error}); pip install '{package}'"
            + (f" and write {_POSTGRESQL_EXAMPLE}" if backend == "postgresql" else "")
        ) from None
    if backend != "postgresql":
        engine.dispose()
        raise StorageRefusedError(f"{backend} is not supported ({shown}); use SQLite or PostgreSQL")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _CREATION_LOCK})
            try:
                check_versions(connection, set(inspect(connection).get_table_names()), shown)
                with translated(shown):
                    return CohortStorage(
                        # Optuna fills a template with `str.format`.
                        url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
                        {"pool_pre_ping": True, "connect_args": connect_args(url)},
                    )
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _CREATION_LOCK})
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split()).removesuffix(".")
        if url.password:
            reason = reason.replace(str(url.password), "***")
        kind = StorageAwayError if _AWAY.search(reason) else StorageRefusedError
        raise kind(
            f"cannot reach {shown}: {reason}; check that the server runs, and the host, user, password and database"
        ) from None
    finally:
        engine.dispose()


def without_password(url: str) -> str:
    """Hide the password in a URL, or in any text that a user gave as a URL.

    Example:
        >>> without_password("postgresql+psycopg://ann:secret@host/studies")
        'postgresql+psycopg://ann:***@host/studies'
    """
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
