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

from reluctant.command import main

COMMAND = Path(sys.executable).parent / "reluctant"
Reluctant = Callable[..., "subprocess.CompletedProcess[str]"]


def run_command(
    *args: object, cwd: Path, env: Mapping[str, str] | None = None, check: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs `reluctant` with the given arguments; `check` demands exit status 0."""
    kept = {key: value for key, value in os.environ.items() if key not in ("RELUCTANT_STORAGE", "PYTHONPATH")}
    result = subprocess.run(
        [str(COMMAND), *map(str, args)],
        cwd=cwd,
        env={**kept, "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        errors="surrogateescape",  # names of files may be any bytes
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    assert not check or result.returncode == 0, result.stderr
    return result


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
