"""Errors of databases, and the translation of driver errors into them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reluctant.errors import ReluctantError
from reluctant.exit_codes import CONTACT_LOST, FAILED, WRONG_USAGE


class StorageError(ReluctantError, RuntimeError):
    """Something failed that concerns the database; base class of all errors of this package."""

    exit_code = FAILED


class StorageRefusedError(StorageError):
    """A database was not opened, and nothing was written."""

    exit_code = WRONG_USAGE


class StorageMissingError(StorageRefusedError):
    """There is no database at this path, and none was to be created."""


class StorageFullError(StorageError):
    """The disk is full; the transaction was rolled back, and the database is intact."""


class StorageBusyError(StorageError):
    """Another process held the database for longer than the busy timeout; nothing was written."""


class StorageUnreachableError(StorageError):
    """The connection to the server was lost; the current transaction may or may not have been written."""

    exit_code = CONTACT_LOST


class StorageAwayError(StorageRefusedError, StorageUnreachableError):
    """A database was not opened because its server does not answer at the moment."""

    exit_code = CONTACT_LOST


class LeasesLostError(StorageError):
    """A worker could not renew its leases in time, so other workers may have claimed its trials."""

    exit_code = CONTACT_LOST


class StudyNotFoundError(StorageError, LookupError):
    """There is no study of this name or id."""

    exit_code = WRONG_USAGE


class StudyDeletedError(StudyNotFoundError):
    """A study was deleted while it was in use."""

    exit_code = FAILED


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise a `StorageError` where the `with` block raises an error of a database driver.

    Args:
        place: The database as users know it, without a password.

    Raises:
        StorageFullError: The disk is full.
        StorageBusyError: The database stayed locked.
        StorageUnreachableError: The server cannot be reached.
        StorageError: The database reported another fault that is known here.
    """
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        known = _of_server(original, place) or _known(str(original), place)
        if known is None:
            raise
        raise known from error


# Beginnings of PostgreSQL's error codes: connection failures, shutdown by an operator, too many connections.
_UNREACHABLE = ("08", "57P", "53300")
# PostgreSQL ended one of two transactions that blocked each other.
_DEADLOCKED = ("40001", "40P01")


def _of_server(error: BaseException | None, place: str) -> StorageError | None:
    """The `StorageError` for an error of PostgreSQL's driver; None for errors of other drivers and unknown errors."""
    if type(error).__module__.partition(".")[0] != "psycopg":
        return None
    import psycopg

    code = getattr(error, "sqlstate", None)
    if code in _DEADLOCKED:
        return StorageBusyError(f"{place} ended a transaction that crossed another's; nothing was written; try again")
    if isinstance(error, psycopg.OperationalError) and (code is None or code.startswith(_UNREACHABLE)):
        return StorageUnreachableError(
            f"the connection to {place} is lost ({' '.join(str(error).split())}); "
            "check that the server runs and can be reached"
        )
    return None


def _known(text: str, place: str) -> StorageError | None:
    """The `StorageError` for the error text of any driver; None for unknown texts."""
    seen = text.lower()
    if "disk is full" in seen or "no space left" in seen or "disk full" in seen:
        return StorageFullError(
            f"no room left to write {place}; the last transaction was rolled back and the database is intact; "
            "free some space and start again"
        )
    if "database is locked" in seen or "database table is locked" in seen:
        return StorageBusyError(
            f"{place} stayed locked by another process; nothing was written; "
            "end what holds it (a backup, a shell with an open transaction) and start again"
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
    if "disk i/o error" in seen or "unable to open database file" in seen or "no such table" in seen:
        return StorageError(
            f"{place} cannot be read or written ({text}); check that the file is still there and that its disk works"
        )
    return None
