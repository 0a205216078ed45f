"""The model to take away: exported, loaded without `reluctant`, and predicting."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from command import Reluctant, run_here
from safetensors.torch import load_file, save_file

from study.data import load_dataset, prepare
from study.model import load_model

SHARED = Path(__file__).resolve().parents[3] / "shared"
DIGITS = ("digits", "--trials", 4, "--seeds", 2, "--epochs", 5, "--hidden", "32,16", "--name", "digits")
CENSUS = ("census.csv", "--target", "income", "--trials", 2, "--seeds", 2, "--epochs", 3, "--hidden", 16)
WITHOUT_THRESHOLD = ("Linear", "Dropout", "Hardshrink")
WITHOUT_US = "import sys; sys.modules.update(dict.fromkeys(('reluctant', 'study', 'search_spaces', 'storage')))\n"


def census() -> pd.DataFrame:
    """Adult where it lies beside the repository, else a table of its kind."""
    if (SHARED / "data/uci/adult.csv").exists():
        return pd.read_csv(SHARED / "data/uci/adult.csv", skipinitialspace=True, na_values=["?"])
    generator = np.random.default_rng(0)
    work = generator.choice(np.array(["private", "state", None], dtype=object), 3000)
    age = generator.integers(17, 90, 3000)
    return pd.DataFrame({"age": age, "workclass": work, "income": np.where(age > 40, ">50K", "<=50K")})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with `digits` and `census`, and their models `digits`, `census`, and `clamped` of `digits`."""
    folder = tmp_path_factory.mktemp("models")
    census().to_csv(folder / "census.csv", index=False)
    run_here("run", *DIGITS, cwd=folder, check=True)
    run_here("run", *CENSUS, "--name", "census", cwd=folder, check=True)
    run_here("export", "digits", "--trial", "best", "--model", "digits", cwd=folder, check=True)
    run_here("export", "census", "--trial", 1, "--model", "census", cwd=folder, check=True)
    run_here("export", "digits", "--model", "clamped", "--clamp", cwd=folder, check=True)
    return folder


@pytest.fixture
def models(folder: Path, tmp_path: Path) -> Path:
    """A copy of the models, to be spoilt."""
    for name in ("digits", "census"):
        shutil.copytree(folder / name, tmp_path / name)
    return tmp_path


def test_part(folder: Path, name: str) -> pd.DataFrame:
    """The test rows of a study, as a user would have them: raw features, and `label`."""
    source, target = ("digits", None) if name != "census" else (str(folder / "census.csv"), "income")
    dataset = load_dataset(source, target=target)
    rows = prepare(dataset, seed=0).rows.test
    if isinstance(dataset.x, pd.DataFrame):
        raw = pd.read_csv(source).drop(columns="income").iloc[rows].reset_index(drop=True)
    else:
        raw = pd.DataFrame(dataset.x[rows], columns=[f"pixel{index}" for index in range(64)])
    return raw.assign(label=np.array(dataset.classes)[dataset.y[rows]])


test_part.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["digits", "census", "clamped"])
def test_the_readme_s_lines_give_the_same_accuracy_without_reluctant(
    name: str, folder: Path, tmp_path: Path, reluctant: Reluctant
) -> None:
    model = Path(shutil.copytree(folder / name, tmp_path / "model"))
    table = test_part(folder, name)
    # Columns in another order, and one that nobody asked for.
    table[[*reversed(table.columns)]].to_csv(model / "data.csv", index=False)
    (snippet,) = re.findall(r"```python\n(.*?)```", (model / "README.md").read_text(), flags=re.DOTALL)
    assert len(snippet.splitlines()) <= 22
    imported = set(re.findall(r"(?:import|from) ([\w., ]+?)(?: import.*)?$", snippet, flags=re.MULTILINE))
    assert imported == {"json, pandas, skops.io, torch", "safetensors.torch"}
    end = "print(json.dumps([labels, probabilities.tolist()]))"
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_US + snippet + end], cwd=model, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    labels, probabilities = json.loads(result.stdout)
    scores = json.loads((model / "config.json").read_text())["origin"]["scores"]
    metric = "clamped_accuracy" if name == "clamped" else "accuracy"
    assert float((np.array(labels) == table["label"]).mean()) == scores[f"test_{metric}"]

    ours = reluctant("predict", "model", "model/data.csv", "-o", "said.parquet", check=True)
    said = pd.read_parquet(tmp_path / "said.parquet")
    assert said["label"].tolist() == labels
    np.testing.assert_allclose(said.iloc[:, 1:], probabilities, atol=1e-6)
    np.testing.assert_allclose(said.iloc[:, 1:].sum(axis=1), 1.0, atol=1e-5)
    assert [column.removeprefix("probability_") for column in said.columns[1:]] == sorted(set(table["label"]))
    assert "warning" not in ours.stderr


