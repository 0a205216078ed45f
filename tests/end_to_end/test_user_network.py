"""A network of a user's own in a file outside the repository: searched, killed, resumed, answered, taken away."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import user_files
from command import Reluctant, kill, run_here
from databases import contents, count, start, wait_until_running

from study.estimate import Estimate
from study.model import load_model, onnx
from study.workers.stop import Stop

RUN = ("run", "digits", "--rows", 240, "--network", "net.py:make", "--name", "s", "--no-confirm", "--threads", 1)
SIZE = ("--trials", 4, "--cohort", 2, "--seeds", 1, "--epochs", 3, "--learning-rate", 0.01)
WITHOUT_US = "import sys; sys.modules.update(dict.fromkeys(('reluctant', 'study', 'search_spaces', 'storage')))\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search of a residual network, and its models `out` and `clamped`."""
    folder = tmp_path_factory.mktemp("user")
    user_files.write(folder, user_files.RESNET)
    result = run_here(*RUN, *SIZE, cwd=folder, check=True)
    assert "replaced: 5 ReLU, 1 Dropout, 5 Conv2d, 1 Linear" in result.stderr.splitlines()
    run_here("export", "s", "--trial", 0, "--model", "out", cwd=folder, check=True)
    run_here("export", "s", "--trial", 1, "--model", "clamped", "--clamp", cwd=folder, check=True)
    return folder


def images(folder: Path, model: str) -> None:
    """Images that the model in a folder predicts, with one pixel a column, as its README reads them."""
    pixels = np.random.default_rng(0).integers(0, 17, (40, 64))
    pd.DataFrame(pixels, columns=[f"pixel{index}" for index in range(64)]).to_csv(
        folder / model / "data.csv", index=False
    )


def test_killed_and_resumed_or_by_two_workers_it_is_the_same_study(
    folder: Path, tmp_path: Path, here: Reluctant
) -> None:
    user_files.write(tmp_path, user_files.RESNET)
    process = start(tmp_path, *RUN, *SIZE, "--checkpoint-every", 0.01)
    wait_until_running(process, tmp_path / "reluctant.db")
    time.sleep(0.3)
    kill(process)
    assert process.returncode == -signal.SIGKILL
    assert count(tmp_path / "reluctant.db", "COMPLETE") < 4
    here("resume", "--workers", 2, check=True)
    assert contents(tmp_path / "reluctant.db") == contents(folder / "reluctant.db")


def test_it_has_all_answers(folder: Path, here: Reluctant) -> None:
    rows = json.loads(here("front", "s", "--format", "json", cwd=folder, check=True).stdout)
    assert any(row["role"] == "baseline" for row in rows)
    assert "hidden layers" not in here("advise", "s", cwd=folder, check=True).stdout
    here("report", "s", "-o", "report.html", cwd=folder, check=True)
    page = (folder / "report.html").read_text()
    assert "make in net.py" in page
    assert "64 × 64" not in page
    assert "relu.uses.4" in page


@pytest.mark.parametrize("model", ["out", "clamped"])
def test_the_readme_s_lines_predict_the_same_without_reluctant(model: str, folder: Path, here: Reluctant) -> None:
    images(folder, model)
    text = (folder / model / "README.md").read_text()
    (snippet,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    end = "print(json.dumps([labels, probabilities.tolist()]))"
    result = subprocess.run(
        [sys.executable, "-B", "-c", WITHOUT_US + snippet + end],
        cwd=folder / model,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    labels, probabilities = json.loads(result.stdout)
    here("predict", model, f"{model}/data.csv", "--trust", "-o", f"{model}.parquet", cwd=folder, check=True)
    said = pd.read_parquet(folder / f"{model}.parquet")
    assert said["label"].tolist() == labels
    np.testing.assert_allclose(said.iloc[:, 1:], probabilities, atol=1e-6)

    loaded = load_model(str(folder / model), trust=True)
    assert bool(loaded.config.network and loaded.config.network.thresholds) == (model == "clamped")
    assert [path.name for path in (folder / model).iterdir() if path.is_dir()] == []
    if onnx.available():
        import onnxruntime

        session = onnxruntime.InferenceSession(folder / model / "model.onnx")
        x = torch.randn(5, 1, 8, 8)
        np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], loaded.network(x).detach(), atol=1e-4)


