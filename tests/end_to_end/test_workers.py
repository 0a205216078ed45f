"""Several workers through the installed command: the same study, whatever ends them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command import COMMAND, Reluctant, kill, run_command

from benchmarks.faults.compare import contents, faults_of, left_beside
from storage import open_storage

STUDY = ("digits", "--trials", 24, "--cohort", 8, "--seeds", 2, "--epochs", 6, "--hidden", "32", "--name", "s")
LONG = ("iris", "--trials", 4, "--cohort", 4, "--seeds", 1, "--epochs", 4000, "--hidden", "16", "--name", "long")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`start(*arguments)`: the command in a process of its own, ended with the test."""
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: object, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(COMMAND), *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        kill(process)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study by one worker."""
    folder = tmp_path_factory.mktemp("alone")
    run_command("run", *STUDY, "--quiet", cwd=folder, check=True)
    return folder / "reluctant.db"


def check(place: Path | str, alone: Path) -> None:
    one, other = open_storage(alone), open_storage(place)
    try:
        assert faults_of(other, "s", 24, contents(one, "s")) == []
    finally:
        one.close()
        other.close()
    if isinstance(place, Path):
        assert left_beside(place) == []


def running(database: Path) -> int:
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        try:
            return int(connection.execute("SELECT COUNT(*) FROM reluctant_leases").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def until(condition: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_workers_are_one_study(reluctant: Reluctant, tmp_path: Path, alone: Path) -> None:
    result = reluctant("run", *STUDY, "--workers", 2, check=True)
    assert "← recommended" in result.stdout
    check(tmp_path / "reluctant.db", alone)


def test_ctrl_c_ends_all_of_them_and_another_worker_finishes(
    reluctant: Reluctant, start: Callable[..., subprocess.Popen[str]], tmp_path: Path, alone: Path
) -> None:
    run = start("run", *STUDY, "--workers", 2)
    database = tmp_path / "reluctant.db"
    until(lambda: database.exists() and running(database))
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "continue with: reluctant resume s" in said
    assert running(database) == 0
    result = reluctant("worker", "s", check=True)
    assert result.stdout == ""
    check(database, alone)


def test_workers_end_with_a_run_that_is_killed(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    run = start("run", *LONG, "--trials", 400, "--workers", 2)
    database = tmp_path / "reluctant.db"
    until(lambda: database.exists() and running(database) == 4)
    run.kill()
    until(lambda: running(database) == 0, seconds=30)


def test_postgresql_by_two_workers_is_the_same_study(reluctant: Reluctant, postgres_url: str, alone: Path) -> None:
    result = reluctant("run", *STUDY, "--workers", 2, env={"RELUCTANT_STORAGE": postgres_url}, check=True)
    assert "s3cret" not in result.stderr
    check(postgres_url, alone)


def test_a_worker_whose_server_is_gone_for_longer_than_its_leases(
    start: Callable[..., subprocess.Popen[str]], reluctant: Reluctant, postgres_server: object, postgres_url: str
) -> None:
    environment = {"RELUCTANT_STORAGE": postgres_url}
    reluctant("run", *LONG, "--epochs", 200_000, "--timeout", 1, env=environment)
    worker = start("worker", "long", "--lease", 2, **environment)
    storage = open_storage(postgres_url)
    study_id = storage.study_id("long")
    until(lambda: storage.held_trials(study_id))
    postgres_server.stop()  # type: ignore[attr-defined]
    try:
        _, said = worker.communicate(timeout=60)
    finally:
        postgres_server.start()  # type: ignore[attr-defined]
    storage.close()
    assert worker.returncode == 75, said
    assert "this lasted longer than the 2 s" in said
    assert "continue with: reluctant worker long" in said
    assert "s3cret" not in said


def test_what_a_worker_cannot_work_on(reluctant: Reluctant, tmp_path: Path, alone: Path) -> None:
    shutil.copy(alone, tmp_path / "reluctant.db")
    result = reluctant("worker", "t")
    assert result.returncode == 2
    assert "no study 't'" in result.stderr
    assert "(known: s)" in result.stderr
    result = reluctant("worker", "s", "--data", "iris")
    assert result.returncode == 2
    assert "the data in iris are not those of study 's'" in result.stderr
    assert reluctant("worker", "s", "--storage", "none.db").returncode == 2


def test_a_wrong_password_is_not_printed(reluctant: Reluctant, postgres_server: object) -> None:
    url = postgres_server.url("postgres", password="wr0ng")  # type: ignore[attr-defined]
    result = reluctant("worker", "s", "--storage", url)
    assert result.returncode == 2
    assert "password authentication failed" in result.stderr
    assert "wr0ng" not in result.stderr
    result = reluctant("worker", "s", "--storage", "postgresql+psycopg://me:s3cret@127.0.0.1:9/db")
    assert result.returncode == 75
    assert "cannot reach" in result.stderr
    assert "s3cret" not in result.stderr


def test_a_killed_training_goes_on_from_its_checkpoints(
    start: Callable[..., subprocess.Popen[str]], reluctant: Reluctant, tmp_path: Path
) -> None:
    reluctant("run", *LONG, "--storage", "undisturbed.db", check=True)
    first = start("run", *LONG, "--checkpoint-every", 0.2)
    folder = tmp_path / "reluctant.db.checkpoints"
    until(lambda: len(list(folder.glob("*.safetensors"))) == 4)
    time.sleep(0.5)
    first.kill()
    first.wait()
    result = reluctant("resume", "long", check=True)
    behind = re.findall(r"trial \d goes on from its checkpoint: (\d+) of 4000 epochs", result.stderr)
    assert len(behind) == 4
    assert all(int(epochs) > 0 for epochs in behind)
    one, other = open_storage(tmp_path / "undisturbed.db"), open_storage(tmp_path / "reluctant.db")
    assert faults_of(other, "long", 4, contents(one, "long")) == []
    one.close()
    other.close()
    assert left_beside(tmp_path / "reluctant.db") == []


def test_status_watches_workers(
    start: Callable[..., subprocess.Popen[str]], reluctant: Reluctant, tmp_path: Path
) -> None:
    start("run", *LONG, "--epochs", 400_000)
    database = tmp_path / "reluctant.db"
    until(lambda: database.exists() and running(database) == 4)
    watching = start("status", "--watch", "--format", "json")
    assert watching.stdout is not None
    seen = json.loads(watching.stdout.readline())
    (worker,) = seen["workers"]
    assert (worker["study"], worker["trains"], worker["taken_back"]) == ("long", "0-3", 0)
    assert seen["studies"][0]["running"] == 4
    watching.send_signal(signal.SIGINT)
    assert watching.wait(timeout=30) == 0
    tables = start("status", "--watch")
    assert tables.stdout is not None
    assert tables.stdout.readline().startswith("study")
    assert reluctant("status", "--format", "json", check=True).returncode == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--workers", 0), "--workers is '0'; it needs to be greater than or equal to 1"),
        (("--cpus-per-worker", 2), "--cpus-per-worker is about workers on Ray; add --ray auto"),
        (("--ray", "auto", "--gpus-per-worker", 1), "--device is cpu, which uses none; add --device cuda"),
    ],
)
def test_options_that_make_no_sense(
    reluctant: Reluctant, tmp_path: Path, options: tuple[object, ...], text: str
) -> None:
    result = reluctant("run", *STUDY, *options)
    assert result.returncode == 2
    assert text in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_fewer_workers_than_asked_for_where_trials_are_few(reluctant: Reluctant) -> None:
    result = reluctant("run", "iris", "--trials", 2, "--epochs", 2, "--seeds", 1, "--workers", 3, check=True)
    assert "3 workers were asked for, and 2 trials are missing; 2 are started" in result.stderr
