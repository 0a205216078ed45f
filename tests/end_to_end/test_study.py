"""A whole study through the installed command: run, kill, interrupt, resume, read."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from command import COMMAND, Reluctant, kill
from databases import contents, count, start, wait_until_running

SMALL = ("run", "digits", "--trials", 40, "--seeds", 2, "--epochs", 12, "--cohort", 8, "--hidden", "32,32")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run([str(COMMAND), *map(str, SMALL), "--name", "s", "--quiet"], cwd=folder, check=True)
    return folder / "reluctant.db"


def test_a_finished_study_is_sound(undisturbed: Path) -> None:
    found = contents(undisturbed)
    assert found["trials"] == [(number, "COMPLETE") for number in range(40)]
    with closing(sqlite3.connect(undisturbed)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM reluctant_leases").fetchone() == (0,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sorted(path.name for path in undisturbed.parent.iterdir()) == ["reluctant.db"]


def test_trial_zero_is_the_baseline(undisturbed: Path) -> None:
    baseline = {name: value for number, name, value in contents(undisturbed)["params"] if number == 0}
    assert baseline == {"activation": 0.0, "initialization": 0.0, "dropout": 0.0}


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments_it_ends_as_if_undisturbed(
    seed: int, reluctant: Reluctant, tmp_path: Path, undisturbed: Path
) -> None:
    database, moments, hits = tmp_path / "reluctant.db", random.Random(seed), 0
    for _ in range(10):
        process = start(tmp_path, *SMALL, "--name", "s")
        wait_until_running(process, database)
        time.sleep(moments.random() * 0.1)
        kill(process)
        # A kill between two cohorts, or after the last, takes nothing from anybody.
        hits += process.returncode == -signal.SIGKILL and count(database, "RUNNING") > 0
        if hits == 2:
            break
    assert hits == 2
    assert count(database, "COMPLETE") < 40
    result = reluctant(*SMALL, "--name", "s", check=True)
    assert "taken back" in result.stderr
    assert contents(database) == contents(undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_the_cohort_back_and_says_how_to_resume(
    number: signal.Signals, reluctant: Reluctant, tmp_path: Path, undisturbed: Path
) -> None:
    database = tmp_path / "reluctant.db"
    process = start(tmp_path, *SMALL, "--name", "s")
    wait_until_running(process, database)
    process.send_signal(number)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"reluctant resume s --storage {database}" in messages
    assert count(database, "RUNNING") == 0
    reluctant("resume", check=True)
    assert contents(database) == contents(undisturbed)


def test_a_time_limit_ends_cleanly(reluctant: Reluctant, tmp_path: Path) -> None:
    result = reluctant("run", "--epochs", 5000, "--timeout", 2, "--trials", 8, "--seeds", 1, "--name", "long")
    assert result.returncode == 0
    assert "time is up" in result.stderr
    assert count(tmp_path / "reluctant.db", "RUNNING") == 0
    assert count(tmp_path / "reluctant.db", "WAITING") == 8


@pytest.mark.parametrize("sampler", ["tpe", "qmc", "random"])
def test_a_raised_total_is_the_same_study(sampler: str, reluctant: Reluctant, tmp_path: Path) -> None:
    options = ("iris", "--seeds", 1, "--epochs", 2, "--cohort", 8, "--hidden", 16, "--sampler", sampler, "--name", "s")
    reluctant("run", *options, "--trials", 50, "--storage", "whole.db", check=True)
    reluctant("run", *options, "--trials", 21, "--storage", "parts.db", check=True)
    reluctant("resume", "s", "--trials", 50, "--storage", "parts.db", check=True)
    assert contents(tmp_path / "parts.db") == contents(tmp_path / "whole.db")


STOCK = """
import sys, warnings
warnings.simplefilter("error")
import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState
optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(study_name="s", storage=RDBStorage("sqlite:///reluctant.db"))
assert [t.number for t in study.trials] == list(range(40))
assert {t.state for t in study.trials} == {TrialState.COMPLETE}
assert [d.name for d in study.directions] == ["MAXIMIZE", "MAXIMIZE"]
assert study.metric_names == ["clamped_accuracy", "clamped_zeros"]
assert study.best_trials and all(c <= 0 for t in study.best_trials for c in t.constraints.values())
warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator computes")
for index in (0, 1):
    importances = optuna.importance.get_param_importances(study, target=lambda t: t.values[index])
    assert {"activation", "initialization", "dropout"} <= importances.keys()
