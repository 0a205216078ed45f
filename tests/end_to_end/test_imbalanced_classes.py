"""Classes that are rare: metrics, weights of classes and samples, and an official test part, through the command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command import run_here

SMALL = ("--target", "y", "--trials", 3, "--cohort", 3, "--seeds", 2, "--epochs", 6, "--hidden", 16)
SMALL = (*SMALL, "--learning-rate", 0.01, "--threads", 1, "--name", "s", "--sparsity", "near_zero")


def fraud(rows: int, seed: int) -> pd.DataFrame:
    """`[rows, 4]` one row in three is of class 1; the column w weighs rows."""
    generator = np.random.default_rng(seed)
    y = (np.arange(rows) % 3 == 0).astype(int)
    x = generator.normal(size=(rows, 2)) + 1.5 * y[:, None]
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y, "w": generator.uniform(0, 2, rows).round(3)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fraud(400, 0).to_csv(tmp_path / "t.csv", index=False)
    fraud(160, 1)[["w", "y", "b", "a"]].to_csv(tmp_path / "test.csv", index=False)
    fraud(160, 1).to_parquet(tmp_path / "test.parquet")
    return tmp_path


def rows(folder: Path, *options: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        run_here("run", "t.csv", *SMALL, *options, "--format", "json", cwd=folder, check=True).stdout
    )
    return found


@pytest.mark.parametrize("metric", ["f1_macro", "roc_auc", "log_loss"])
def test_each_metric_is_searched_confirmed_and_reported(metric: str, folder: Path) -> None:
    # Balanced weights are no way to good probabilities.
    weight = "1,1.5" if metric == "log_loss" else "balanced"
    found = rows(folder, "--metric", metric, "--class-weight", weight, "--label-smoothing", 0.05)
    best = found[0]
    assert 0 < best[f"test_{metric}"] < 1
    assert best[metric] < 0.63 if metric == "log_loss" else best[metric] > 0.6
    advice = run_here("advise", cwd=folder, check=True).stdout
    assert f"validation {metric}" in advice
    run_here("report", "-o", "r.html", cwd=folder, check=True)
    page = (folder / "r.html").read_text()
    assert f"--metric {metric}" in page
    assert f"--class-weight {weight}".replace("1,1.5", "1.0,1.5") in page
    again = run_here("run", "t.csv", *SMALL, "--metric", metric, cwd=folder)
    assert again.returncode == 2
    assert re.search(r"class_weight \((balanced|1.0,1.5) there, the default here\)", again.stderr)


def test_weights_count_in_the_scores_and_are_no_feature(folder: Path) -> None:
    table = fraud(400, 0)
    plain = rows(folder, "--drop", "w")
    weighted = rows(folder, "--weights", "w", "--name", "weighted")
    assert weighted[0]["accuracy"] != plain[0]["accuracy"]
    table.to_csv(folder / "w.csv", index=False)
    table.assign(w=1.0).to_csv(folder / "t.csv", index=False)
    run_here("export", "weighted", "--model", "m", "--data", "w.csv", cwd=folder, check=True)
    assert list(json.loads((folder / "m/config.json").read_text())["columns"]) == ["a", "b"]
    same = rows(folder, "--weights", "w", "--name", "equal")
    assert [row["trial"] for row in same] == [row["trial"] for row in plain]
    assert [row["accuracy"] for row in same] == pytest.approx([row["accuracy"] for row in plain], abs=0.02)


@pytest.mark.parametrize("test", ["test.csv", "test.parquet"])
def test_an_official_test_part_is_the_test_part(test: str, folder: Path) -> None:
    run = run_here("run", "t.csv", *SMALL, "--test", test, cwd=folder, check=True)
    assert "560 rows (320 training, 80 validation, 160 test)" in run.stderr
    assert f"the test part is 160 rows of {test}" in run.stderr
    run_here("export", "s", "--model", "m", cwd=folder, check=True)
    score = json.loads((folder / "m/config.json").read_text())["origin"]["scores"]["test_accuracy"]
    said = run_here("predict", "m", test, "-o", "p.csv", cwd=folder, check=True)
    assert f"{score:.2%} of the labels in {test} were found" in said.stderr
    (folder / "elsewhere").mkdir()
    run_here("resume", "s", "--trials", 4, "--storage", "../reluctant.db", cwd=folder / "elsewhere", check=True)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("t.csv", "--weights", "ww"), r"--weights names 'ww', which is no column of .*did you mean 'w'\?"),
        (("t.csv", "--weights", "y"), r"--weights names 'y', which is the target"),
        (
            ("negative.csv", "--weights", "w"),
            r"weights 'w' of .* are negative, infinite, missing or no numbers in 1 row \(3\)",
        ),
        (("zero.csv", "--weights", "w"), r"weights 'w' of .* are all 0"),
        (("words.csv", "--weights", "w"), r"weights 'w' of .* are no numbers"),
        (("iris", "--weights", "w"), r"--weights names 'w', but iris is no table with such a column"),
        (("iris", "--test", "test.csv"), r"--test is 'test.csv', but iris is no file of a table"),
        (("t.csv", "--test", "none.csv"), r"no such file or folder: 'none.csv'"),
        (
            ("t.csv", "--test", "other.csv"),
            r"needs the columns of .*; only in .*t\.csv: b; only in other\.csv: c",
        ),
        (
            ("t.csv", "--test", "one.csv", "--metric", "roc_auc"),
            r"which needs every class in every.*test part .*class 1",
        ),
        (("t.csv", "--class-weight", "1,2,3"), r"--class-weight has 3 numbers, and .* has 2 classes: .*order: 0, 1"),
        (("t.csv", "--class-weight", "1,0"), r"--class-weight is '1,0'; it needs to be balanced, or a positive number"),
        (("t.csv", "--label-smoothing", 1.5), r"--label-smoothing is '1.5'; it needs to be less than 1"),
        (("t.csv", "--metric", "log_loss", "--min-accuracy", 0.5), r"--metric is log_loss, of which less is better"),
    ],
)
def test_what_cannot_be_is_refused(options: tuple[object, ...], text: str, folder: Path) -> None:
    table, test = fraud(400, 0), fraud(160, 1)
    table.assign(w=np.where(np.arange(400) == 2, -1.0, 1.0)).to_csv(folder / "negative.csv", index=False)
    table.assign(w=0).to_csv(folder / "zero.csv", index=False)
    table.assign(w="much").to_csv(folder / "words.csv", index=False)
    test.rename(columns={"b": "c"}).to_csv(folder / "other.csv", index=False)
    test[test["y"] == 0].to_csv(folder / "one.csv", index=False)
    before = sorted(path.name for path in folder.iterdir())
    target = () if options[0] == "iris" else ("--target", "y")
    refused = run_here("run", *options, *target, cwd=folder)
    assert refused.returncode == 2
    assert re.fullmatch(r"error: [^\n]+\n", refused.stderr), refused.stderr
    assert re.search(text, refused.stderr), refused.stderr
    assert sorted(path.name for path in folder.iterdir()) == before
