"""Translates errors of database drivers into errors that say what was seen, what is needed, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.disks import is_full, is_read_only
from storage.errors import StorageBusyError, StorageError, StorageFullError, StorageUnreachableError
from storage.passwords import without_password

if TYPE_CHECKING:
    import sqlite3


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise a `StorageError` where the `with` block raises an error of a database driver, or Optuna's for one.

    Args:
        place: The database as users know it, without a password.

    Raises:
        StorageFullError: The disk is full.
        StorageBusyError: The database stayed locked.
        StorageUnreachableError: The server cannot be reached.
        StorageError: The database reported another fault that is known here.
    """
    import sqlite3

    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, sqlite3.Error, StorageInternalError) as error:
        seen = error.__cause__ if isinstance(error, StorageInternalError) else error
        known = _known(seen.orig if isinstance(seen, DBAPIError) else seen, place)
        if known is None:
            raise
        raise known from error


def is_of_writing(error: sqlite3.Error) -> bool:
    """Whether SQLite could not write, rather than not read; where one file is copied into another, that tells which."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", 0)
    kinds = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
    failures = (
        *(sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE),
        *(sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC),
    )
    return code in failures or code & 0xFF in kinds  # the last byte is the kind of an error


def _known(error: BaseException | None, place: str) -> StorageError | None:
    return None if error is None else of_server(error, place) or of_sqlite(str(error), place)


@dataclass(frozen=True)
class _Answer:
    """What an error of PostgreSQL means.

    Attributes:
        kind: The error to raise.
        text: What follows the name of the database, with `{reason}` for what the server said.
    """

    kind: type[StorageError]
    text: str


_BUSY = "; nothing was written; try again"
_CROSSED = _Answer(StorageBusyError, f"ended a transaction that crossed another's{_BUSY}")
_CUT = _Answer(
    StorageUnreachableError,
    "ended a connection whose transaction had been idle for longer than the server allows ({reason}); "
    "nothing of it was written; try again, or raise the time limit for this user",
)
_LOST = _Answer(
    StorageUnreachableError,
    "cannot be reached: the connection is lost ({reason}); check that the server runs and can be reached",
)
# By the code of an error, or by its class, which is the first two characters of the code.
_OF_CODES = {
    "08": _LOST,
    "25006": _Answer(
        StorageError,
        "takes no writes: the server is a standby, or this user's transactions are read-only ({reason}); "
        "name the primary server, or lift default_transaction_read_only",
    ),
    "25P03": _CUT,
    "25P04": _CUT,
    "40001": _CROSSED,
    "40P01": _CROSSED,
    "42501": _Answer(
        StorageError, "refuses this user ({reason}); grant him the rights to its tables, or connect as their owner"
    ),
    "42P01": _Answer(StorageError, "has lost tables while it was in use ({reason}); restore a copy and start again"),
    "53100": _Answer(
        StorageFullError,
        "has no room left ({reason}); the last transaction was rolled back and the database is intact; "
        "free some space on the server and start again",
    ),
    "53": _Answer(
        StorageUnreachableError, "lacks resources at the moment ({reason}); try again when others have disconnected"
    ),
    "55P03": _Answer(
        StorageBusyError,
        "waited for a lock of another transaction for longer than lock_timeout allows; nothing was written; "
        "end what holds the lock, or raise the limit for this user, and try again",
    ),
    "57014": _Answer(
        StorageBusyError,
        "stopped a statement ({reason}); nothing was written; raise statement_timeout for this user, or try again",
    ),
    "57P": _LOST,
    "58": _Answer(StorageError, "cannot use its disk ({reason}); see the log of the server"),
    "XX": _Answer(StorageError, "is damaged ({reason}); see the log of the server, or restore a copy"),
}


def of_server(error: BaseException | None, place: str) -> StorageError | None:
    """The `StorageError` for an error of PostgreSQL's driver; None for errors of other drivers and unknown errors.

    Args:
        error: The driver's error.
        place: The database as users know it, without a password.
    """
    if type(error).__module__.partition(".")[0] != "psycopg":
        return None
    import psycopg

    reason = without_password(" ".join(str(error).split()).removesuffix("."))
    code = getattr(error, "sqlstate", None)
    if code is None:
        if not isinstance(error, psycopg.OperationalError):
            return None
        if "does not exist" in reason:
            return StorageError(f"{place} no longer exists ({reason}); restore a copy and start again")
        answer: _Answer | None = _LOST  # a refused connection has no code
    else:
        answer = next((_OF_CODES[start] for start in (code, code[:3], code[:2]) if start in _OF_CODES), None)
    return None if answer is None else answer.kind(f"{place} {answer.text.format(reason=reason)}")


def of_sqlite(text: str, place: str) -> StorageError | None:
    """The `StorageError` for the error text of any driver; None for unknown texts.

    Args:
        text: The error's text.
        place: The database as users know it.
    """
    seen = text.lower()
    failed = "disk i/o error" in seen or "unable to open database file" in seen
    if "disk is full" in seen or "no space left" in seen or "disk full" in seen or (failed and is_full(place)):
        return StorageFullError(
            f"no room left to write {place}; the last transaction was rolled back and the database is intact; "
            "free some space and start again"
        )
    if "database is locked" in seen or "database table is locked" in seen:
        return StorageBusyError(
            f"{place} stayed locked by another process; nothing was written; "
            "end what holds it (a backup, a shell with an open transaction) and start again"
        )
    if (failed or "readonly database" in seen) and is_read_only(place):
        return StorageError(
            f"the file system of {place} is read-only by now, as after a fault of its disk; everything finished is "
            "there; mount it writable, or copy the database with all files that begin with its name, and start again"
        )
    if "readonly database" in seen or "read-only" in seen:
        return StorageError(
            f"{place} can no longer be written (it was made read-only, moved or deleted); "
            "put it back, or make it and its folder writable, and start again"
        )
    if "malformed" in seen or "not a database" in seen:
        return StorageError(
            f"{place} is corrupt ({text}); restore a copy, or save what can be read with "
            "`sqlite3 OLD .recover | sqlite3 NEW`"
        )
    if failed or "no such table" in seen:
        return StorageError(
            f"{place} cannot be read or written ({text}); check that the file is still there and that its disk works"
        )
    return None
