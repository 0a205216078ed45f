from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from storage import CohortStorage, open_storage


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[CohortStorage]:
    """A new database."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(tmp_path / "studies.db")
    yield storage
    storage.close()
