from __future__ import annotations

import pytest
from problems import make_problem

from study.data.split import Split


@pytest.fixture(scope="session")
def problem() -> Split:
    return make_problem()
