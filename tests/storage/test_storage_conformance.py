"""Optuna's own conformance suite for storages, run on `CohortStorage`."""

from __future__ import annotations

from optuna.testing.pytest_storages import StorageTestCase


class TestCohortStorage(StorageTestCase):
    """The fixture `storage` is the one of conftest.py."""
