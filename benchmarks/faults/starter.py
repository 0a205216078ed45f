"""Starts workers in a moment: each is forked from a process that has imported everything and done nothing else.

`python -m benchmarks.faults.starter` reads one JSON object a line from its standard input: how to start a worker. It
answers each with one line: the new process, and how earlier ones ended.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

_PACKAGES = ("storage", "search_spaces", "study")
_OTHERS = (
    "torch",
    "torch._dynamo",
    "optuna",
    "psycopg",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
)
# Modules with dependencies of their own, which workers do not need.
_LEFT_OUT = ("study.cli.__main__", "study.dashboard", "study.workers.ray_actors", "study.model.onnx")


@dataclass
class Starter:
    """The process that starts workers; a context manager.

    Attributes:
        ended: The exit statuses of workers that ended and that nobody has asked for yet, by process.
    """

    ended: dict[int, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Starts it; the first answer comes when everything is imported."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults.starter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *error: object) -> None:
        """Ends it; workers that run go on."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def start(self, arguments: list[str], environment: dict[str, str], output: Path, *, slow: float = 0.0) -> int:
        """Starts a worker by the arguments of the command, and returns its process.

        Args:
            arguments: The arguments.
            environment: Environment variables, added to those of this process.
            output: The file that gets what it prints.
            slow: Seconds that every SQLite commit takes longer, with the database locked.
        """
        given = {"arguments": arguments, "environment": environment, "output": str(output), "slow": slow}
        return int(self._ask(given)["pid"])

    def refresh(self) -> None:
        """Asks which workers have ended."""
        self._ask({})

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.ended |= {int(pid): status for pid, status in answer["ended"].items()}
        return answer


def _serve() -> None:
    for module in (*_OTHERS, *_modules()):
        importlib.import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork() if request else None
        if pid == 0:
            _become_worker(request)
            return
        print(json.dumps({"pid": pid, "ended": dict(_ended())}), flush=True)


def _modules() -> list[str]:
    """All modules that a worker may import."""
    found = [
        module.name
        for package in _PACKAGES
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    ]
    return [name for name in found if not name.startswith(_LEFT_OUT)]


def _ended() -> list[tuple[int, int]]:
    found = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        found.append((pid, os.waitstatus_to_exitcode(status)))


def _become_worker(request: dict[str, Any]) -> None:
    """Runs the command in this process, which ends with its exit status."""
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.environ.update(request["environment"])
    sys.argv = ["reluctant", *request["arguments"]]
    if request["slow"]:
        _slow_down(request["slow"])
    from reluctant.command import main

    main()


def _slow_down(seconds: float) -> None:
    from storage.sqlite_file import DurableConnection

    commit = DurableConnection.commit

    def slow(self: DurableConnection) -> None:
        time.sleep(seconds)
        commit(self)

    DurableConnection.commit = slow  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
