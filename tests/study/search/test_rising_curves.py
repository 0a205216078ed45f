"""Whether curves still rise at the last epoch, on curves of known form and on a study that stops too early."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from storage import CohortStorage
from study.records.open_study import OpenStudy
from study.search.from_database import StoredSearch
from study.search.rising_curves import gain_of_doubling, rising_text


def test_a_doubling_is_foreseen_for_a_curve_that_grows_with_the_logarithm() -> None:
    epochs = np.arange(1, 41)
    assert gain_of_doubling([0.5 + 0.02 * np.log2(epochs)]) == pytest.approx(0.02, rel=0.05)
    assert gain_of_doubling([0.5 - 0.02 * np.log2(epochs)], sign=-1) == pytest.approx(0.02, rel=0.05)


def test_flat_short_and_diverged_curves_gain_nothing() -> None:
    assert gain_of_doubling([[0.9] * 20]) == 0.0
    assert gain_of_doubling([[0.1, 0.9]]) == 0.0
    assert gain_of_doubling([[0.1, 0.2, 0.3, float("nan")]]) == 0.0
    assert gain_of_doubling([]) == 0.0


def test_too_few_epochs_are_said_with_how_many_to_try(
    storage: CohortStorage, trained: Callable[..., OpenStudy]
) -> None:
    study = trained(trials=4, epochs=8, min_accuracy=0)
    search = StoredSearch.of(study)
    front = search.front(search.own_trials())
    text = rising_text(storage, study.study_id, front, search.config)
    assert text is not None
    assert "still rise at epoch 8" in text
    assert "try --epochs 16" in text
    patient = search.config.model_copy(update={"tolerance": 100.0})
    assert rising_text(storage, study.study_id, front, patient) is None
