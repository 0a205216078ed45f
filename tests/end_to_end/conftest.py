from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import Reluctant, run_command, run_here


@pytest.fixture
def reluctant(tmp_path: Path) -> Reluctant:
    """Runs the installed command in a folder of the test's own."""

    def run(*args: object, cwd: Path = tmp_path, **options: Any) -> subprocess.CompletedProcess[str]:
        return run_command(*args, cwd=cwd, **options)

    return run


@pytest.fixture
def here(tmp_path: Path) -> Reluctant:
    """The same in this process, which has loaded everything already: for what needs no process of its own."""

    def run(*args: object, cwd: Path = tmp_path, **options: Any) -> subprocess.CompletedProcess[str]:
        return run_here(*args, cwd=cwd, **options)

    return run
