"""Fresh seeds: those after a study's own, stored once, and read back as they were measured."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from problems import make_problem

from search_spaces import Hyperparameters
from storage import CohortStorage
from study.records.open_study import OpenStudy
from study.search import fresh_seeds, retraining
from study.search.fresh_seeds import train_fresh
from study.training import Budget, Streams, fit


def test_fresh_seeds_are_those_after_the_studys_own() -> None:
    split, trial = make_problem(), Hyperparameters(dropout=0.3, hidden=(16,))
    five = fit([trial], split, Budget(epochs=2, seeds=5), Streams(3))[0].replicates
    fresh = fit([trial], split, Budget(epochs=2, seeds=2), Streams(3, first=3))[0].replicates
    assert fresh == five[3:]


def test_they_are_trained_once(
    storage: CohortStorage, trained: Callable[..., OpenStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_seeds, "FRESH_SEEDS", 3)
    study = trained(trials=4, epochs=20)
    front = train_fresh(study)
    rows = [row for row in storage.test_results(study.study_id) if row["number"] == front.recommended.searched.number]
    fresh = [row for row in rows if row["replicate"] >= 2]
    assert [row["replicate"] for row in fresh] == [2, 3, 4, 5, 6, 7]
    assert front.recommended.scores == tuple(row["test_clamped_accuracy"] for row in fresh[3:])
    assert front.recommended.sparsities == tuple(row["test_clamped_zeros"] for row in fresh[3:])
    assert front.recommended.plain_scores == tuple(row["test_accuracy"] for row in fresh[3:])
    validation = front.recommended.validation
    assert validation.plain_scores == tuple(row["validation_as_trained"] for row in fresh[:3])
    assert validation.scores == tuple(row["validation"] for row in fresh[:3])

    def untrainable(*args: object, **options: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(retraining, "fit", untrainable)
    assert train_fresh(study) == front