def test_the_exported_network_is_the_one_that_was_measured(folder: Path, here: Reluctant) -> None:
    """On the study's own data the model finds as many labels as were counted in training."""
    for model, score in (("out", "accuracy"), ("clamped", "clamped_accuracy")):
        scores = json.loads((folder / model / "config.json").read_text())["origin"]["scores"]
        with closing(sqlite3.connect(folder / "reluctant.db")) as connection:
            (recorded,) = connection.execute(
                "SELECT value_json FROM trial_user_attributes JOIN trials USING (trial_id) "
                "WHERE key = ? AND number = ?",
                (score, 0 if model == "out" else 1),
            ).fetchone()
        assert scores[f"validation_{score}"] == float(recorded)


def test_a_model_with_source_code_is_loaded_only_with_trust(folder: Path, here: Reluctant) -> None:
    images(folder, "out")
    result = here("predict", "out", "out/data.csv", cwd=folder)
    assert result.returncode == 2
    assert "error: out/network.py is Python code, which loading the model would run" in result.stderr
    assert "--trust" in result.stderr


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The database and the file, in a folder to be changed; the file's stored path leads there no more."""
    shutil.copy(folder / "reluctant.db", tmp_path)
    database = tmp_path / "reluctant.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        (text,) = connection.execute(
            "SELECT value_json FROM study_system_attributes WHERE key = 'reluctant:config'"
        ).fetchone()
        moved = text.replace(str(folder), str(tmp_path / "gone"))
        connection.execute("UPDATE study_system_attributes SET value_json = ? WHERE key = 'reluctant:config'", (moved,))
    return tmp_path


def test_the_file_is_found_beside_the_database_by_its_content(copy: Path, folder: Path, here: Reluctant) -> None:
    user_files.write(copy, "raise SystemExit('not me')", "another.py")
    shutil.copy(folder / "net.py", copy / "renamed.py")
    (copy / "elsewhere").mkdir()
    result = here("worker", "s", "--storage", copy / "reluctant.db", cwd=copy / "elsewhere")
    assert result.returncode == 0, result.stderr


def test_a_file_that_is_gone_or_has_another_content_is_refused(copy: Path, folder: Path, here: Reluctant) -> None:
    result = here("resume", "s", "--trials", 9)
    assert result.returncode == 2
    assert re.search(r"gone/net.py, the network of study 's', is gone, and its content \([0-9a-f]{12}\)", result.stderr)
    (copy / "gone").mkdir()
    user_files.write(copy / "gone", user_files.RESNET + "# changed\n")
    for command in ("resume", "worker", "export"):
        result = here(command, "s", *(("--model", "new") if command == "export" else ()))
        assert result.returncode == 2
        assert re.search(
            r"holds another content \([0-9a-f]{12}\) than the network of study 's' \([0-9a-f]{12}\)", result.stderr
        )
    user_files.write(copy, user_files.RESNET + "# changed\n")
    result = here(*RUN, *SIZE)
    assert result.returncode == 2
    assert re.search(
        r"what differs: network \(function make, source \w{12}, .* there, function make, source \w{12}", result.stderr
    )
    assert contents(copy / "reluctant.db") == contents(folder / "reluctant.db")


def test_the_same_file_elsewhere_is_the_same_study(copy: Path, folder: Path, here: Reluctant) -> None:
    shutil.copy(folder / "net.py", copy / "other.py")
    arguments = [*RUN, *SIZE]
    arguments[arguments.index("net.py:make")] = "other.py:make"
    here(*arguments, check=True)
    assert contents(copy / "reluctant.db") == contents(folder / "reluctant.db")


FAILING = ("run", "iris", "--network", "net.py:make", "--trials", 12, "--cohort", 4, "--seeds", 1, "--epochs", 2)


