"""Optuna's own conformance suite, on our storage and on stock Optuna's for comparison of its demands."""

from __future__ import annotations

from optuna.testing.pytest_storages import StorageTestCase


class TestCohortStorage(StorageTestCase):
    """The fixture `storage` is the one of conftest.py."""
