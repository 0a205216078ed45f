"""Cross-validation inside of the estimators: folds as scikit-learn's searches divide samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV, GroupKFold, PredefinedSplit, StratifiedKFold, TimeSeriesSplit

from reluctant import ReluctantClassifier, ReluctantError, ReluctantRegressor

FAST: dict[str, Any] = {"trials": 2, "seeds": 1, "epochs": 5, "learning_rate": 0.03, "hidden": 8, "random_state": 0}
X, Y = load_wine(return_X_y=True)
GROUPS = np.arange(len(Y)) % 7


def validated(model: Any) -> list[list[int]]:
    """The rows that each fold was judged by."""
    return [sorted(prepared.rows.validation.tolist()) for prepared in model.study_._opened.problem.prepared]


def test_folds_are_those_of_scikit_learn_s_searches_and_seeds_are_averaged() -> None:
    model = ReluctantClassifier(**{**FAST, "trials": 3, "seeds": 2}, cv=3).fit(X, Y)
    assert validated(model) == [rows.tolist() for _, rows in StratifiedKFold(3).split(X, Y)]
    results = pd.DataFrame(model.cv_results_)
    splits = results[["split0_test_score", "split1_test_score", "split2_test_score"]]
    assert not [name for name in results if name.startswith("split3")]
    np.testing.assert_allclose(splits.mean(axis=1), results.mean_test_score)
    assert model.best_score_ == pytest.approx(
        results.mean_test_score[results.trial == model.recommended_.number].item()
    )
    assert len(model.recommended_.scores) == 6
    first = splits[results.trial == model.recommended_.number].iloc[0]
    np.testing.assert_allclose(first, np.reshape(model.recommended_.scores, (2, 3)).mean(0))
    # The network that predicts has seen all samples.
    assert model.score(X, Y) > 0.9


@pytest.mark.parametrize("cv", [GroupKFold(3), 3])
def test_groups_stay_whole(cv: Any) -> None:
    model = ReluctantClassifier(**FAST, cv=cv).fit(X, Y, groups=GROUPS)
    folds = validated(model)
    assert sorted(row for fold in folds for row in fold) == list(range(len(Y)))
    held = [set(GROUPS[fold]) for fold in folds]
    assert sum(map(len, held)) == 7
    [alone] = validated(ReluctantClassifier(**FAST).fit(X, Y, groups=GROUPS))
    assert 0 < len(set(GROUPS[alone])) < 7
    assert not set(GROUPS[alone]) & set(GROUPS[np.setdiff1d(np.arange(len(Y)), alone)])


def test_folds_that_are_chosen_and_samples_without_weight() -> None:
    fold = np.where(np.arange(len(Y)) % 4 == 0, 0, -1)
    model = ReluctantClassifier(**FAST, cv=PredefinedSplit(fold))
    assert validated(clone(model).fit(X, Y)) == [np.flatnonzero(fold == 0).tolist()]
    weights = (np.arange(len(Y)) % 2).astype(float)
    with pytest.raises(ReluctantError, match="0 validation samples; both are needed, with weights above 0"):
        clone(model).fit(X, Y, weights)
    kept = clone(model).fit(X, Y, 1.0 - weights)
    assert validated(kept) == [list(range(0, len(kept.study_._opened.problem.dataset), 2))]  # every second one is left


def test_a_regression_over_folds_that_follow_each_other() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = ReluctantRegressor(**FAST, cv=TimeSeriesSplit(3)).fit(x, y)
    prepared = model.study_._opened.problem.prepared
    assert all(each.rows.training.max() < each.rows.validation.min() for each in prepared)
    assert [len(each.rows.training) for each in prepared] == [len(rows) for rows, _ in TimeSeriesSplit(3).split(x)]
    assert len(pd.DataFrame(model.study_.front())) > 0


def test_it_is_searched_over_and_pickled_with_its_folds() -> None:
    search = GridSearchCV(ReluctantClassifier(**FAST, cv=2), {"hidden": [4, 8]}, cv=2, error_score="raise").fit(X, Y)
    assert search.best_score_ > 0.3


@pytest.mark.parametrize(
    ("cv", "said"),
    [
        (1, "cv is 1, by which the samples cannot be divided"),
        (100, "cannot be divided: n_splits=100"),
        ("many", "cv is 'many'"),
        (GroupKFold(3), "'groups' parameter should not be None"),
        ([([0, 1, 2, 3], [3, 4])], "the two need to differ"),
        ([], "no fold"),
        ([([], [1, 2])], "a fold has 0 training and 2 validation samples"),
        ([([0, 1, 200], [3])], "index 200 is out of bounds"),
        ([([0.5, 1.5], [3])], "arrays used as indices must be of integer"),
        ([([0, 0, 1], [3])], "a fold has a row more than once"),
    ],
)
def test_samples_that_cannot_be_divided_so(cv: Any, said: str) -> None:
    with pytest.raises(ReluctantError, match=said):
        ReluctantClassifier(**FAST, cv=cv).fit(X, Y)


def test_groups_that_are_not_one_for_each_sample() -> None:
    with pytest.raises(ReluctantError, match=r"groups has the shape \(2,\); \(178,\) is needed"):
        ReluctantClassifier(**FAST, cv=2).fit(X, Y, groups=[0, 1])
    with pytest.raises(ReluctantError, match="cannot be divided by groups"):
        ReluctantClassifier(**FAST).fit(X, Y, groups=np.zeros(len(Y)))
