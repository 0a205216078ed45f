"""Opens SQLite files: checks what may be wrong with a file, creates it, and configures its connections."""

from __future__ import annotations

import contextlib
import enum
import os
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, create_engine, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from storage.cohort_storage import CohortStorage
from storage.disks import is_full, is_read_only
from storage.driver_errors import of_sqlite, translated
from storage.errors import StorageError, StorageMissingError, StorageRefusedError
from storage.flock import exclusive
from storage.lock_records import LockRecord, conflicting_user, read_record
from storage.mounts import Mount, mount_of, read_mounts
from storage.schema import check_versions
from storage.tables import METADATA, OPTUNA_TABLES
from storage.waiting import Wait

# Seconds to wait for a transaction of another process. That of a cohort takes milliseconds; a backup takes longer.
_BUSY_TIMEOUT = 60.0
# The first version with `UPDATE … RETURNING`.
_OLDEST_SQLITE = (3, 35, 0)
# Files up to this number of bytes are checked completely on opening; `reluctant doctor` checks larger ones.
_CHECKED_SIZE = 64 * 2**20


class _State(enum.Enum):
    """How much of a database exists."""

    EMPTY = enum.auto()
    PARTIAL = enum.auto()
    READY = enum.auto()


class DurableConnection(sqlite3.Connection):
    """A connection to a file that exists; it waits for the disk at every commit, whatever SQLite's defaults are.

    SQLite itself would create a missing file: one that was moved away a moment ago, say.
    """

    def __init__(self, database: str, *args: Any, **options: Any) -> None:
        super().__init__(f"file:{quote(database)}?mode=rw", *args, **{**options, "uri": True})
        try:
            self.execute("PRAGMA synchronous = FULL").close()
        except sqlite3.Error:
            self.close()
            raise

    def __del__(self) -> None:
        """Closes it, as garbage collection would; from 3.13 on Python warns where nobody has done so."""
        with contextlib.suppress(sqlite3.Error):
            self.close()


