from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storage import CohortStorage
from study.config import read_config
from study.problem import Search
from study.records.open_study import OpenStudy, create_or_open
from study.workers.worker import work

OPTIONS: dict[str, Any] = {"data": "iris", "seeds": 2, "epochs": 3, "cohort": 4, "hidden": "16", "name": "s"}


@pytest.fixture
def trained(storage: CohortStorage) -> Callable[..., OpenStudy]:
    """Trains a short search with some options, all of it."""

    def train(**options: Any) -> OpenStudy:
        study = create_or_open(Search.of(read_config(OPTIONS | options)), storage)
        assert work(study)
        return study

    return train
