from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from optuna.samplers import GPSampler
from optuna.trial import FrozenTrial
from proposing import carry_on, make_proposer


@pytest.fixture(scope="module", autouse=True)
def _few_candidates_of_the_gaussian_process() -> Iterator[None]:
    """Optuna's sampler looks at 2,048 candidates for each trial, and judges them by 128 draws of the Gaussian process.

    What is tested here does not depend on how many. It begins with the 32nd outcome, so that the last
    cohort of 48 trials is its own.
    """
    usual = GPSampler.__init__

    @functools.wraps(usual)
    def begin(sampler: GPSampler, *arguments: Any, **options: Any) -> None:
        usual(sampler, *arguments, **options)
        assert sampler._n_preliminary_samples == 2048
        assert sampler._n_qmc_samples_ehvi == sampler._n_qmc_samples_qei == 128
        sampler._n_preliminary_samples, sampler._n_local_search, sampler._n_startup_trials = 32, 1, 32
        sampler._n_qmc_samples_ehvi = sampler._n_qmc_samples_qei = 4

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GPSampler, "__init__", begin)
        yield


class _Studies(dict[str, list[FrozenTrial]]):
    """Each sampler's study, proposed when a test first asks for it."""

    def __missing__(self, name: str) -> list[FrozenTrial]:
        self[name] = trials = carry_on([], 48, lambda: make_proposer(sampler=name))
        return trials


@pytest.fixture(scope="package")
def studies() -> dict[str, list[FrozenTrial]]:
    """48 trials of each sampler, every cohort from a proposer that has recorded nothing but these trials."""
    return _Studies()
