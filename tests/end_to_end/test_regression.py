"""A quantity to predict, from the file to the model: recognized, searched, continued, answered, taken away."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command import run_here
from sklearn.metrics import r2_score, root_mean_squared_error

from study.data import load_dataset, prepare
from study.tasks import REGRESSION

RUN = ("run", "houses.csv", "--target", "price", "--seeds", 2, "--epochs", 8, "--hidden", "16", "--cohort", 4)
RUN = (*RUN, "--learning-rate", 0.01, "--threads", 1, "--name", "houses", "--sparsity", "near_zero")
WITHOUT_US = "import sys; sys.modules.update(dict.fromkeys(('reluctant', 'study', 'search_spaces', 'storage')))\n"


def houses() -> pd.DataFrame:
    """`[400, 3]` prices of a large unit that depend on two columns."""
    generator = np.random.default_rng(0)
    rooms, town = generator.uniform(1, 8, 400), generator.choice(["north", "south"], 400)
    price = 50_000 * rooms + np.where(town == "north", 80_000, 0) + generator.normal(0, 10_000, 400)
    return pd.DataFrame({"rooms": rooms, "town": town, "price": price.round(2)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the finished search `houses`, which was begun with fewer trials and continued."""
    folder = tmp_path_factory.mktemp("regression")
    houses().to_csv(folder / "houses.csv", index=False)
    run_here(*RUN, "--trials", 4, cwd=folder, check=True)
    run_here("resume", "houses", "--trials", 8, cwd=folder, check=True)
    return folder


def front(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run_here("front", "--format", "json", cwd=folder, check=True).stdout)
    return rows


def test_it_is_recognized_and_said_in_one_line(tmp_path: Path) -> None:
    houses().to_csv(tmp_path / "houses.csv", index=False)
    said = run_here(*RUN, "--trials", 2, cwd=tmp_path, check=True).stderr
    [line] = [line for line in said.splitlines() if line.startswith("regression of price: 400 different values from")]
    assert "--task" not in line  # so many different values are no classes
    assert "floor 0.0000" in said


def test_a_search_that_was_begun_with_the_earlier_learning_rate_goes_on_with_it(tmp_path: Path) -> None:
    houses().to_csv(tmp_path / "houses.csv", index=False)
    small = ("run", "houses.csv", "--target", "price", "--seeds", 1, "--epochs", 1, "--hidden", 8, "--no-confirm")
    run_here(*small, "--trials", 2, "--learning-rate", 0.001, cwd=tmp_path, check=True)
    said = run_here(*small, "--trials", 3, cwd=tmp_path, check=True).stderr
    assert "goes on with --learning-rate 0.001, where new ones have 0.003" in " ".join(said.split())
    assert len(run_here("export", "-o", "trials.csv", cwd=tmp_path, check=True).stderr.splitlines()) == 1
    assert len((tmp_path / "trials.csv").read_text().splitlines()) == 4


def test_the_front_is_of_r2_and_the_test_scores_are_those_of_the_rows(folder: Path) -> None:
    recommended = next(row for row in front(folder) if row["role"] == "recommended")
    assert 0.5 < recommended["r2"] < 1
    assert 0.5 < recommended["test_r2"] < 1


def test_a_study_by_two_workers_and_one_in_two_parts_have_the_same_trials(folder: Path, tmp_path: Path) -> None:
    houses().to_csv(tmp_path / "houses.csv", index=False)
    run_here(*RUN, "--trials", 8, "--workers", 2, cwd=tmp_path, check=True)
    assert front(tmp_path) == front(folder)