def every_kind_of_column() -> pd.DataFrame:
    """`[600, 11]` cells as text: every kind of column that the reader knows, blanks, gaps, a target that needs them."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=600)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(generator.integers(0, 900, 600), unit="D")
    table = pd.DataFrame(
        {
            "number": [f"{value:.3f}" for value in x],
            "commas": [f"{1e4 * value:.2f}".replace(".", ",") for value in x],
            "thousands": [f"{1e5 * value:,.1f}" for value in x],
            "price": [f"${1e3 * abs(value):,.2f}" for value in x],
            "share": [f"{value:.1f} %" for value in x],
            "day": days.strftime("%Y-%m-%d"),
            "written": days.strftime("%d.%m.%Y"),
            "flag": np.where(x > 0.3, "TRUE ", "FALSE"),
            "code": generator.choice(["01", "02", "A1", ""], 600),
            "y": np.where(x > 0, "01", "001"),
        }
    )
    table.loc[[3, 50], "number"] = ["-", "1.5x"]
    table.loc[generator.integers(0, 600, 20), "day"] = "?"
    return table


def test_the_readme_s_lines_read_every_kind_of_column_as_predict_does(tmp_path: Path, here: Reluctant) -> None:
    table = every_kind_of_column()
    table.to_csv(tmp_path / "t.csv", index=False)
    how = ("--trials", 1, "--seeds", 1, "--epochs", 9, "--hidden", 8, "--learning-rate", 0.01, "--name", "s")
    here("run", "t.csv", "--target", "y", *how, check=True)
    here("export", "--trial", 0, "--model", "net", check=True)
    new = table.drop(columns="y").iloc[::-1].reset_index(drop=True).head(300)
    new["code"] = new["code"].replace("A1", "01")  # what alone would be numbers
    new.to_csv(tmp_path / "net" / "data.csv", index=False)
    here("predict", "net", "net/data.csv", "-o", "said.parquet", check=True)
    said = pd.read_parquet(tmp_path / "said.parquet")
    (snippet,) = re.findall(r"```python\n(.*?)```", (tmp_path / "net/README.md").read_text(), flags=re.DOTALL)
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_US + snippet + "print(json.dumps([labels, probabilities.tolist()]))"],
        cwd=tmp_path / "net",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    labels, probabilities = json.loads(result.stdout)
    assert said["label"].tolist() == labels
    np.testing.assert_allclose(said.iloc[:, 1:], probabilities, atol=1e-6)
    assert (np.array(labels) == table["y"].iloc[::-1].head(300).to_numpy()).mean() > 0.9

    stored = new.assign(
        day=pd.to_datetime(new["day"].replace("?", None)), number=pd.to_numeric(new["number"], "coerce")
    )
    stored.to_parquet(tmp_path / "data.parquet")
    here("predict", "net", "data.parquet", "-o", "again.parquet", check=True)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "again.parquet"), said)


@pytest.mark.parametrize("name", ["digits", "census", "clamped"])
def test_onnx_agrees(name: str, folder: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model = load_model(str(folder / name))
    table = test_part(folder, name)[list(model.config.columns)]
    x = model.preprocessing.transform(table).astype(np.float32)
    (logits,) = runtime.InferenceSession(folder / name / "model.onnx").run(None, {"x": x})
    np.testing.assert_allclose(logits, model.network(torch.from_numpy(x)).detach(), atol=1e-5)


def test_the_trial_is_the_recommended_one_and_its_best_replicate(folder: Path, here: Reluctant) -> None:
    rows = json.loads(here("front", "digits", "--format", "json", cwd=folder, check=True).stdout)
    recommended = next(row for row in rows if row["role"] == "recommended")
    trials = json.loads(here("export", "digits", "--format", "json", cwd=folder, check=True).stdout)
    origin = json.loads((folder / "digits/config.json").read_text())["origin"]
    assert origin["trial"] == recommended["trial"]
    by_seed = [trials[origin["trial"]][f"accuracy_seed{seed}"] for seed in range(2)]
    assert origin["scores"]["validation_accuracy"] == max(by_seed) == by_seed[origin["replicate"]]
    assert origin["scores"]["mean_test_accuracy"] == recommended["test_accuracy"]
    assert origin["scores"]["mean_test_clamped_accuracy"] == recommended["test_clamped_accuracy"]


def test_the_zeros_of_a_clamped_model_are_real(folder: Path, here: Reluctant) -> None:
    """As many as the study recorded, over the units that are not always 0, behind layers of torch."""
    clamped, plain = (load_model(str(folder / name)) for name in ("clamped", "digits"))
    kinds = [name for name, _ in clamped.config.layers]
    assert kinds.count("Hardshrink") == 2
    assert all(kinds[place + 1] == "Hardshrink" for place, kind in enumerate(kinds) if kind not in WITHOUT_THRESHOLD)
    assert [name for name in kinds if name != "Hardshrink"] == [name for name, _ in plain.config.layers]
    dataset = load_dataset("digits")
    split = prepare(dataset, seed=0).split
    shares = []
    x = split.validation.x
    with torch.no_grad():
        for module in clamped.network:
            x = module(x)
            if isinstance(module, torch.nn.Hardshrink):
                strength = x.abs().mean(0)
                live = strength > 0.01 * strength.mean()
                shares.append(float((x[:, live] == 0).double().mean()))
    trials = json.loads(here("export", "digits", "--format", "json", cwd=folder, check=True).stdout)
    origin = clamped.config.origin
    recorded = trials[origin["trial"]][f"clamped_zeros_seed{origin['replicate']}"]
    assert np.mean(shares) == pytest.approx(recorded, abs=1e-4) == origin["scores"]["clamped_zeros"]
    assert recorded > 0
    accuracy = float((x.argmax(1) == split.validation.y).double().mean())
    assert accuracy == trials[origin["trial"]][f"clamped_accuracy_seed{origin['replicate']}"]
    assert "a `Hardshrink` sets outputs" in (folder / "clamped/README.md").read_text()
    assert "`reluctant export --model DIR --clamp` writes that network" in (folder / "digits/README.md").read_text()


def test_clamp_is_an_option_of_models_alone(folder: Path, here: Reluctant) -> None:
    result = here("export", "digits", "--clamp", cwd=folder)
    assert result.returncode == 2
    assert "--clamp is given without --model" in result.stderr


def test_known_labels_are_scored(folder: Path, here: Reluctant) -> None:
    result = here("predict", "digits", "digits", cwd=folder, check=True)
    table = pd.read_csv(pd.io.common.StringIO(result.stdout), dtype={"label": str})
    truth = load_dataset("digits").y.astype(str)
    assert f"{(table['label'] == truth).mean():.2%} of the labels" in result.stderr
    scored = here("predict", "census", "census.csv", "--format", "csv", cwd=folder, check=True)
    assert re.search(r"[\d.]+% of the labels in census.csv were found", scored.stderr)


def test_a_new_category_is_handled_and_said(folder: Path, tmp_path: Path, here: Reluctant) -> None:
    table = test_part(folder, "census").head(6)
    table.loc[1, "workclass"] = "astronaut"
    table.to_csv(tmp_path / "new.csv", index=False)
    result = here("predict", folder / "census", "new.csv", check=True)
    assert re.search(
        r"warning: column 'workclass' holds what training never saw in 1 row \(2\): 'astronaut'; it counts as",
        result.stderr,
    )
    assert len(result.stdout.splitlines()) == 7


class TestRefusals:
    @pytest.mark.parametrize(
        ("args", "text"),
        [
            ("export --trial best", "--trial is given without --model"),
            ("export --data x.csv", "--data is given without --model"),
            ("export --model there -o trials.csv", "ask for one of the two"),
            ("export digits --model ''", "no folder; it needs the name of a new folder"),
            ("export digits --model census", "the folder census holds something already"),
            ("export digits --model reluctant.db", "is no folder"),
            ("export digits --model no/where", "there is no folder .*/no; create it"),
            ("export digits --trial bets --model new", "--trial is 'bets'; it needs `best`, or a trial's number"),
            ("export digits --trial 99 --model new", "has no trial 99; it has 4, counted from 0"),
            ("predict nowhere census.csv", "nowhere is no folder; a model's folder is needed"),
            ("predict . census.csv", r"\. lacks config.json, .*a model's folder is needed"),
            ("predict census tabel.csv", "no such file or folder: 'tabel.csv'"),
            ("predict census digits", "holds images of 64 pixels; the model was trained on rows of a table"),
            ("predict digits census.csv", "table without pixels; the model was trained on images of 64 pixels"),
            ("predict census census.csv -o said.xls", "unknown file format 'xls'"),
        ],
    )
    def test_what_cannot_be(self, args: str, text: str, folder: Path, here: Reluctant) -> None:
        before = sorted(path.name for path in folder.iterdir())
        result = here(*[arg.strip("'") for arg in args.split()], cwd=folder)
        assert (result.returncode, result.stdout) == (2, "")
        assert re.fullmatch(f"error: [^\n]*{text}[^\n]*\n", result.stderr), result.stderr
        assert sorted(path.name for path in folder.iterdir()) == before

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            (lambda t: t.rename(columns={"age": "Age"}), "lacks the column age, .*; did you mean 'Age'"),
            (lambda t: t.head(0), "has no rows"),
            (lambda t: t.assign(age="old"), "column 'age' of new.csv holds 'old' or the like in 5 rows"),
        ],
    )
    def test_a_table_that_does_not_fit(
        self, change: Any, text: str, folder: Path, tmp_path: Path, here: Reluctant
    ) -> None:
        change(test_part(folder, "census").head(5)).to_csv(tmp_path / "new.csv", index=False)
        result = here("predict", folder / "census", "new.csv")
        assert result.returncode == 2
        assert re.search(f"^error: [^\n]*{text}[^\n]*\n$", result.stderr), result.stderr

    def test_a_damaged_model(self, models: Path, here: Reluctant) -> None:
        census = models / "census"
        weights = load_file(census / "weights.safetensors")
        save_file({name: tensor[:1].clone() for name, tensor in weights.items()}, census / "weights.safetensors")
        (models / "digits/config.json").write_text('{"format": 3}')
        for name, text in (
            ("census", "is damaged .*size mismatch"),
            ("digits", "no model's: format: .*newer reluctant"),
        ):
            result = here("predict", name, "digits")
            assert result.returncode == 2
            assert re.fullmatch(f"error: [^\n]*{text}[^\n]*\n", result.stderr), result.stderr

    def test_a_model_that_would_run_code(self, models: Path, here: Reluctant) -> None:
        class Evil:
            pass

        skops.io.dump(Evil(), models / "digits/preprocessing.skops")
        result = here("predict", "digits", "digits")
        assert result.returncode == 2
        assert "was not written by reluctant, and nothing of it is loaded: it holds " in result.stderr

    def test_layers_that_are_none_of_ours(self, models: Path, here: Reluctant) -> None:
        path = models / "digits/config.json"
        path.write_text(path.read_text().replace('"Linear"', '"ModuleList"'))
        result = here("predict", "digits", "digits")
        assert result.returncode == 2
        assert "damaged (unknown layers ModuleList)" in result.stderr

    def test_a_study_without_finished_trials(self, tmp_path: Path, here: Reluctant) -> None:
        here("run", "iris", "--epochs", 100000, "--timeout", 1, "--trials", 2, "--name", "s", check=True)
        result = here("export", "--model", "new")
        assert result.returncode == 1
        assert "no finished trial yet; continue it with `reluctant resume s`" in result.stderr
        result = here("export", "--trial", 0, "--model", "new")
        assert "trial 0 of 's' is waiting; a finished trial of the study is needed" in result.stderr
        assert not (tmp_path / "new").exists()


def test_another_result_than_the_recorded_one_is_said(folder: Path, tmp_path: Path, here: Reluctant) -> None:
    shutil.copy(folder / "reluctant.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "reluctant.db")) as connection:
        connection.execute(
            "UPDATE trial_system_attributes SET value_json = json_set(value_json, '$.accuracy[0]', 0.123) "
            "WHERE key = 'reluctant:by_seed'"
        )
        connection.commit()
    result = here("export", "digits", "--trial", 2, "--model", "new", check=True)
    assert re.search(r"warning: trained again, trial 2 did not reach exactly the recorded validation", result.stderr)
    assert (tmp_path / "new/weights.safetensors").exists()
