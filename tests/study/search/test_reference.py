"""What reference models reach on a study's split: trained once, stored, and shown beside the recommended trial."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import run_here
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from storage import CohortStorage
from study.records.open_study import OpenStudy
from study.report.search_page import search_page
from study.search import reference
from study.search.from_database import StoredSearch
from study.search.reference import REFERENCE, reference_scores
from study.training import Interrupted


def test_they_are_scikit_learns_on_the_studys_own_split(trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=1, metric="balanced_accuracy")
    split = study.problem.split
    x, y = split.training.x.numpy(), split.training.y.numpy()
    models = (LogisticRegression(max_iter=2000), HistGradientBoostingClassifier(random_state=0))
    for score, model in zip(reference_scores(study), models, strict=True):
        model.fit(x, y)
        for part, found in ((split.validation, score.validation), (split.test, score.test)):
            predictions = model.predict(part.x.numpy())
            assert found == pytest.approx(balanced_accuracy_score(part.y.numpy(), predictions))


def test_they_are_trained_once_and_again_for_other_data(
    storage: CohortStorage, trained: Callable[..., OpenStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = trained(trials=1)
    scores = reference_scores(study)
    monkeypatch.setattr(reference, "_trained", _untrainable)
    assert reference_scores(study) == scores == StoredSearch.of(study).reference()
    stored = storage.get_study_system_attrs(study.study_id)[REFERENCE]
    storage.set_study_attrs(study.study_id, system_attrs={REFERENCE: stored | {"data": "that of another study"}})
    assert StoredSearch.of(study).reference() == ()
    with pytest.raises(AssertionError, match="trained again"):
        reference_scores(study)


def test_a_stop_keeps_the_models_that_are_done(
    trained: Callable[..., OpenStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = trained(trials=1)
    asked = iter([False, True])
    with pytest.raises(Interrupted):
        reference_scores(study, stop=lambda: next(asked))
    assert StoredSearch.of(study).reference() == ()
    left: list[str] = []
    train = reference._trained

    def counting(model: reference.ReferenceModel, *args: object) -> object:
        left.append(model.name)
        return train(model, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(reference, "_trained", counting)
    reference_scores(study)
    assert left == ["boosted_trees"]


def test_every_command_that_answers_shows_them(tmp_path: Path) -> None:
    small = ("--trials", 4, "--seeds", 2, "--epochs", 20, "--cohort", 4, "--hidden", "16")
    ran = run_here("run", "iris", *small, cwd=tmp_path, check=True)
    line = "reference, on the same split and inputs, test accuracy: logistic regression "
    assert line not in ran.stdout
    asked = run_here("front", "--reference", cwd=tmp_path, check=True)
    assert line in asked.stdout
    assert "training for reference, once for this study: logistic regression, gradient boosting" in asked.stderr
    known = run_here("front", cwd=tmp_path, check=True)
    assert known.stdout == asked.stdout
    assert "training for reference" not in known.stderr
    for command in ("front", "advise"):
        rows = json.loads(run_here(command, "--format", "json", cwd=tmp_path, check=True).stdout)
        models = {row["model"]: row for row in rows if row["role"] == "reference"}
        assert set(models) == {"logistic_regression", "boosted_trees"}
        assert all(0.5 < row["test_accuracy"] <= 1.0 for row in models.values())
    assert line in run_here("advise", cwd=tmp_path, check=True).stdout
    assert line in run_here("front", "--format", "table", cwd=tmp_path, check=True).stdout


def test_the_report_trains_them(trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=4, epochs=20)
    page = search_page(study)
    (sentence,) = [text for text in page.answer if text.startswith("Reference, on the same split and inputs")]
    assert "pp against trial" in sentence
    for score in StoredSearch.of(study).reference():
        assert f"{score.model.text} {100 * score.test:.2f} % (" in sentence


def _untrainable(*args: object) -> None:
    raise AssertionError("trained again")
