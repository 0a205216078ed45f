"""The front with test scores: trained once more, stored, and warned of where the training does not come out again."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import pytest

from reluctant import ReluctantWarning
from storage import CohortStorage
from study.records.open_study import OpenStudy
from study.search.from_database import StoredSearch
from study.search.held_out_scores import front_with_test
from study.training import Interrupted


def test_test_scores_are_trained_for_and_stored(storage: CohortStorage, trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=4, epochs=20)
    search = StoredSearch.of(study)
    front = search.front(search.own_trials())
    with pytest.raises(Interrupted):
        front_with_test(study, front, stop=lambda: True)
    assert storage.test_results(study.study_id) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        front = front_with_test(study, front)
    assert all(member.test_score is not None and member.test_score > 0.3 for member in front.members)
    assert front.baseline is not None
    assert {row["number"] for row in storage.test_results(study.study_id)} == {trial.number for trial in front.trials}


def test_a_second_training_that_differs_is_said(trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=4, epochs=20)
    search = StoredSearch.of(study)
    baseline, *others = search.own_trials()
    changed = replace(baseline, scores=tuple(score - 1e-6 for score in baseline.scores))
    with pytest.warns(
        ReluctantWarning, match="did not reach exactly the recorded validation clamped_accuracy \\(trials 0\\)"
    ):
        front_with_test(study, search.front([changed, *others]))