def open_file(path: Path, *, create: bool, mounts: Sequence[Mount] | None) -> CohortStorage:
    """Open an SQLite file; see `open_storage`."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StorageRefusedError(
            f"this Python has SQLite {sqlite3.sqlite_version}; 3.35 or later is needed; use a newer Python"
        )
    try:
        path = path.expanduser().resolve()
        exists = _check_path(path, create)
    except (OSError, RuntimeError) as error:
        if isinstance(error, StorageError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StorageRefusedError(f"cannot use {path} as a database: {reason}; name another file") from None
    known_mounts = read_mounts() if mounts is None else list(mounts)
    _check_file_system(path, known_mounts)
    if exists:
        _check_names(path, known_mounts)
    _check_access(path, exists)
    conflict = conflicting_user(path)
    if conflict is not None:
        raise StorageRefusedError(conflict)

    state = _state(path) if exists else _State.EMPTY
    if state is _State.EMPTY and not create:
        raise StorageRefusedError(f"{path} is empty: no study was ever stored in it; `reluctant run` starts one")
    if state is _State.READY:
        with translated(str(path)):
            return _connect(path, complete=True)
    lock = path.with_name(f".{path.name}.lock")
    wait = Wait(str(path), lambda: _holder(lock))
    with exclusive(lock, content=LockRecord.of(path).to_bytes(), pause=wait.pause):
        return _complete(path)


def _holder(lock: Path) -> str:
    """Who holds the lock under which a file is created, as the lock file says."""
    record = read_record(lock)
    return "another process" if record is None else record.process


def _missing(path: Path) -> StorageMissingError:
    return StorageMissingError(f"there is no database {path}; `reluctant run` creates one, --storage names another")


def _check_path(path: Path, create: bool) -> bool:
    """Whether the file exists; refuse paths that cannot be a database."""
    if not path.parent.is_dir():
        raise StorageRefusedError(f"there is no folder {path.parent} for {path.name}; mkdir -p {path.parent}")
    if "?" in str(path):
        raise StorageRefusedError(f"{path} has a question mark in its path, which SQLAlchemy cannot read; rename it")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise StorageRefusedError(
            f"the path {str(path)!a} is no text in UTF-8, which SQLAlchemy needs; rename the file or folder"
        ) from None
    if not path.exists():
        if not create:
            raise _missing(path)
        return False
    if path.is_dir():
        raise StorageRefusedError(f"{path} is a folder; a database is a file: --storage {path / 'reluctant.db'}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise StorageRefusedError(f"{path} is no regular file; name a file")
    return True


def _check_file_system(path: Path, mounts: list[Mount]) -> None:
    mount = mount_of(path.parent, mounts)
    if mount is not None and mount.is_network:
        raise StorageRefusedError(
            f"{path} is on {mount.shared} ({mount.kind} at {mount.point}), on which SQLite's "
            "locks and shared memory do not hold and a database gets corrupted; use a file on a local disk, "
            "or a server: --storage postgresql+psycopg://USER@HOST/DATABASE"
        )


def _check_names(path: Path, mounts: list[Mount]) -> None:
    """Refuse a file that can be reached under a second name: SQLite keeps its log and its locks beside each name."""
    try:
        links = path.stat().st_nlink
    except FileNotFoundError:  # it was there a moment ago
        raise _missing(path) from None
    if links > 1:
        raise StorageRefusedError(
            f"{path} is one of {links} hard links to one file, and SQLite corrupts a file that is opened under two "
            f"names; find the others with `find {path.parent} -samefile {path}`, end what uses them, and remove them: "
            "this one stays whole"
        )
    if any(mount.point == path for mount in mounts):
        raise StorageRefusedError(
            f"{path} is mounted as a single file, and SQLite keeps files beside it that must be shared too; "
            "mount the folder that holds it instead"
        )


def _check_access(path: Path, exists: bool) -> None:
    if is_read_only(path):
        raise StorageRefusedError(
            f"the file system of {path} is mounted read-only, and SQLite keeps files beside {path.name}; "
            "mount it writable, or copy the database elsewhere"
        )
    as_whom = os.access in os.supports_effective_ids
    if exists and not os.access(path, os.R_OK | os.W_OK, effective_ids=as_whom):
        if not path.exists():  # it was there a moment ago
            raise _missing(path)
        raise StorageRefusedError(f"{path} is read-only for this user; chmod u+rw it, or copy it elsewhere")
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=as_whom):
        raise StorageRefusedError(
            f"the folder {path.parent} is read-only for this user, and SQLite keeps files beside {path.name}; "
            "make it writable, or name a file elsewhere"
        )


def _state(path: Path) -> _State:
    """How much of a database the file holds; refuse files of other programs."""
    size = path.stat().st_size
    if size == 0:
        return _State.EMPTY
    engine = create_engine(_url(path), poolclass=NullPool, connect_args={"timeout": _BUSY_TIMEOUT})
    try:
        with engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if size <= _CHECKED_SIZE:
                problem = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
                if problem != "ok":
                    raise StorageRefusedError(_corrupt(path, str(problem)))
            if not tables:
                return _State.EMPTY
            known = OPTUNA_TABLES | set(METADATA.tables)
            if not tables <= known and not {"studies", "trials", "version_info"} <= tables:
                strange = sorted(tables - known)
                raise StorageRefusedError(
                    f"{path} is another program's database (it has the table {strange[0]!r} and no studies); "
                    "name another file"
                )
            return _State.READY if check_versions(connection, tables, str(path)) else _State.PARTIAL
    except DBAPIError as error:
        if "locked" in str(error.orig):
            raise StorageRefusedError(f"{path} stayed locked by another process; end it and start again") from None
        if "not a database" in str(error.orig) and not _begins_as_database(path):
            raise StorageRefusedError(f"{path} is not an SQLite database; name another file") from None
        if is_full(path) or is_read_only(path):
            reason = of_sqlite(str(error.orig), str(path))
            if reason is not None:
                raise reason from None
        raise StorageRefusedError(_corrupt(path, str(error.orig))) from None
    finally:
        engine.dispose()


def _begins_as_database(path: Path) -> bool:
    """Whether a file that SQLite refuses begins as its databases do.

    A file that it does not refuse is never opened by us: closing it would end all POSIX locks that this process holds
    on it, also those of other connections (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _corrupt(path: Path, reason: str) -> str:
    return (
        f"{path} is corrupt ({' '.join(reason.split())}); restore a copy, or save what can be read: "
        f"sqlite3 {path.name} .recover | sqlite3 saved.db"
    )


def _complete(path: Path) -> CohortStorage:
    """Create the missing tables under the creation lock; delete a new file again where that fails."""
    new = not path.exists()
    if not new and _state(path) is _State.READY:
        with translated(str(path)):
            return _connect(path, complete=True)
    try:
        with translated(str(path)):
            connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT)
            try:
                # Another program may be reading a database of stock Optuna; the database is correct without WAL too.
                with contextlib.suppress(sqlite3.OperationalError) if not new else contextlib.nullcontext():
                    connection.execute("PRAGMA journal_mode = WAL")
            finally:
                connection.close()
            return _connect(path, complete=False)
    except BaseException:
        if new:
            for suffix in ("", "-wal", "-shm", "-journal"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        raise


def _connect(path: Path, *, complete: bool) -> CohortStorage:
    # Optuna fills a template with `str.format`.
    url = _url(path).render_as_string().replace("{", "{{").replace("}", "}}")
    options = {"connect_args": {"timeout": _BUSY_TIMEOUT, "factory": DurableConnection}}
    return CohortStorage(url, options, skip_compatibility_check=complete, skip_table_creation=complete)


def _url(path: Path) -> URL:
    return URL.create("sqlite", database=str(path))
