"""The estimators among scikit-learn's own."""

from __future__ import annotations

import gc
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

import reluctant
from reluctant import ReluctantClassifier, ReluctantError, ReluctantRegressor, ReluctantWarning
from study.config import ConfigError
from study.data import DataError
from study.records.own_trials import NoResultsError
from study.search import fresh_seeds

FAST: dict[str, Any] = {"trials": 2, "seeds": 1, "epochs": 30, "learning_rate": 0.03, "hidden": 8, "random_state": 0}


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


@pytest.mark.parametrize(("kind", "rate"), [(ReluctantClassifier, 0.001), (ReluctantRegressor, 0.003)])
def test_the_learning_rate_is_that_of_a_search(kind: type[ReluctantClassifier], rate: float) -> None:
    x, y = load_wine(return_X_y=True)
    model = kind(**{**FAST, "learning_rate": None, "trials": 1, "epochs": 2}).fit(x, y)
    assert model.recommended_.hyperparameters.learning_rate == rate


@pytest.mark.parametrize(("refit", "of"), [(True, "best_epoch"), (False, "best_epoch_seed0")])
def test_under_patience_the_network_has_the_weights_of_the_best_epoch(refit: bool, of: str) -> None:
    x, y = load_wine(return_X_y=True)
    model = ReluctantClassifier(**{**FAST, "seeds": 2, "patience": 2, "refit": refit}).fit(x, y)
    trials = model.study_.trials()
    assert model.n_iter_ == round(trials.loc[model.recommended_.number, of]) < 30
    with pytest.raises(ConfigError, match="--patience is 31"):
        clone(model).set_params(patience=31).fit(x, y)


def test_stopped_trials_are_no_results(fitted: ReluctantClassifier) -> None:
    x, y = load_wine(return_X_y=True)
    model = ReluctantClassifier(**{**FAST, "trials": 8, "cohort": 8, "seeds": 2, "pruner": "halving"}).fit(x, y)
    states = model.study_.trials()["state"]
    complete = list(states.index[states == "COMPLETE"])
    assert (states == "PRUNED").sum() > 3
    assert list(model.cv_results_["trial"]) == complete
    assert model.recommended_.number in complete
    assert model.score(x, y) > 0.5
    with pytest.raises(ConfigError, match="unknown pruner"):
        clone(model).set_params(pruner="asha").fit(x, y)


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


def test_numbers_are_predicted_in_their_own_unit() -> None:
    x, y = make_regression(n_samples=120, n_features=4, noise=1.0, random_state=0)
    y = 1e4 + 100 * y
    model = ReluctantRegressor(**{**FAST, "trials": 4, "metric": "rmse"}).fit(x[:100], y[:100])
    errors = model.predict(x[100:]) - y[100:]
    assert model.score(x[100:], y[100:]) > 0.8
    assert np.sqrt(np.mean(errors**2)) < 0.5 * y.std()
    assert model.best_score_ == max(model.cv_results_["mean_test_score"]) < 0  # an error, negated
    assert model.cv_results_["rank_test_score"][np.argmax(model.cv_results_["mean_test_score"])] == 1
    assert not hasattr(model, "classes_")
    assert not hasattr(model, "predict_proba")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert clone(model).fit(x[:100], y[:100]).best_params_ == model.best_params_


def test_the_metric_where_none_is_named_is_that_of_the_task() -> None:
    model = ReluctantRegressor(**FAST).fit(*load_diabetes(return_X_y=True))
    assert model.study_.options["metric"] == "r2"
    assert model.study_.options["task"] == "regression"
    assert "test_clamped_r2" in model.front_
    with pytest.raises(ValueError, match="--metric"):
        ReluctantRegressor(**FAST, metric="accuracy").fit(*load_diabetes(return_X_y=True))
    with pytest.raises(ValueError, match="did you mean --metric accuracy"):
        ReluctantClassifier(**FAST, metric="r2").fit(*load_iris(return_X_y=True))


def test_what_weighs_nothing_is_left_out_and_what_weighs_much_is_learned() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 2))
    right, wrong = (x[:, 0] > 0).astype(int), (x[:, 0] <= 0).astype(int)
    # Every sample twice, with both labels: only the weights say which is right.
    both, labels, weights = np.r_[x, x], np.r_[right, wrong], np.r_[np.full(200, 10.0), np.ones(200)]
    model = ReluctantClassifier(**FAST)
    assert clone(model).fit(both, labels, weights).score(x, right) > 0.9
    assert clone(model).fit(both, labels, weights[::-1]).score(x, right) < 0.1
    without = clone(model).fit(x, right).predict_proba(x)
    np.testing.assert_array_equal(
        clone(model).fit(both, labels, np.r_[np.full(200, 3.0), np.zeros(200)]).predict_proba(x), without
    )
    doubled = clone(model).fit(both, labels, weights)
    assert doubled.score(both, labels, sample_weight=weights) > doubled.score(both, labels) + 0.2