study.enqueue_trial({"activation": "tanh", "dropout": 0.25})
def objective(trial):
    activation = trial.suggest_categorical("activation", study.trials[0].distributions["activation"].choices)
    return (0.5 if activation == "relu" else 0.4), trial.suggest_float("dropout", 0, 0.6)
study.optimize(objective, n_trials=3)
study.enqueue_trial({"activation": "sigmoid"})
study.enqueue_trial({"activation": "leaky_relu", "negative_slope": 5.0})
"""


def test_stock_optuna_reads_it_goes_on_from_there_and_we_after_it(
    reluctant: Reluctant, tmp_path: Path, undisturbed: Path
) -> None:
    (tmp_path / "reluctant.db").write_bytes(undisturbed.read_bytes())
    stock = subprocess.run([sys.executable, "-c", STOCK], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert stock.returncode == 0, stock.stderr
    result = reluctant("resume", "s", "--trials", 50, check=True)
    assert "an enqueued trial failed: negative_slope = 5.0" in result.stderr
    trials = json.loads(reluctant("export", "s", "--format", "json", check=True).stdout)
    assert [trial["number"] for trial in trials] == list(range(50))
    assert trials[43]["param_activation"] == "sigmoid"
    assert trials[43]["accuracy"] > 0
    assert [trial["number"] for trial in trials if trial["state"] == "FAIL"] == [44]
    assert {trial["state"] for trial in trials} == {"COMPLETE", "FAIL"}


PROXIED = """
import warnings
warnings.simplefilter("ignore", category=__import__("optuna").exceptions.ExperimentalWarning)
import socket, threading, time
import optuna
from optuna.storages import GrpcStorageProxy, RDBStorage, run_grpc_proxy_server
optuna.logging.set_verbosity(optuna.logging.ERROR)
with socket.socket() as free:
    free.bind(("localhost", 0))
    port = free.getsockname()[1]
behind = RDBStorage("sqlite:///reluctant.db")
threading.Thread(target=run_grpc_proxy_server, args=(behind,), kwargs={"port": port}, daemon=True).start()
proxy = GrpcStorageProxy(host="localhost", port=port)
proxy.wait_server_ready(timeout=60)
choices = optuna.load_study(study_name="s", storage=behind).trials[0].distributions["activation"].choices
def objective(trial):
    trial.set_constraint("accuracy_floor", -0.1)
    activation = trial.suggest_categorical("activation", choices)
    return (0.5 if activation == "relu" else 0.4), trial.suggest_float("dropout", 0, 0.6)
for sampler in (optuna.samplers.GPSampler(seed=0), optuna.samplers.NSGAIISampler(seed=0)):
    study = optuna.load_study(study_name="s", storage=proxy, sampler=sampler)
    study.optimize(objective, n_trials=3)
