from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from optuna.samplers import GPSampler
from optuna.trial import FrozenTrial
from proposing import SEVERAL, carry_on, make_proposer


@pytest.fixture(scope="module", autouse=True)
def _few_candidates_of_the_gaussian_process() -> Iterator[None]:
    """Optuna's sampler looks at 2,048 candidates for each trial; what is tested here does not depend on how many.

    It begins with the 24th trial, so that a part of the trials is its own.
    """
    usual = GPSampler.__init__

    @functools.wraps(usual)
    def begin(sampler: GPSampler, *arguments: Any, **options: Any) -> None:
        usual(sampler, *arguments, **options)
        assert sampler._n_preliminary_samples == 2048
        sampler._n_preliminary_samples, sampler._n_local_search, sampler._n_startup_trials = 32, 1, 24

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GPSampler, "__init__", begin)
        yield


@pytest.fixture(scope="module")
def studies() -> dict[str, list[FrozenTrial]]:
    """48 trials of each sampler, every cohort from a proposer that has recorded nothing but these trials."""
    return {name: carry_on([], 48, lambda name=name: make_proposer(sampler=name)) for name in SEVERAL}