def test_weights_are_routed_through_a_pipeline() -> None:
    x, y = load_diabetes(return_X_y=True)
    seen: list[float] = []

    class Noting(ReluctantRegressor):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            seen.append(float(np.sum(sample_weight)))
            return super().fit(X, y, sample_weight)

    with config_context(enable_metadata_routing=True):
        model = Noting(**FAST).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        scores = cross_validate(pipeline, x, y, cv=2, params={"sample_weight": np.full(len(y), 2.0)})["test_score"]
    assert seen == [len(y), len(y)]
    assert scores.mean() > 0.2


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0], r"shape \(1,\); \(150,\) is needed"),
        ([-1.0] + 149 * [1.0], "negative, infinite, missing or no numbers in 1 row"),
        ([float("nan")] * 150, "missing"),
        (["heavy"] * 150, "no numbers"),
        (0.0, "are all 0"),
    ],
)
def test_weights_that_no_sample_can_have(weights: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        ReluctantClassifier(**FAST).fit(*load_iris(return_X_y=True), sample_weight=weights)


_X, _Y = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    ("x", "y", "kind", "said"),
    [
        (sparse.csr_matrix(_X), _Y, TypeError, r"toarray\(\)"),
        (_X[:10], _Y, ValueError, "inconsistent numbers of samples"),
        (_X[:, 0], _Y, ValueError, "Reshape your data"),
        (_X.reshape(150, 2, 2), _Y, ValueError, "with dim 3"),
        (np.full((150, 2), "blue", dtype=object), _Y, ValueError, "encode text in a pipeline"),
        (np.array([[{}]] * 150), _Y, TypeError, "argument must be a string or a real number"),
        (np.full((150, 1), np.inf), _Y, ValueError, "infinity"),
        (_X, np.zeros(150), ValueError, "one class only"),
        (_X, _X[:, 0] / 3, ValueError, "ReluctantRegressor"),
        (_X, np.c_[_Y, _Y], ValueError, "1d array"),
    ],
)
def test_samples_that_cannot_be_learned_are_refused_by_errors_of_ours(
    x: Any, y: Any, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as refused:
        ReluctantClassifier(**FAST).fit(x, y)
    assert isinstance(refused.value, ReluctantError)


def test_numbers_that_cannot_be_learned_are_refused() -> None:
    with pytest.raises(DataError, match="y is 3 in all 150 rows"):
        ReluctantRegressor(**FAST).fit(_X, np.full(150, 3.0))
    with pytest.raises(DataError, match="convert string"):
        ReluctantRegressor(**FAST).fit(_X, np.array(["a", "b", "c"] * 50, dtype=object))


def test_objects_that_are_numbers_are_read_as_such(fitted: ReluctantClassifier) -> None:
    x, _ = load_wine(return_X_y=True, as_frame=True)
    np.testing.assert_array_equal(fitted.predict(x.astype(object)), fitted.predict(x))
    with pytest.raises(DataError, match="feature names should match"):
        fitted.predict(x.rename(columns={"alcohol": "spirit"}))
    with pytest.raises(DataError, match="missing"):
        fitted.predict(x.iloc[:, :12])


def test_a_pickle_of_another_version_says_so(fitted: ReluctantClassifier) -> None:
    state = fitted.__getstate__()
    with pytest.warns(ReluctantWarning, match=r"pickled by version 0\.0\.1 of reluctant, and this is version"):
        ReluctantClassifier().__setstate__({**state, "_pickled_by": "0.0.1"})
    for other in ({**state, "_pickle_format": 99, "_pickled_by": "9.0"}, {"trials": 3}):
        with pytest.raises(ReluctantError, match=r"another version|version 9\.0"):
            ReluctantClassifier().__setstate__(other)


def test_the_study_outlives_its_estimator_and_its_file_ends_with_it() -> None:
    study = ReluctantClassifier(**FAST).fit(_X, _Y).study_
    gc.collect()
    assert len(study.trials()) == 2
    place = Path(study.storage)
    assert place.exists()
    del study
    gc.collect()
    assert not place.parent.exists()


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
    stored: dict[str, Any] = {**FAST, "epochs": 1, "storage": place, "study_name": "iris"}
    first = ReluctantClassifier(**{**stored, "trials": 32}).fit(x, y)
    more = ReluctantClassifier(**{**stored, "trials": 40}).fit(x, y)
    assert (len(first.cv_results_["params"]), len(more.cv_results_["params"])) == (32, 40)
    assert more.cv_results_["params"][:32] == first.cv_results_["params"]
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


def test_a_time_limit_ends_the_search_and_its_result_is_said_to_be_no_function_of_the_seed() -> None:
    model = ReluctantClassifier(**FAST, time_limit=1e-6)
    with pytest.warns(ReluctantWarning, match="time is up"), pytest.raises(NoResultsError, match="allow more time"):
        model.fit(*load_iris(return_X_y=True))
    assert get_tags(model).non_deterministic
    assert not get_tags(ReluctantClassifier(**FAST)).non_deterministic
    in_time = clone(model).set_params(time_limit=600).fit(*load_iris(return_X_y=True))
    assert len(in_time.cv_results_["params"]) == 2


def test_threads_and_progress_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = load_iris(return_X_y=True)
    quiet = ReluctantClassifier(**FAST).fit(x, y)
    assert capsys.readouterr().err == ""
    shown = ReluctantClassifier(**FAST, n_jobs=-1, verbose=1).fit(x, y)
    np.testing.assert_array_equal(shown.predict_proba(x), quiet.predict_proba(x))
    assert "trial" in capsys.readouterr().err
