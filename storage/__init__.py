"""Where studies are stored: cohort transactions in Optuna's own schema, on SQLite or PostgreSQL.

`open_storage` returns a `CohortStorage`. A process registers as a `Worker`, claims waiting trials under a lease, and
records their results; trials of workers that died are reclaimed. Errors are a `StorageError` each.

Inside, `cohort_storage` and `study_reader` hold the methods that callers use. Each hands its work to a module of
functions on one transaction: `studies`, `proposals`, `leases`, `brackets`, `losses`, `results`, `workers`,
`frozen_trials` and `reading`. The locks that show which workers live are `file_locks` on SQLite and `session_locks` on
PostgreSQL.
Importing the package is fast: Optuna and SQLAlchemy are imported together with the first name that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reluctant.lazy import lazy_attributes

if TYPE_CHECKING:
    from storage.cohort_storage import CohortStorage
    from storage.connect import open_storage
    from storage.errors import (
        LeasesLostError,
        StorageAwayError,
        StorageBusyError,
        StorageError,
        StorageFullError,
        StorageGoneError,
        StorageMissingError,
        StorageRefusedError,
        StorageUnreachableError,
        StudyDeletedError,
        StudyNameTakenError,
        StudyNotFoundError,
    )
    from storage.losses import MOST_LOSSES_ALONE
    from storage.modes import share_like
    from storage.passwords import without_password
    from storage.records import Claimed, Curve, LayerMeasures, Proposal, ProposedCohort, Result, TestMeasures
    from storage.workers import Worker

__all__ = [
    "MOST_LOSSES_ALONE",
    "Claimed",
    "CohortStorage",
    "Curve",
    "LayerMeasures",
    "LeasesLostError",
    "Proposal",
    "ProposedCohort",
    "Result",
    "StorageAwayError",
    "StorageBusyError",
    "StorageError",
    "StorageFullError",
    "StorageGoneError",
    "StorageMissingError",
    "StorageRefusedError",
    "StorageUnreachableError",
    "StudyDeletedError",
    "StudyNameTakenError",
    "StudyNotFoundError",
    "TestMeasures",
    "Worker",
    "open_storage",
    "share_like",
    "without_password",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "CohortStorage": ".cohort_storage",
        "open_storage": ".connect",
        "without_password": ".passwords",
        "LeasesLostError": ".errors",
        "StorageAwayError": ".errors",
        "StorageBusyError": ".errors",
        "StorageError": ".errors",
        "StorageFullError": ".errors",
        "StorageGoneError": ".errors",
        "StorageMissingError": ".errors",
        "StorageRefusedError": ".errors",
        "StorageUnreachableError": ".errors",
        "StudyDeletedError": ".errors",
        "StudyNameTakenError": ".errors",
        "StudyNotFoundError": ".errors",
        "MOST_LOSSES_ALONE": ".losses",
        "share_like": ".modes",
        "Claimed": ".records",
        "Curve": ".records",
        "LayerMeasures": ".records",
        "Proposal": ".records",
        "ProposedCohort": ".records",
        "Result": ".records",
        "TestMeasures": ".records",
        "Worker": ".workers",
    },
)


def __dir__() -> list[str]:
    return __all__