assert len(study.trials) == 46 and study.best_trials
"""


def test_stock_samplers_go_on_through_the_grpc_proxy_and_we_after_them(
    reluctant: Reluctant, tmp_path: Path, undisturbed: Path
) -> None:
    (tmp_path / "reluctant.db").write_bytes(undisturbed.read_bytes())
    stock = subprocess.run([sys.executable, "-c", PROXIED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert stock.returncode == 0, stock.stderr
    reluctant("resume", "s", "--trials", 50, check=True)
    trials = json.loads(reluctant("export", "s", "--format", "json", check=True).stdout)
    assert [trial["number"] for trial in trials] == list(range(50))
    assert {trial["state"] for trial in trials} == {"COMPLETE"}
    assert [trial["number"] for trial in trials if "accuracy" not in trial] == list(range(40, 46))


def test_the_front_is_printed_with_test_results_that_are_kept(reluctant: Reluctant, undisturbed: Path) -> None:
    first = reluctant("front", "s", "--format", "json", cwd=undisturbed.parent, check=True)
    rows = json.loads(first.stdout)
    assert [row["role"] for row in rows].count("recommended") == 1
    assert rows[-1]["role"] == "baseline"
    assert rows[-1]["trial"] == 0
    members = rows[:-1]
    assert all(row["test_accuracy"] > 0.2 for row in members)
    assert sorted(members, key=lambda row: -row["clamped_accuracy"]) == members
    assert sorted(members, key=lambda row: row["clamped_zeros"]) == members
    for row in rows:
        assert row["clamping_difference"] == pytest.approx(row["clamped_accuracy"] - row["accuracy"])
    best, recommended = members[0], next(row for row in rows if row["role"] == "recommended")
    if recommended is not best:
        assert best["difference"] <= 0.005
        assert recommended["clamped_zeros"] > best["clamped_zeros"]
    assert "warning" not in first.stderr
    table = reluctant("front", "s", cwd=undisturbed.parent, check=True).stdout
    assert "← recommended" in table
    assert "baseline" in table


def test_exports_agree(reluctant: Reluctant, tmp_path: Path, undisturbed: Path) -> None:
    for suffix in ("csv", "parquet", "json"):
        reluctant("export", "s", "-o", f"trials.{suffix}", "--storage", undisturbed, check=True)
    frames = [
        pd.read_csv(tmp_path / "trials.csv"),
        pd.read_parquet(tmp_path / "trials.parquet"),
        pd.read_json(tmp_path / "trials.json", precise_float=True),
    ]
    for frame in frames:
        assert list(frame["number"]) == list(range(40))
        assert (frame["feasible"].astype(bool)).sum() > 10
        for name in ("accuracy", "clamped_zeros", "near_zero_seed1", "gradient_ratio_end", "value_clamped_accuracy"):
            pd.testing.assert_series_equal(frame[name], frames[0][name], rtol=1e-12)


def test_status_names_the_study_and_its_totals(reluctant: Reluctant, undisturbed: Path) -> None:
    (row,) = json.loads(reluctant("status", "--format", "json", cwd=undisturbed.parent, check=True).stdout)
    assert (row["study"], row["total"], row["complete"], row["running"], row["workers"]) == ("s", 40, 40, 0, 0)


def test_what_becomes_of_the_data_is_said_before_training(here: Reluctant, tmp_path: Path) -> None:
    rows = "".join(f"{n},{n / 7:.2f}%,{['u', 'v'][n % 2]}\n" for n in range(60))
    (tmp_path / "t.csv").write_text("id,share,y\n" + rows.replace("1.00%", "n.a."))
    small = ("--trials", 1, "--seeds", 1, "--epochs", 1, "--hidden", 4, "--min-accuracy", 0)
    started = here("run", "t.csv", "--target", 3, *small, check=True)
    lines = [
        "t: 60 rows (36 training, 12 validation, 12 test), ",
        "classes of y: u (30), v (30)",
        "id: dropped; it only counts the rows",
        "1 value that is no number counted as missing ('n.a.')",
    ]
    planned = here("run", "t.csv", "--target", "y", "--trials", 1, "--dry-run", check=True)
    resumed = here("resume", check=True)
    for line in lines:
        assert line in started.stderr
        assert line in resumed.stderr
        assert line in planned.stdout
    said = json.loads(here("run", "t.csv", "--target", "y", "--dry-run", "--format", "json", check=True).stdout)
    assert [column["kind"] for column in said["summary"]["columns"]] == ["dropped", "number"]
    here("report", "-o", "report.html", check=True)
    assert "id: dropped; it only counts the rows" in (tmp_path / "report.html").read_text()


def test_a_dry_run_writes_nothing(reluctant: Reluctant, tmp_path: Path) -> None:
    result = reluctant("run", "--dry-run", "--trials", 10, "--epochs", 2, "--seeds", 1, check=True)
    assert "slots            10" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_environment_names_the_database(reluctant: Reluctant, tmp_path: Path) -> None:
    env = {"RELUCTANT_STORAGE": "other.db"}
    reluctant("run", "iris", "--trials", 2, "--seeds", 1, "--epochs", 1, env=env, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take names in UTF-8 only")
def test_paths_that_are_no_utf_8(reluctant: Reluctant, here: Reluctant, tmp_path: Path) -> None:
    """A file's name may be any bytes: data, model, predictions, trials and report are found under theirs."""

    def named(name: str) -> str:
        return os.fsdecode(name.encode() + b"-\xff")

    rows = "".join(f"{n % 7}.{n},{['u', 'v'][n % 2]}\n" for n in range(60))
    Path(tmp_path, named("data") + ".csv").write_text("a,y\n" + rows)
    small = ("--trials", 1, "--seeds", 1, "--epochs", 1, "--hidden", 4, "--min-accuracy", 0, "--name", "s")
    assert "no such file or folder" in reluctant("run", named("none") + ".csv", "--target", "y").stderr
    here("run", named("data") + ".csv", "--target", "y", *small, check=True)
    here("export", "s", "--model", named("model"), check=True)
    for ending in ("csv", "json", "parquet"):
        here("export", "s", "-o", f"{named('trials')}.{ending}", check=True)
    here("report", "s", "-o", named("report") + ".html", check=True)
    pd.read_csv(tmp_path / (named("data") + ".csv")).to_parquet(tmp_path / "p")
    os.rename(tmp_path / "p", tmp_path / (named("data") + ".parquet"))
    data = [named("data") + ending for ending in (".csv", ".parquet")]
    said = [here("predict", named("model"), name, check=True).stdout for name in data]
    assert said[0] == said[1]
    assert r"data-\udcff.csv" in (tmp_path / (named("report") + ".html")).read_text()