@pytest.mark.parametrize("pruner", ["none", "halving"])
def test_a_trial_whose_network_raises_fails_and_the_study_goes_on(tmp_path: Path, here: Reluctant, pruner: str) -> None:
    condition = "self.training and type(getattr(self.activation, 'module', None)) is nn.Tanh"
    user_files.write(tmp_path, user_files.RAISES.format(when=condition))
    result = here(*FAILING, "--name", "s", "--seed", 3, "--pruner", pruner)
    assert result.returncode == 0, result.stderr
    counts = {state: count(tmp_path / "reluctant.db", state) for state in ("COMPLETE", "PRUNED", "FAIL")}
    assert sum(counts.values()) == 12
    assert (counts["PRUNED"] > 0) is (pruner == "halving")
    assert count(tmp_path / "reluctant.db", "FAIL") > 0
    assert re.search(
        r"trial \d+ failed: its network raised ValueError: seven sins \(.*net.py, line \d+\)", result.stderr
    )
    with closing(sqlite3.connect(tmp_path / "reluctant.db")) as connection:
        reasons = connection.execute("SELECT value_json FROM trial_user_attributes WHERE key = 'failure'").fetchall()
    assert len(reasons) == count(tmp_path / "reluctant.db", "FAIL")
    assert all("seven sins" in reason for (reason,) in reasons)


def test_five_failures_in_a_row_end_the_run(tmp_path: Path, here: Reluctant, monkeypatch: pytest.MonkeyPatch) -> None:
    user_files.write(tmp_path, user_files.RAISES.format(when="self.training and len(x) > 3"))
    database = tmp_path / "reluctant.db"
    result = here(*FAILING, "--name", "s", "--trials", 24)
    assert result.returncode == 1
    assert "the networks of 5 trials in a row raised in training: ValueError: seven sins" in result.stderr
    assert 5 <= count(database, "FAIL") < 12
    assert count(database, "RUNNING") == 0
    # A worker that another process started, which this one stands for, says that it is not to be started again.
    monkeypatch.setattr("study.cli.train.Stop", lambda *, seconds, starter: Stop(seconds=seconds))
    assert here("worker", "s", "--tied").returncode == 2
    assert count(database, "RUNNING") == 0


BAD = {
    "no such file": ("none.py:make", "none.py, which does not exist; FILE.py:NAME or package.module:NAME is needed"),
    "no such name": ("net.py:mak", "unknown function 'mak' in "),
    "no name": ("net.py", "--network is 'net.py'; FILE.py:NAME or package.module:NAME is needed"),
    "no such module": ("no_such_package.net:make", "No module named 'no_such_package'"),
    "images on a table": ("net.py:make", "raises in eval mode on float32 inputs of shape (3, 4): RuntimeError: shape"),
    "other outputs": ("other.py:outputs", "outputs are (3, 7) for 3 samples, and (3, 3) are needed"),
    "raises": ("other.py:fails", "raised for input_shape=(4,), outputs=3: KeyError: 'x' ("),
    "no module": ("other.py:nothing", "returned a NoneType, and a torch.nn.Module is needed"),
    "arguments": ("other.py:narrow", "has the arguments (shape)"),
}
OTHER = """
from torch import nn
def outputs(shape, outputs): return nn.Sequential(nn.Linear(shape[0], 7), nn.ReLU())
def fails(shape, outputs): return {}['x']
def nothing(shape, outputs): pass
def narrow(shape): pass
"""


@pytest.mark.parametrize("case", BAD)
def test_bad_networks_are_refused_and_nothing_is_written(case: str, tmp_path: Path, here: Reluctant) -> None:
    user_files.write(tmp_path, user_files.RESNET)
    user_files.write(tmp_path, OTHER, "other.py")
    network, message = BAD[case]
    result = here("run", "iris", "--network", network, "--trials", 1)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "reluctant.db").exists()


def test_options_that_size_our_networks_are_refused(tmp_path: Path, here: Reluctant) -> None:
    user_files.write(tmp_path, user_files.RESIDUAL)
    for options in (("--hidden", 8), ("--space", "wide")):
        result = here("run", "iris", "--network", "net.py:make", *options)
        assert result.returncode == 2
        assert not (tmp_path / "reluctant.db").exists()
    assert "a comparison varies the depth itself" in here("compare", "iris", "--network", "net.py:make").stderr


def test_a_dry_run_says_what_is_replaced_and_runs_nothing(
    tmp_path: Path, here: Reluctant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.estimate.estimate", lambda problem: Estimate(1, 1, 1, 1, 1.0, 1))
    user_files.write(tmp_path, user_files.SHARED)
    result = here("run", "iris", "--network", "net.py:make", "--dry-run", check=True)
    assert "replaced: 2 ReLU, 3 Linear" in result.stdout
    assert not (tmp_path / "reluctant.db").exists()
