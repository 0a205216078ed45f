"""The installed command, run as a user runs it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

from warm import run_warm

from reluctant.command import main

COMMAND = Path(sys.executable).parent / "reluctant"
Reluctant = Callable[..., "subprocess.CompletedProcess[str]"]


def run_command(
    *args: object, cwd: Path, env: Mapping[str, str] | None = None, check: bool = False, fresh: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs `reluctant` with the given arguments.

    Args:
        args: The arguments.
        cwd: The folder to run in.
        env: Variables of the environment, beside those of this process.
        check: Demands exit status 0.
        fresh: Starts an interpreter; else the command runs in a fork of one that has imported everything.
    """
    kept = {key: value for key, value in os.environ.items() if key not in ("RELUCTANT_STORAGE", "PYTHONPATH")}
    environment = {**kept, "NO_COLOR": "1", **(env or {})}
    texts = list(map(str, args))
    if fresh or not all(key.startswith("RELUCTANT_") for key in env or {}):
        result = subprocess.run(
            [str(COMMAND), *texts],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",  # names of files may be any bytes
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
    else:
        result = run_warm(texts, cwd=cwd, env=environment, timeout=300)
    assert not check or result.returncode == 0, result.stderr
    return result


def kill(process: subprocess.Popen[str]) -> None:
    """Kills a process, and waits until nobody holds its pipes; what it forked ends soon after it."""
    process.kill()
    process.communicate(timeout=60)


def run_here(*args: object, cwd: Path, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs `reluctant` in this process; `check` demands exit status 0."""
    output, messages = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(messages),
        mock.patch.object(sys, "argv", ["reluctant", *map(str, args)]),
    ):
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
    assert not check or status == 0, messages.getvalue()
    return subprocess.CompletedProcess(args, status, output.getvalue(), messages.getvalue())
