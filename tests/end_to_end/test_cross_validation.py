"""A cross-validation in place of one validation part, from the file to the model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command import run_here

import reluctant
from study.config import read_config
from study.problem import Search
from study.search import fresh_seeds
from study.training import Budget, Streams, fit

RUN = ("run", "t.csv", "--target", "y", "--cv", 3, "--groups", "who", "--seeds", 2, "--epochs", 5, "--hidden", "8")
RUN = (*RUN, "--cohort", 4, "--learning-rate", 0.03, "--threads", 1, "--name", "s")


def patients() -> pd.DataFrame:
    """`[150, 4]` five rows of each of 30 patients; one category is seen in one row alone."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=150)
    colour = np.where(np.arange(150) == 3, "rare", np.where(x + generator.normal(0, 1, 150) > 0, "red", "blue"))
    y = np.where(x + generator.normal(0, 0.3, 150) > 0, "yes", "no")
    return pd.DataFrame({"who": np.arange(150) // 5, "x": x.round(4), "colour": colour, "y": y})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the finished search `s`, which was begun with fewer trials and continued."""
    folder = tmp_path_factory.mktemp("folds")
    patients().to_csv(folder / "t.csv", index=False)
    run_here(*RUN, "--trials", 4, cwd=folder, check=True)
    run_here("resume", "--trials", 8, cwd=folder, check=True)
    return folder


def front(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run_here("front", "--format", "json", cwd=folder, check=True).stdout)
    return rows


def test_the_score_is_the_mean_over_folds_and_seeds_of_networks_trained_alone(folder: Path) -> None:
    options = {"target": "y", "cv": 3, "groups": "who", "seeds": 2, "epochs": 5, "hidden": "8", "learning_rate": 0.03}
    problem = Search.of(read_config({"data": str(folder / "t.csv"), **options}))
    recommended = next(row for row in front(folder) if row["role"] == "recommended")
    with reluctant.load("s", storage=str(folder / "reluctant.db")) as study:
        trial = study.recommended
        assert trial.number == recommended["trial"]
    alone = [
        fit(
            [trial.hyperparameters],
            problem.prepared[replicate % 3].split,
            Budget(epochs=5, seeds=1),
            Streams(0, first=replicate),
            clamp=True,
            read_test=True,
        )[0]
        for replicate in range(6)
    ]
    assert trial.scores == tuple(outcome.mean("clamped_accuracy") for outcome in alone)
    assert recommended["clamped_accuracy"] == pytest.approx(np.mean(trial.scores))
    tested = np.mean([outcome.mean("test_clamped_accuracy") for outcome in alone])
    assert recommended["test_clamped_accuracy"] == pytest.approx(tested)
    assert len({len(prepared.split.features) for prepared in problem.prepared}) == 2


def test_a_search_in_one_go_has_the_same_trials(folder: Path, tmp_path: Path) -> None:
    patients().to_csv(tmp_path / "t.csv", index=False)
    said = run_here(*RUN, "--trials", 8, cwd=tmp_path, check=True).stderr
    assert "t: 150 rows (3 folds, the first 80 training, 40 validation, 30 test; 30 groups, each in one part)" in said
    assert "8 trials x 2 seeds x 3 folds" in said
    assert "± is the standard error over 2 seeds x 3 folds" in said
    assert front(tmp_path) == front(folder)
    other = run_here(*[4 if each == 3 else each for each in RUN], cwd=tmp_path)
    assert other.returncode == 2
    assert "cv (3 there, 4 here)" in other.stderr


def test_advice_trains_equally_many_fresh_networks_on_each_fold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh_seeds, "FRESH_SEEDS", 2)
    advice = run_here("advise", cwd=folder, check=True).stdout
    assert "over one fresh seed x 3 folds; over as many others, 3 networks, " in advice
    assert "on its 2 seeds x 3 folds" in advice
    assert "logistic regression" in advice
    run_here("report", "-o", "r.html", cwd=folder, check=True)
    page = (folder / "r.html").read_text()
    assert "cross-validation over 3 folds, the first of 80 training" in page
    assert "--cv 3" in page
    assert "2 a trial, each on all 3 folds" in page


def test_a_model_reads_rows_as_its_fold_did(folder: Path) -> None:
    with reluctant.load("s", storage=str(folder / "reluctant.db")) as study:
        model = study.model()
    origin = model.origin
    assert origin["replicates"] == 6
    problem = Search.of(read_config({"data": str(folder / "t.csv"), "target": "y", "cv": 3, "groups": "who"}))
    rows = problem.prepared[origin["replicate"] % 3].rows
    predicted = model.predict(patients().iloc[rows.validation])
    assert np.mean(predicted == patients()["y"].iloc[rows.validation]) == origin["scores"]["validation_accuracy"]


def test_parts_follow_each_other_in_time(tmp_path: Path) -> None:
    table = patients().assign(day=pd.date_range("2020-01-01", periods=150).strftime("%Y-%m-%d"))
    table.to_csv(tmp_path / "t.csv", index=False)
    options = ("--time", "day", "--drop", "who", "--trials", 2, "--epochs", 1, "--seeds", 1, "--hidden", 8)
    said = run_here("run", "t.csv", "--target", "y", *options, cwd=tmp_path, check=True).stderr
    assert "(90 training, 30 validation, 30 test; in the order of their times), 4 inputs from 2 columns" in said
    both = run_here("run", "t.csv", "--target", "y", *options, "--groups", "x", cwd=tmp_path)
    assert both.returncode == 2
    assert re.search("--groups is x and --time is day; rows are divided by one of the two", both.stderr)
