"""Errors of databases."""

from __future__ import annotations

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


class StorageGoneError(StorageError):
    """The file of a database was removed, moved or replaced while it was in use."""


class LeasesLostError(StorageError):
    """A worker could not renew its leases in time, so other workers may have claimed its trials."""

    exit_code = CONTACT_LOST


class StudyNotFoundError(StorageError, LookupError):
    """There is no study of this name or id."""

    exit_code = WRONG_USAGE


class StudyNameTakenError(StorageError, ValueError):
    """A study of this name exists already; nothing was written."""

    exit_code = WRONG_USAGE


class StudyDeletedError(StudyNotFoundError):
    """A study was deleted while it was in use."""

    exit_code = FAILED