def test_an_output_that_cannot_encode_our_signs(reluctant: Reluctant, undisturbed: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii"}
    table = reluctant("front", "s", cwd=undisturbed.parent, env=env, check=True)
    assert " +/- " in table.stdout
    assert "<- recommended" in table.stdout


def test_doctor_finds_the_database_sound(reluctant: Reluctant, undisturbed: Path) -> None:
    result = reluctant("doctor", cwd=undisturbed.parent, check=True)
    assert "integrity          ok" in result.stdout
    assert os.fspath(undisturbed) in result.stdout


@pytest.mark.parametrize("objective", ["weighted", "accuracy"])
def test_single_objectives(objective: str, reluctant: Reluctant) -> None:
    options = ("iris", "--objective", objective, "--trials", 24, "--cohort", 8, "--seeds", 2, "--epochs", 10)
    reluctant("run", *options, check=True)
    trials = json.loads(reluctant("export", "--format", "json", check=True).stdout)
    value = next(name for name in trials[0] if name.startswith("value_"))
    for trial in trials:
        worth = trial["accuracy"]
        if objective == "weighted":
            worth = trial["clamped_accuracy"] + 0.1 * trial["clamped_zeros"]
        assert trial[value] == pytest.approx(worth)
    assert ("clamped_accuracy" in trials[0]) == (objective == "weighted")


@pytest.mark.parametrize("space", ["rectifiers", "wide", "sparse"])
def test_every_preset_runs(space: str, reluctant: Reluctant) -> None:
    options = ("wine", "--space", space, "--trials", 24, "--cohort", 12, "--seeds", 2, "--epochs", 5)
    result = reluctant("run", *options, check=True)
    assert "← recommended" in result.stdout
