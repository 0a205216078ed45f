"""The fault harness in its short form: workers killed, ended, stopped; servers restarted; disks slow and full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import COMMAND, run_command

from benchmarks.faults.compare import contents, faults_of, left_beside
from benchmarks.faults.crowd import KINDS as OF_PROCESSES
from benchmarks.faults.strikes import OF_DATABASES, OF_FILES
from storage import open_storage

pytestmark = pytest.mark.timeout(960)  # the harness, which ends what it started, has a limit of its own

ROOT = Path(__file__).parents[2]
SHORT = ("--trials", 16, "--epochs", 40, "--workers", 3, "--lease", 2, "--every", 0.8)


def harness(report: Path, *options: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.faults", *map(str, SHORT), *map(str, options), "--output", report]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    assert found["faults"] == []
    assert found["trials"] >= 16
    return found


def test_workers_killed_ended_and_stopped_change_nothing(tmp_path: Path) -> None:
    found = harness(tmp_path / "report.json", "--minutes", 0.4, "--samplers", "tpe", "--kinds", *OF_PROCESSES)
    assert found["kills and stops"] >= 3


def test_slow_commits_under_contention_lock_nobody_out(tmp_path: Path) -> None:
    options = ("--minutes", 0.05, "--samplers", "random", "--slow", 0.05, "--kinds", "kill", "--every", 3)
    harness(tmp_path / "report.json", *options)


def test_a_server_that_is_restarted_changes_nothing(tmp_path: Path, postgres_server: object) -> None:
    # Trainings that outlast the moment of the restart.
    options = ("--storage", "postgres", "--minutes", 0.15, "--kinds", "restart", "--samplers", "qmc", "--lease", 5)
    found = harness(tmp_path / "report.json", *options, "--epochs", 600)
    assert found["happened"]["restart"] >= 1


def test_what_befalls_a_file_and_its_study_changes_nothing_or_is_said(tmp_path: Path) -> None:
    options = ("--minutes", 2, "--faults", 4, "--samplers", "random", "--kinds", *OF_FILES, *OF_DATABASES)
    assert harness(tmp_path / "report.json", *options)["faults done"] == 4


def test_what_befalls_a_server_changes_nothing_or_is_said(tmp_path: Path, postgres_server: object) -> None:
    options = ("--storage", "postgres", "--minutes", 2, "--faults", 5, "--samplers", "random", "--lease", 5)
    found = harness(tmp_path / "report.json", *options, "--kinds", "cut session", "full server", "clock jump")
    assert found["faults done"] == 5


SMALL = (
    "run",
    "iris",
    "--trials",
    120,
    "--cohort",
    8,
    "--seeds",
    3,
    "--epochs",
    20,
    "--hidden",
    "32,32",
    "--name",
    "s",
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A disk with room for a part of a study, and a way to make it larger."""
    point = tmp_path / "disk"
    point.mkdir()
    options = {"capture_output": True, "text": True, "check": False}
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(point)], **options)
    if mounted.returncode:
        reason = f"a small disk cannot be mounted here: {mounted.stderr.strip()}"
        if os.environ.get("RELUCTANT_SKIP_NOTHING") and os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield point, lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(point)], check=True) and None
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


def test_a_full_disk_loses_nothing_and_is_said(tmp_path: Path, small_disk: tuple[Path, Callable[[], None]]) -> None:
    folder, enlarge = small_disk
    run_command(*SMALL, "--storage", "undisturbed.db", cwd=tmp_path, check=True)
    run = subprocess.Popen([COMMAND, *map(str, SMALL)], cwd=folder, stderr=subprocess.PIPE, text=True)
    assert run.stderr is not None
    for line in run.stderr:
        if "no room left to write" in line:
            break
    assert "trying again for 120 s" in line
    another = run_command("worker", "s", "--lease", 2, cwd=folder)
    assert another.returncode == 1
    assert "no room left to write" in another.stderr
    enlarge()
    _, rest = run.communicate(timeout=300)
    assert run.returncode == 0, rest
    assert "in contact with" in rest
    undisturbed, disturbed = open_storage(tmp_path / "undisturbed.db"), open_storage(folder / "reluctant.db")
    assert faults_of(disturbed, "s", 120, contents(undisturbed, "s")) == []
    for storage in (undisturbed, disturbed):
        storage.close()
    assert left_beside(folder / "reluctant.db") == []
