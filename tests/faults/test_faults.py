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
from command import run_command

from benchmarks.faults.compare import contents, faults_of, left_beside
from storage import open_storage

ROOT = Path(__file__).parents[2]
SHORT = ("--trials", 16, "--epochs", 40, "--workers", 3, "--lease", 2, "--every", 0.8)


def harness(report: Path, *options: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.faults", *map(str, SHORT), *map(str, options), "--output", report]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    assert found["faults"] == []
    assert found["trials"] >= 16
    return found


def test_workers_killed_ended_and_stopped_change_nothing(tmp_path: Path) -> None:
    found = harness(tmp_path / "report.json", "--minutes", 0.15, "--samplers", "tpe")
    assert found["kills and stops"] >= 3


def test_slow_commits_under_contention_lock_nobody_out(tmp_path: Path) -> None:
    options = ("--minutes", 0.05, "--samplers", "random", "--slow", 0.05, "--kinds", "kill", "--every", 3)
    harness(tmp_path / "report.json", *options)


def test_a_server_that_is_restarted_changes_nothing(tmp_path: Path, postgres_server: object) -> None:
    # Trainings that outlast the moment of the restart.
    options = ("--storage", "postgres", "--minutes", 0.15, "--restarts", 1, "--samplers", "qmc", "--lease", 5)
    options += ("--epochs", 600)
    found = harness(tmp_path / "report.json", *options)
    assert found["happened"]["restart"] == 1


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
    full = run_command(*SMALL, cwd=folder)
    assert full.returncode == 1
    assert "no room left to write" in full.stderr
    enlarge()
    run_command("resume", "s", "--workers", 2, cwd=folder, check=True)
    undisturbed, disturbed = open_storage(tmp_path / "undisturbed.db"), open_storage(folder / "reluctant.db")
    assert faults_of(disturbed, "s", 120, contents(undisturbed, "s")) == []
    for storage in (undisturbed, disturbed):
        storage.close()
    assert left_beside(folder / "reluctant.db") == []
