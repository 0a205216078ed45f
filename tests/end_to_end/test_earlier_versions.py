"""Databases that earlier versions wrote open, show their own trials, and are continued as the same study.

`tests/fixtures/search-0.1.0.sql.gz` is what version 0.1.0 left of
`reluctant run iris --trials 14 --seeds 2 --epochs 60 --cohort 4 --hidden 8 --learning-rate 0.01`, and
`comparison-0.1.0.sql.gz` what it left of
`reluctant compare iris --seeds 1 --epochs 2 --hidden 4 --threads 1 --name claims`, ended by its time limit.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from command import run_command, run_here
from databases import contents

FIXTURES = Path(__file__).parents[1] / "fixtures"
SEARCH = ("iris", "--seeds", 2, "--epochs", 60, "--cohort", 4, "--hidden", 8, "--learning-rate", 0.01)
NAME = "iris-core-61dcf2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the databases `search.db` and `comparison.db` of version 0.1.0."""
    for kind in ("search", "comparison"):
        with closing(sqlite3.connect(tmp_path / f"{kind}.db")) as connection:
            text = gzip.decompress((FIXTURES / f"{kind}-0.1.0.sql.gz").read_bytes()).decode()
            connection.executescript(text)
    return tmp_path


def test_a_search_shows_its_own_trials(folder: Path) -> None:
    done = run_here("front", "--storage", "search.db", "--format", "json", cwd=folder, check=True)
    assert [row["trial"] for row in json.loads(done.stdout) if row["role"] == "baseline"] == [0]
    best = optuna.load_study(study_name=NAME, storage=f"sqlite:///{folder / 'search.db'}").best_trials
    assert {row["trial"] for row in json.loads(done.stdout)} <= {trial.number for trial in best} | {0}


def test_the_same_command_finds_the_study_and_trains_nothing(folder: Path) -> None:
    before = contents(folder / "search.db")
    done = run_command("run", *SEARCH, "--trials", 14, "--storage", "search.db", cwd=folder, check=True)
    assert f"study {NAME} in" in done.stderr
    kept = "goes on with --sparsity near_zero, where new ones have clamped_zeros, and the space core as it was then"
    assert kept in done.stderr
    names = optuna.get_all_study_names(f"sqlite:///{folder / 'search.db'}")
    assert names == [NAME]
    assert contents(folder / "search.db") == before


def test_a_raised_total_goes_on_with_the_same_identity(folder: Path) -> None:
    run_command("resume", "--trials", 18, "--storage", "search.db", cwd=folder, check=True)
    trials = optuna.load_study(study_name=NAME, storage=f"sqlite:///{folder / 'search.db'}").trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 18
    assert len({trial.system_attrs["reluctant:identity"] for trial in trials}) == 1
    assert len({frozenset(trial.user_attrs) for trial in trials}) == 1


def test_what_new_studies_measure_makes_another_study(folder: Path) -> None:
    """Where it is asked for, or where the name is another one; an earlier study keeps its objectives."""
    for options in (("--sparsity", "clamped_zeros"), ("--name", "new")):
        done = run_here("run", *SEARCH, "--trials", 1, *options, "--storage", "search.db", cwd=folder, check=True)
        assert "was begun by an earlier version" not in done.stderr
    names = optuna.get_all_study_names(f"sqlite:///{folder / 'search.db'}")
    assert len(names) == 3
    metrics = {
        name: optuna.load_study(study_name=name, storage=f"sqlite:///{folder / 'search.db'}").metric_names
        for name in names
    }
    assert metrics.pop(NAME) == ["accuracy", "near_zero"]
    assert list(metrics.values()) == [["clamped_accuracy", "clamped_zeros"]] * 2


def test_a_comparison_goes_on_to_its_verdicts(folder: Path) -> None:
    done = run_command("compare", "--name", "claims", "--storage", "comparison.db", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    trials = optuna.load_study(study_name="claims", storage=f"sqlite:///{folder / 'comparison.db'}").trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 158
    assert len({trial.system_attrs["reluctant:identity"] for trial in trials}) == 1
    (printed,) = json.loads(done.stdout)["studies"]
    assert printed["streams"] == 1
    assert "begun with the designs of version 0.1" in printed["method"][0]


def test_the_same_command_finds_a_comparison_with_the_designs_that_it_was_begun_with(folder: Path) -> None:
    arguments = ("iris", "--seeds", 1, "--epochs", 2, "--hidden", 4, "--name", "claims", "--storage", "comparison.db")
    done = run_here("compare", *arguments, cwd=folder, check=True)
    assert "158 cells x 1 seeds x 1 streams" in done.stderr
    assert "begun with the designs of version 0.1" in done.stdout
    assert optuna.get_all_study_names(f"sqlite:///{folder / 'comparison.db'}") == ["claims"]
    other = run_here("compare", *arguments[:-4], "--epochs", 3, "--name", "claims", *arguments[-2:], cwd=folder)
    assert other.returncode == 2
    assert "taken by a study with another configuration" in other.stderr