def test_optuna_s_own_tables_maximize_r2(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "reluctant.db")) as database:
        directions = {row[0] for row in database.execute("select direction from study_directions")}
        values = [row[0] for row in database.execute("select value from trial_values where objective = 0")]
    assert directions == {"MAXIMIZE"}
    assert len(values) == 8
    assert max(values) < 1


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_an_error_is_minimized_and_shown_in_the_unit_of_the_target(loss: str, tmp_path: Path) -> None:
    houses().to_csv(tmp_path / "houses.csv", index=False)
    run = run_here(
        *RUN, "--trials", 4, "--metric", "rmse", "--loss", loss, "--format", "json", cwd=tmp_path, check=True
    )
    rows = json.loads(run.stdout)
    errors = [row["rmse"] for row in rows if row["role"] != "baseline"]
    assert errors == sorted(errors)
    assert 5_000 < errors[0] < np.std(houses()["price"])
    assert re.search(r"best rmse \d+", run.stderr)
    table = run_here("front", cwd=tmp_path, check=True).stdout
    assert f"{errors[0]:.4g}" in table
    assert "%" not in table.splitlines()[0].partition("rmse")[2].partition("near_zero")[0]
    assert "rmse" in run_here("advise", cwd=tmp_path, check=True).stdout
    run_here("report", "-o", "r.html", cwd=tmp_path, check=True)
    assert "validation rmse" in (tmp_path / "r.html").read_text()


def test_a_model_predicts_with_an_interval_and_without_reluctant(folder: Path) -> None:
    run_here("export", "houses", "--model", "model", cwd=folder, check=True)
    rows = prepare(load_dataset(str(folder / "houses.csv"), target="price", options=_options()), seed=0).rows
    held_out = houses().iloc[rows.test].reset_index(drop=True)
    held_out.to_csv(folder / "model" / "data.csv", index=False)
    said = run_here("predict", "model", "model/data.csv", "-o", "said.csv", cwd=folder, check=True)
    found, true = pd.read_csv(folder / "said.csv"), held_out["price"]
    scores = json.loads((folder / "model" / "config.json").read_text())["origin"]["scores"]
    assert r2_score(true, found["prediction"]) == pytest.approx(scores["test_r2"], abs=1e-6)
    assert f"rmse {root_mean_squared_error(true, found['prediction']):.4g}" in said.stderr
    inside = (found["low"] <= true) & (true <= found["high"])
    assert 0.85 < inside.mean() <= 1.0
    (snippet,) = re.findall(r"```python\n(.*?)```", (folder / "model" / "README.md").read_text(), flags=re.DOTALL)
    end = "print(json.dumps([predictions.tolist(), low.tolist(), high.tolist()]))"
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_US + snippet + end],
        cwd=folder / "model",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(np.array(json.loads(result.stdout)).T, found, rtol=1e-6)


def _options() -> Any:
    from study.data.reading import TableOptions

    return TableOptions(read_target=REGRESSION.read_target)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("houses.csv", "--target", "price", "--metric", "accuracy"), r"looks like a quantity.*--task regression"),
        (
            ("houses.csv", "--target", "town", "--metric", "rmse"),
            r"holds '(north|south)', .*; regression needs numbers",
        ),
        (
            ("houses.csv", "--target", "town", "--task", "regression"),
            r"holds '(north|south)', .*; regression needs numbers",
        ),
        (("iris", "--metric", "r2"), r"--metric is r2, but .* classification.*did you mean --metric accuracy\?"),
        (("iris", "--task", "regression"), r"--task is regression, but the target of iris is for classification"),
        (("iris", "--loss", "huber"), r"--loss is huber, but .* classification; leave --loss out"),
        (("iris", "--metric", "rsme"), r"unknown metric 'rsme'.*did you mean 'rmse'"),
        (
            ("houses.csv", "--target", "price", "--task", "regression", "--metric", "accuracy"),
            r"--metric is accuracy, but .* regression.*did you mean --metric r2\?",
        ),
        (
            ("houses.csv", "--target", "price", "--metric", "mae", "--min-accuracy", 0.5),
            r"--min-accuracy is 0.5, but --metric is mae, of which less",
        ),
    ],
)
def test_options_of_another_task_are_refused(options: tuple[object, ...], text: str, tmp_path: Path) -> None:
    houses().to_csv(tmp_path / "houses.csv", index=False)
    refused = run_here("run", *options, cwd=tmp_path)
    assert refused.returncode == 2
    assert re.fullmatch(r"error: [^\n]+\n", refused.stderr), refused.stderr
    assert re.search(text, refused.stderr), refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["houses.csv"]
