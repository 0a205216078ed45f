"""The public interface, used as its documentation says."""

from __future__ import annotations

import contextlib
import html
import inspect
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from command import run_command
from databases import wait_until_running
from sklearn.datasets import load_digits, load_wine

import reluctant
from reluctant.interface.options import UnknownOptionError
from reluctant.interface.training import Progress
from study.config import COMPARISON_OPTIONS, SEARCH_OPTIONS, ConfigError, StudyConfig
from study.data import DataError, DataNotFoundError
from study.records.same_study import IdentityError
from study.workers.worker import StudyProgress

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"
SMALL: dict[str, Any] = {"trials": 8, "cohort": 4, "seeds": 2, "epochs": 6, "progress": False}


@pytest.fixture(scope="module")
def wine() -> tuple[pd.DataFrame, pd.Series[str]]:
    x, y = load_wine(return_X_y=True, as_frame=True)
    return x, y.map({0: "barolo", 1: "grignolino", 2: "barbera"})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("interface") / "studies.db")


@pytest.fixture(scope="module")
def study(place: str, wine: tuple[pd.DataFrame, pd.Series[str]]) -> reluctant.Study:
    return reluctant.run(*wine, storage=place, name="wine", **SMALL)


def test_importing_it_is_fast_and_loads_no_torch() -> None:
    slow = ("torch", "optuna", "pandas", "sklearn")
    code = f"import sys, reluctant; dir(reluctant); sys.exit(any(name in sys.modules for name in {slow}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def page(
    wine: tuple[pd.DataFrame, pd.Series[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The names that the first example of the documentation leaves behind: run as written, but for its totals."""
    (text,) = re.findall(r"^# From Python$.*?^```python\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.M | re.S)
    for written, small in {
        "trials=100": "trials=8, cohort=4, seeds=1, epochs=3",
        "trials=300": "trials=12",
        "seeds=10": "seeds=2, epochs=1, hidden=4",
    }.items():
        assert written in text
        text = text.replace(written, small)
    x, y = wine
    names: dict[str, Any] = {"X": x, "y": y, "X_new": x[:5]}
    with contextlib.chdir(tmp_path_factory.mktemp("page")), pytest.MonkeyPatch.context() as patch:
        patch.delenv("RELUCTANT_STORAGE", raising=False)
        x.assign(income=y).to_csv("census.csv", index=False)
        exec(compile(text, str(PAGE), "exec"), names)
        yield names
        names["study"].close()
        names["comparison"].close()


def test_the_page_of_documentation_runs_as_written(page: dict[str, Any]) -> None:
    assert len(page["study"].trials()) == 12
    assert (page["model"].predict(page["X_new"]) == reluctant.load_model("net").predict(page["X_new"])).all()
    assert "<html" in Path("r.html").read_text("utf-8")


def test_what_the_command_prints_is_what_it_returns(study: reluctant.Study, place: str, tmp_path: Path) -> None:
    ours = study.front()  # measures the test part, for which the command would need the arrays
    printed = run_command("front", "wine", "--storage", place, "--format", "json", cwd=tmp_path, check=True).stdout
    theirs = pd.read_json(io.StringIO(printed))
    assert ours.index.tolist() == theirs["trial"].tolist()
    np.testing.assert_allclose(ours["accuracy"], theirs["accuracy"], rtol=1e-12)
    best = study.recommended
    assert best.number == ours.index[ours["role"] == "recommended"][0]
    assert best.score == pytest.approx(ours.loc[best.number, "clamped_accuracy"])
    assert len(best.scores) == 2
    assert best.basis is not None
    assert best.params["activation"] in best.describe()


def test_trials_figures_report_and_optuna(study: reluctant.Study, tmp_path: Path) -> None:
    trials = study.trials()
    assert trials.index.tolist() == list(range(8))
    assert set(trials["state"]) == {"COMPLETE"}
    assert isinstance(study.figure("front"), go.Figure)
    assert study.figure("front-figure") == study.figure("front")  # as the report's page has it
    assert {"front", "activations", "slope-accuracy", "dropout-sparsity"} <= {*study.figures}
    with pytest.raises(KeyError, match="unknown figure 'frnt'; did you mean 'front'"):
        study.figure("frnt")
    study.report(tmp_path / "r.html")
    assert "<html" in (tmp_path / "r.html").read_text("utf-8")
    assert isinstance(study.optuna, optuna.Study)
    assert len(study.optuna.trials) == 8
    assert "8 of 8 trials" in repr(study)
    assert "<table" in study._repr_html_()


def test_a_model_predicts_what_it_was_given(
    study: reluctant.Study, wine: tuple[pd.DataFrame, pd.Series[str]], tmp_path: Path
) -> None:
    x, y = wine
    model = study.model("best")
    found = model.predict(x)
    assert set(found) <= set(y)
    assert (found == y).mean() > 0.6
    probabilities = model.predict_proba(x)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, rtol=1e-5)
    assert (model.classes_[probabilities.argmax(1)] == found).all()
    shuffled = x[x.columns[::-1]]
    assert (model.predict(shuffled) == found).all()
    assert (model.predict(x.to_numpy()) == found).all()
    model.save(tmp_path / "net")
    assert (reluctant.load_model(tmp_path / "net").predict(x) == found).all()
    clamped = study.model("best", clamp=True)
    assert (clamped.origin["clamped"], model.origin["clamped"]) == (True, False)
    assert (clamped.predict(x) == found).mean() > 0.9
    with pytest.raises(ValueError, match="12 values a sample; the model was trained on 13"):
        model.predict(x.to_numpy()[:, :12])


def test_it_is_loaded_and_resumed_with_its_data(
    study: reluctant.Study, place: str, wine: tuple[pd.DataFrame, pd.Series[str]]
) -> None:
    x, y = wine
    with pytest.raises(DataNotFoundError, match=r"arrays of a Python program; reluctant\.load"):
        reluctant.load("wine", storage=place)
    with pytest.raises(IdentityError, match="are not those of study 'wine'"):
        reluctant.load("wine", storage=place, X=x.iloc[::-1], y=y)
    with reluctant.load("wine", storage=place, X=x, y=y, progress=False) as again:
        assert again.front().equals(study.front())
        assert len(again.resume(trials=12).trials()) == 12
        with pytest.raises(ConfigError, match="--trials is 4; study 'wine' has 12 already"):
            again.resume(trials=4)
    with pytest.raises(UnknownOptionError, match="unknown option 'epochs'"):
        study.resume(epochs=3)
    with pytest.raises(ConfigError, match="workers=2 is given, and the data are in the memory"):
        study.resume(workers=2)


def test_a_study_that_is_renamed_keeps_its_new_name(tmp_path: Path) -> None:
    place = str(tmp_path / "s.db")
    with reluctant.run("iris", storage=place, name="s", **SMALL) as study:
        run_command("rename", "s", "t", "--storage", place, cwd=tmp_path, check=True)
        study.resume(trials=10)
        assert study.name == "t"
        assert len(study.optuna.trials) == 10
    with reluctant.load("t", storage=place) as again:
        assert again.options["name"] == "t"


def test_a_study_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    place = str(tmp_path / "s.db")
    for seed in (0, 1):
        reluctant.run("iris", storage=place, seed=seed, **SMALL).close()
    reluctant.run("wine", storage=place, name="wine-by-name", **SMALL).close()
    with reluctant.load("wine", storage=place) as found:
        assert found.name == "wine-by-name"
    with pytest.raises(LookupError, match=r"2 studies begin with 'iris'; give more of one: iris-core-\w+, iris-core-"):
        reluctant.load("iris", storage=place)
    with pytest.raises(LookupError, match=r"no study 'win'.*known: wine-by-name"):
        reluctant.load("win", storage=place)
    run_command("front", "wine", "--storage", place, cwd=tmp_path, check=True)
    # What changes a study as a whole asks for its name.
    assert run_command("delete", "wine", "--yes", "--storage", place, cwd=tmp_path).returncode == 2
    run_command("rename", "wine-by-name", "other", "--storage", place, cwd=tmp_path, check=True)
    with pytest.raises(LookupError, match="it was renamed to 'other'"):
        reluctant.load("wine-by-name", storage=place)


def test_a_database_is_closed_where_its_study_cannot_be_opened(tmp_path: Path) -> None:
    place = str(tmp_path / "s.db")
    reluctant.run("iris", storage=place, name="s", **SMALL).close()
    with pytest.raises(LookupError, match="typo"):
        reluctant.load("typo", storage=place)
    held = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink() and entry.exists()]
    assert [name for name in held if name.startswith(place)] == []


def _images() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    x, y = load_digits(return_X_y=True)
    return x.reshape(-1, 8, 8).astype(np.uint8)[:200], y[:200]


@pytest.mark.parametrize("kind", ["table", "array", "tensor", "images", "lists"])
def test_it_takes_data_of_every_kind(kind: str, wine: tuple[pd.DataFrame, pd.Series[str]], tmp_path: Path) -> None:
    x, y = wine
    options = {**SMALL, "trials": 2, "cohort": 2, "seeds": 1, "storage": str(tmp_path / "s.db")}
    given: dict[str, tuple[Any, Any]] = {
        "table": (x.assign(kind=y), None),
        "array": (x.to_numpy(), y.to_numpy()),
        "tensor": (torch.tensor(x.to_numpy()), torch.tensor(pd.factorize(y)[0])),
        "images": _images(),
        "lists": (x.to_numpy().tolist(), y.tolist()),
    }
    target = {"target": "kind"} if kind == "table" else {}
    with reluctant.run(*given[kind], **target, **options) as study:
        assert len(study.trials()) == 2


@pytest.mark.parametrize(
    ("data", "y", "options", "said"),
    [
        ([[1.0], [2.0]], None, {}, "y is not given"),
        ([1.0, 2.0], [0, 1], {}, r"X has the shape \(2,\); samples and features are needed"),
        ([[1.0], [2.0]], [0], {}, "X has 2 samples and y has 1"),
        ([[1.0], [2.0]] * 20, [0, 1] * 20, {"workers": 2}, "workers=2 is given, and the data are in the memory"),
        ([[1.0], [2.0]] * 20, [0, 1] * 20, {"target": "a"}, "y holds the values to predict; give one of the two"),
        ("iris", [0, 1], {}, "y is given beside 'iris'"),
        ("iris", None, {"trails": 3}, "unknown option 'trails'; did you mean 'trials'"),
        ("iris", None, {"seeds": 0}, "--seeds"),
    ],
)
def test_what_makes_no_sense_is_said(data: Any, y: Any, options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        reluctant.run(data, y, storage=str(tmp_path / "s.db"), **{**options, "progress": False})
    assert not (tmp_path / "s.db").exists()


def test_a_sparse_matrix_is_refused_with_what_to_do(tmp_path: Path) -> None:
    from scipy.sparse import csr_matrix

    with pytest.raises(DataError, match=r"X is a sparse matrix.*toarray"):
        reluctant.run(csr_matrix(np.eye(20)), [0, 1] * 10, storage=str(tmp_path / "s.db"))


def test_its_signatures_list_the_options_of_the_commands() -> None:
    assert {*inspect.signature(reluctant.run).parameters} == {*SEARCH_OPTIONS, "y", "progress"}
    assert {*SEARCH_OPTIONS} | {*COMPARISON_OPTIONS} == {*StudyConfig.model_fields}
    assert {*inspect.signature(reluctant.compare).parameters} == {*COMPARISON_OPTIONS, "data", "y", "progress"}
    assert inspect.signature(reluctant.compare).parameters["seeds"].default == 7
    assert "passes over the training part" in str(reluctant.run.__doc__)


def test_a_comparison_has_its_claims(page: dict[str, Any]) -> None:
    comparison = page["comparison"]
    claims = comparison.claims()
    assert claims.loc[2, "verdict"] == comparison.claim(2).verdict
    assert "evidence" not in claims
    assert claims.loc[2, "statement"] in html.unescape(comparison._repr_html_())
    with pytest.raises(KeyError, match="there is no claim 99"):
        comparison.claim(99)
    assert "activations" in comparison.figures
    with reluctant.load(comparison.name, storage="reluctant.db", X=page["X"], y=page["y"]) as again:
        assert isinstance(again, reluctant.ComparisonStudy)
        assert again.claims().equals(claims)
    with pytest.raises(UnknownOptionError, match="unknown option 'trials'"):
        reluctant.compare("iris", trials=3)


def test_in_a_thread_it_equals_the_command(tmp_path: Path) -> None:
    options = ("--trials", 8, "--cohort", 4, "--seeds", 2, "--epochs", 6, "--name", "s", "--storage", "there.db")
    run_command("run", "iris", *options, cwd=tmp_path, check=True)
    found: list[pd.DataFrame] = []

    def train() -> None:
        with reluctant.run("iris", storage=str(tmp_path / "here.db"), name="s", **SMALL) as study:
            found.append(study.trials())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    with reluctant.load("s", storage=str(tmp_path / "there.db")) as theirs:
        same = [
            "state",
            "accuracy",
            "clamped_accuracy",
            "near_zero",
            "param_activation",
            "param_dropout",
            "accuracy_seed1",
        ]
        pd.testing.assert_frame_equal(found[0][same], theirs.trials()[same])


def test_progress_counts_from_where_the_study_stood(study: reluctant.Study) -> None:
    with Progress(study._opened, shown=True) as bar:
        for done in (4, 6):
            bar(StudyProgress(done=done, total=8, trained=0, best=[]))
        shown = bar._bar.format_dict
        assert (shown["initial"], shown["n"], shown["total"]) == (4, 6, 8)
        bar(StudyProgress(done=6, total=16, trained=0, best=[]))  # somebody gave the study another total
        shown = bar._bar.format_dict
        assert (shown["initial"], shown["n"], shown["total"]) == (6, 6, 16)


INTERRUPTED = """
import sys, warnings
import reluctant

warnings.simplefilter("ignore")
study = reluctant.run("digits", trials=16, cohort=4, seeds=2, epochs=40, storage=sys.argv[1], threads=1)
done = len(study.optuna.get_trials(states=[__import__("optuna").trial.TrialState.COMPLETE]))
print("first", done, flush=True)
print("then", len(study.resume().front()) > 0, set(study.trials()["state"]), flush=True)
"""


def test_the_front_is_confirmed_where_that_is_asked_for(study: reluctant.Study, place: str) -> None:
    assert study.recommended.basis == "chosen on the search's own seeds; `reluctant advise` confirms it"
    options = {**SMALL, "storage": place, "name": "confirmed"}
    with reluctant.run("iris", confirm=True, **options) as confirmed:
        assert confirmed.recommended.basis == "confirmed on 10 fresh seeds"
    with pytest.raises(ConfigError, match="--confirm is 1; it needs to be a valid boolean"):
        reluctant.run("iris", confirm=1, **options)


def test_reference_models_are_those_that_the_report_names(study: reluctant.Study, tmp_path: Path) -> None:
    scores = study.reference()
    assert list(scores.columns) == ["accuracy", "test_accuracy"]
    study.report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"logistic regression {100 * scores.loc['logistic_regression', 'test_accuracy']:.2f} %" in text


def test_an_interrupt_leaves_a_study_that_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "s.db"
    process = subprocess.Popen(  # a script without a main guard, from stdin
        [sys.executable, "-", str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(INTERRUPTED)
    process.stdin.close()
    process.stdin = None
    wait_until_running(process, place)
    os.kill(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=250)
    assert process.returncode == 0, errors
    first, then = output.splitlines()
    assert int(first.split()[1]) < 16
    assert then == "then True {'COMPLETE'}"


def test_numbers_are_predicted_with_an_interval(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3))
    y = 100.0 + 10.0 * x[:, 0] + generator.normal(size=200)
    options = SMALL | {"epochs": 30, "learning_rate": 0.01}
    study = reluctant.run(x, y, storage=str(tmp_path / "numbers.db"), name="numbers", **options)
    model = study.model()
    found, interval = model.predict(x), model.predict_interval(x)
    assert np.corrcoef(found, y)[0, 1] > 0.9
    assert ((interval[:, 0] < found) & (found < interval[:, 1])).all()
    assert 0.8 < ((interval[:, 0] <= y) & (y <= interval[:, 1])).mean() <= 1.0
    with pytest.raises(ValueError, match="predict_interval"):
        model.predict_proba(x)
