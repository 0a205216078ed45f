"""The estimator among scikit-learn's own."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import check_estimator

import reluctant
from reluctant import ReluctantClassifier
from study.records.own_trials import NoResultsError
from study.search import fresh_seeds

FAST: dict[str, Any] = {"trials": 2, "seeds": 1, "epochs": 30, "learning_rate": 0.03, "hidden": 8, "random_state": 0}


def test_scikit_learn_s_checks_pass_and_none_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    results = check_estimator(ReluctantClassifier(**FAST), on_skip=None, on_fail=None)
    assert {result["check_name"]: result["exception"] for result in results if result["status"] != "passed"} == {}
    assert len(results) > 40


@pytest.fixture(scope="module")
def fitted() -> ReluctantClassifier:
    x, y = load_wine(return_X_y=True, as_frame=True)
    return ReluctantClassifier(**{**FAST, "trials": 8, "seeds": 2}).fit(x, y.map({0: "a", 1: "b", 2: "c"}))


def test_it_has_what_a_search_of_scikit_learn_has(fitted: ReluctantClassifier) -> None:
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    assert fitted.n_features_in_ == 13
    assert fitted.feature_names_in_[0] == "alcohol"
    results = pd.DataFrame(fitted.cv_results_)
    assert len(results) == 8
    np.testing.assert_allclose(
        results[["split0_test_score", "split1_test_score"]].mean(axis=1), results.mean_test_score
    )
    assert results.mean_test_score[results.rank_test_score == 1].max() == results.mean_test_score.max()
    best = results[results.trial == fitted.recommended_.number].iloc[0]
    assert best.params == fitted.best_params_
    assert best.mean_test_score == pytest.approx(fitted.best_score_)
    assert fitted.recommended_.number in fitted.front_.index
    assert fitted.n_iter_ == 30
    assert len(fitted.study_.trials()) == 8
    assert fitted.study_.front()["test_accuracy"].isna().all()


def test_the_same_random_state_gives_the_same_result(fitted: ReluctantClassifier) -> None:
    x, y = load_wine(return_X_y=True, as_frame=True)
    again = clone(fitted).fit(x, y.map({0: "a", 1: "b", 2: "c"}))
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))
    other = clone(fitted).set_params(random_state=1).fit(x, y)
    assert not np.array_equal(other.predict_proba(x), fitted.predict_proba(x))


def test_a_pickle_predicts_the_same_and_holds_no_connection(fitted: ReluctantClassifier) -> None:
    x, _ = load_wine(return_X_y=True, as_frame=True)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))
    assert again.front_.equals(fitted.front_)
    assert not hasattr(again, "study_")


def test_in_a_pipeline_under_calibration_and_cross_validation() -> None:
    x, y = load_iris(return_X_y=True, as_frame=True)
    table = x.assign(colour=np.where(np.arange(len(x)) % 3, "blue", "red"))
    columns = make_column_transformer((OneHotEncoder(sparse_output=False), ["colour"]), remainder="passthrough")
    columns.set_output(transform="pandas")
    pipeline = make_pipeline(columns, ReluctantClassifier(**FAST))
    assert cross_val_score(pipeline, table, y, cv=3, n_jobs=2).mean() > 0.8
    calibrated = CalibratedClassifierCV(ReluctantClassifier(**FAST), cv=2).fit(x, y)
    np.testing.assert_allclose(calibrated.predict_proba(x).sum(1), 1.0)


def test_missing_values_and_classes_of_three_samples() -> None:
    x, y = load_iris(return_X_y=True)
    x = np.where(np.random.default_rng(0).random(x.shape) < 0.05, np.nan, x)
    kept = np.r_[0:50, 50:100, 100:103]
    model = ReluctantClassifier(**{**FAST, "epochs": 60}).fit(x[kept], y[kept])
    assert model.classes_.tolist() == [0, 1, 2]
    assert set(model.study_._opened.search.split.validation.y.tolist()) == {0, 1}
    assert model.predict(x[100:150]).tolist().count(2) > 0


def test_without_a_test_part_nothing_is_confirmed_advised_or_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fresh_seeds, "largest_cheap_front", lambda config: 1000)
    study = ReluctantClassifier(**FAST).fit(*load_iris(return_X_y=True)).study_
    assert "confirms it" in study.recommended.basis
    with pytest.raises(NoResultsError, match="has no test part, on which advice is given"):
        study.advise()
    assert len(study.reference()) == 0
    study.report(tmp_path / "r.html")


def test_trials_of_one_score_share_their_rank() -> None:
    x = np.zeros((40, 1))  # nothing can be learned
    x[:2] = 1.0
    results = ReluctantClassifier(**{**FAST, "trials": 6, "epochs": 1}).fit(x, np.arange(40) % 2).cv_results_
    expected = [1 + int((results["mean_test_score"] > score).sum()) for score in results["mean_test_score"]]
    assert results["rank_test_score"].tolist() == expected
    assert len(set(expected)) < 6


def test_a_study_that_is_stored_is_resumed(tmp_path: Path) -> None:
    place, (x, y) = str(tmp_path / "s.db"), load_iris(return_X_y=True)
    stored: dict[str, Any] = {**FAST, "storage": place, "study_name": "iris"}
    first = ReluctantClassifier(**{**stored, "trials": 4}).fit(x, y)
    more = ReluctantClassifier(**{**stored, "trials": 8}).fit(x, y)
    assert (len(first.cv_results_["params"]), len(more.cv_results_["params"])) == (4, 8)
    assert more.cv_results_["params"][:4] == first.cv_results_["params"]
    with pytest.raises(ValueError, match="another configuration"):
        ReluctantClassifier(**{**stored, "epochs": 5}).fit(x, y)
    with pytest.raises(ValueError, match="are not those of study"):
        reluctant.load("iris", storage=place, X=x, y=y)  # divided otherwise: without a test part


@pytest.mark.parametrize(
    ("options", "said"),
    [({"trials": 0}, "--trials"), ({"space": "cor"}, "did you mean 'core'"), ({"metric": "x"}, "unknown metric")],
)
def test_parameters_are_judged_when_it_is_fitted(options: dict[str, Any], said: str) -> None:
    model = ReluctantClassifier(**{**FAST, **options})
    with pytest.raises(ValueError, match=said):
        model.fit(*load_iris(return_X_y=True))
    with pytest.raises(NotFittedError):
        model.predict([[0.0] * 4])


def test_threads_and_progress_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = load_iris(return_X_y=True)
    quiet = ReluctantClassifier(**FAST).fit(x, y)
    assert capsys.readouterr().err == ""
    shown = ReluctantClassifier(**FAST, n_jobs=-1, verbose=1).fit(x, y)
    np.testing.assert_array_equal(shown.predict_proba(x), quiet.predict_proba(x))
    assert "trial" in capsys.readouterr().err
