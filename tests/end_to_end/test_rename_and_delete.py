"""Studies renamed and deleted by command: whole, also while they are trained."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import COMMAND, Reluctant, kill, run_command

from benchmarks.faults.compare import contents, faults_of, left_beside
from storage import StorageMissingError, StorageRefusedError, StudyNotFoundError, open_storage

OPTIONS = ("--seeds", 2, "--epochs", 60, "--hidden", "32", "--cohort", 8, "--trials", 24)
LONG = ("iris", "--trials", 4, "--cohort", 4, "--seeds", 1, "--epochs", 4000, "--hidden", "16", "--name", "long")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(*arguments)`: the command in a process of its own, ended with the test."""
    begun: list[subprocess.Popen[str]] = []

    def run(*arguments: object, **environment: str) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = {**os.environ, "NO_COLOR": "1", **environment}
        command = [str(COMMAND), *map(str, arguments)]
        begun.append(subprocess.Popen(command, cwd=tmp_path, env=env, text=True, **pipes))  # type: ignore[call-overload]
        return begun[-1]

    yield run
    for process in begun:
        kill(process)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is in the study where nobody disturbs it."""
    folder = tmp_path_factory.mktemp("alone")
    run_command("run", "digits", *OPTIONS, "--name", "s", "--quiet", cwd=folder, check=True)
    storage = open_storage(folder / "reluctant.db")
    found = contents(storage, "s")
    storage.close()
    return found


def held(place: Path | str, name: str) -> dict[str, list[int]]:
    """The trials that are being trained, by the tokens of their workers; none where there is no such study yet."""
    try:
        storage = open_storage(place, create=False)
    except (StorageMissingError, StorageRefusedError):
        return {}
    try:
        return storage.held_trials(storage.study_id(name))
    except StudyNotFoundError:
        return {}
    finally:
        storage.close()


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_study_is_renamed_under_its_workers(
    kind: str,
    start: Start,
    here: Reluctant,
    tmp_path: Path,
    alone: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    place: Path | str = tmp_path / "reluctant.db"
    if kind == "postgresql":
        place = request.getfixturevalue("postgres_url")
    environment = {"RELUCTANT_STORAGE": str(place)}
    run = start("run", "digits", *OPTIONS, "--name", "s", "--workers", 2, **environment)
    until(lambda: len(held(place, "s")) == 2)
    renamed = here("rename", "s", "digits again", "--storage", place, check=True)
    assert "study s in " in renamed.stderr
    assert " is now digits again" in renamed.stderr
    storage = open_storage(place)
    study_id = storage.study_id("digits again")
    # The worker in its place knows the former name only.
    os.kill(next(row["pid"] for row in storage.workers(study_id) if row["ended"] is None), signal.SIGKILL)
    _, said = run.communicate(timeout=200)
    assert run.returncode == 0, said
    assert "is replaced in 1 s" in said
    assert faults_of(storage, "digits again", 24, alone) == []
    assert storage.get_study_system_attrs(study_id)["reluctant:config"]["name"] == "digits again"
    storage.close()
    if isinstance(place, Path):
        assert left_beside(place) == []


def test_checkpoints_of_a_renamed_study_are_found(start: Start, reluctant: Reluctant, tmp_path: Path) -> None:
    first = start("run", *LONG, "--epochs", 8_000, "--checkpoint-every", 0.2)
    folder = tmp_path / "reluctant.db.checkpoints"
    until(lambda: len(list(folder.glob("*.safetensors"))) == 4)
    reluctant("rename", "long", "longer", check=True)
    time.sleep(0.5)
    first.kill()
    first.wait()
    result = reluctant("resume", "longer", check=True)
    behind = re.findall(r"trial \d goes on from its checkpoint: (\d+) of 8000 epochs", result.stderr)
    assert len(behind) == 4
    assert left_beside(tmp_path / "reluctant.db") == []


def test_a_renamed_study_answers_under_its_new_name(here: Reluctant) -> None:
    here("run", "iris", "--trials", 6, "--seeds", 2, "--epochs", 60, "--hidden", 8, "--name", "old", check=True)
    before = here("export", "old", "--format", "json", check=True).stdout
    front = here("front", "old", "--format", "json", check=True).stdout
    here("rename", "old", "new", check=True)
    assert here("export", "new", "--format", "json", check=True).stdout == before
    assert here("front", "new", "--format", "json", check=True).stdout == front
    assert [row["study"] for row in json.loads(here("status", "--format", "json", check=True).stdout)] == ["new"]
    for command in ("front", "resume", "report", "delete", "rename"):
        result = here(command, "old", *(["x"] if command == "rename" else []))
        assert result.returncode == 2
        assert "it was renamed to 'new'; give this name" in result.stderr
    here("resume", "new", "--trials", 8, check=True)
    again = here("run", "iris", "--trials", 2, "--seeds", 1, "--epochs", 60, "--hidden", 8, "--name", "old", check=True)
    assert "warning: the study that was called 'old' is now 'new', and a new study is begun here" in again.stderr
    assert "no study 'nothing'" in here("rename", "nothing", "x").stderr
    here("run", "wine", "--trials", 2, "--seeds", 1, "--epochs", 60, "--hidden", 8, "--name", "other", check=True)
    result = here("rename", "other", "new")
    assert result.returncode == 2
    assert re.search(r"there is a study 'new' in .* already; choose another name", result.stderr)
    result = here("rename", "other", "two\nlines")
    assert result.returncode == 2
    assert "a name needs 1 to 200 printable characters" in result.stderr


def test_deletion_is_asked_for_and_leaves_nothing(start: Start, reluctant: Reluctant, tmp_path: Path) -> None:
    run = start("run", *LONG, "--epochs", 200_000, "--checkpoint-every", 0.2)
    folder = tmp_path / "reluctant.db.checkpoints"
    until(lambda: len(list(folder.glob("*.safetensors"))) == 4)
    result = reluctant("delete", "long")
    assert result.returncode == 2
    assert "study long in " in result.stderr
    assert "with 4 trials and 1 worker at work on it would be deleted" in result.stderr
    assert "there is no terminal to ask on; give --yes" in result.stderr
    for answer in ("n\n", "\n", "\x03", "\x04"):  # the last ones are Ctrl-C, and the end of the input
        status, said = on_a_terminal(tmp_path, "delete", "long", answer=answer)
        assert (status, "for good? [y/N]" in said, "nothing is deleted" in said) == (1, True, True), said
    assert run.poll() is None
    status, said = on_a_terminal(tmp_path, "delete", "long", answer="y\n")
    assert (status, "with 4 trials and 1 worker at work on it is deleted" in said) == (0, True)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "it was deleted while it was in use" in said
    storage = open_storage(tmp_path / "reluctant.db")
    assert storage.get_all_studies() == []
    assert storage.traces_of_deletion() == []
    storage.close()
    assert left_beside(tmp_path / "reluctant.db") == []


def test_yes_deletes_unasked(here: Reluctant) -> None:
    for name in ("a", "b"):
        here("run", "iris", "--trials", 2, "--seeds", 1, "--epochs", 60, "--hidden", 8, "--name", name, check=True)
    here("delete", "a", "--yes", check=True)
    assert [row["study"] for row in json.loads(here("status", "--format", "json", check=True).stdout)] == ["b"]
    assert here("front", "b", check=True).returncode == 0
    assert here("delete", "a", "--yes").returncode == 2
    assert here("delete", "b", "--yes", "--storage", "none.db").returncode == 2


def on_a_terminal(folder: Path, *arguments: str, answer: str) -> tuple[int, str]:
    """Exit status and screen of a command on a terminal, where one question is answered."""
    ours, its = pty.openpty()
    # A session of its own, whose terminal this is: Ctrl-C there is a signal to the command. Where the tests are a
    # background job of a shell, it would be ignored.
    session = [
        sys.executable,
        "-c",
        "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
    ]
    command = [*session, str(COMMAND), *arguments]
    process = subprocess.Popen(command, cwd=folder, stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    seen, patience, until = b"", 1.0, time.monotonic() + 120
    while True:
        if time.monotonic() > until:
            process.kill()
        if not select.select([ours], [], [], patience)[0]:
            # It waits. What was typed before it did may be discarded, though the terminal has shown it.
            if re.search(rb"\[y/N\]:[ ^CDyn\r\n\b]*$", seen):
                os.write(ours, answer.encode())
                patience = 5.0
            continue
        try:
            read = os.read(ours, 4096)
        except OSError:  # the terminal is gone with the process
            break
        if not read:
            break
        seen += read
    os.close(ours)
    return process.wait(timeout=30), seen.decode()
