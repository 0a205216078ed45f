"""Scikit-learn's own checks of estimators, all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from reluctant import ReluctantClassifier, ReluctantRegressor

TINY: dict[str, Any] = {"trials": 1, "seeds": 1, "epochs": 15, "learning_rate": 0.03, "hidden": 8, "random_state": 0}
DIFFERENT = {
    "check_sample_weight_equivalence_on_dense_data": "batches of weighted and of repeated rows differ, as in "
    "scikit-learn's HistGradientBoosting, which declares the same"
}


@pytest.fixture(autouse=True)
def _array_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # else some checks are skipped


@parametrize_with_checks(
    [ReluctantClassifier(**TINY), ReluctantRegressor(**TINY)], expected_failed_checks=lambda estimator: DIFFERENT
)
def test_every_check_passes_and_none_is_skipped(estimator: Any, check: Callable[[Any], None]) -> None:
    try:
        check(estimator)
    except SkipTest as skipped:
        raise AssertionError(f"skipped: {skipped}") from None
