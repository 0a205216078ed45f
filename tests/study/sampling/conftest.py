from __future__ import annotations

import pytest
from optuna.trial import FrozenTrial
from proposing import SEVERAL, carry_on, make_proposer


@pytest.fixture(scope="module")
def studies() -> dict[str, list[FrozenTrial]]:
    """48 trials of each sampler, every cohort from a proposer that has recorded nothing but these trials."""
    return {name: carry_on([], 48, lambda name=name: make_proposer(sampler=name)) for name in SEVERAL}
