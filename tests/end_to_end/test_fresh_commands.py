"""Every command by itself, in an interpreter that imports what it needs and no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import run_command

TRAINING = ("--seeds", 1, "--epochs", 2, "--hidden", 8, "--quiet")
COMMANDS: dict[str, tuple[object, ...]] = {
    "run": ("iris", "--trials", 4, "--cohort", 4, "--name", "another", *TRAINING),
    "resume": ("s", "--trials", 6, "--quiet"),
    "worker": ("s",),
    "compare": ("iris", "--name", "c", *TRAINING, "--dry-run"),
    "status": (),
    "front": ("s", "--reference"),
    "advise": ("s",),
    "export": ("s", "--model", "net"),
    "report": ("s",),
    "backup": ("copy.db",),
    "rename": ("s", "t"),
    "delete": ("s", "--yes"),
    "doctor": (),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh")
    options = ("iris", "--trials", 4, "--cohort", 4, "--name", "s", "--min-accuracy", 0, *TRAINING)
    run_command("run", *options, cwd=folder, check=True)
    return folder / "reluctant.db"


@pytest.mark.parametrize("command", COMMANDS)
def test_it_works_in_an_interpreter_of_its_own(command: str, database: Path, tmp_path: Path) -> None:
    run_command("backup", tmp_path / "reluctant.db", cwd=database.parent, check=True)
    assert run_command(command, *COMMANDS[command], cwd=tmp_path, fresh=True).returncode == 0


def test_predict_works_in_an_interpreter_of_its_own(database: Path, tmp_path: Path) -> None:
    run_command("export", "s", "--model", tmp_path / "net", cwd=database.parent, check=True)
    result = run_command("predict", "net", "iris", cwd=tmp_path, fresh=True)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 151


def test_none_is_forgotten() -> None:
    from study.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert known - {"dashboard", "predict"} == set(COMMANDS)  # the dashboard is started by its own tests
