"""Runs commands in forks of a process that has imported everything: a command without its two seconds of imports.

The fork has its own arguments, folder, environment and streams, and ends with the command's exit status. What depends
on how an interpreter starts, or on signals, is tested with a process of its own: `command.run_command(…, fresh=True)`.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from unittest import mock

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["everything"])


def run_warm(
    args: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Runs `reluctant` in a fork of the warm process.

    Raises:
        subprocess.TimeoutExpired: It took longer, and was killed.
    """
    with mock.patch.dict(os.environ, PYTHONPATH=str(Path(__file__).parent)):
        forkserver.ensure_running()  # its imports look at the environment alone
    with tempfile.TemporaryDirectory() as folder:
        output, messages = Path(folder, "stdout"), Path(folder, "stderr")
        process = _CONTEXT.Process(target=_command, args=(list(args), str(cwd), dict(env), str(output), str(messages)))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(["reluctant", *args], timeout)
        texts = [path.read_text("utf-8", "surrogateescape") for path in (output, messages)]
    return subprocess.CompletedProcess(["reluctant", *args], process.exitcode, *texts)


def _command(args: list[str], cwd: str, env: dict[str, str], output: str, messages: str) -> None:
    """Becomes the command."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in ((1, output), (2, messages)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.argv = [str(Path(sys.executable).parent / "reluctant"), *args]
    from reluctant.command import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
