"""How long a command takes until its first trial is RUNNING.

    python -m benchmarks.start [CSV --target COLUMN] [--runs 5] [--output FILE.json]

Three commands, each a process of its own on a new SQLite file, by turns: the default study of digits; the same by two
workers; and, where a CSV file is given, the default study of it. Wall-clock counts from the start of the process to
the moment at which another connection sees a trial that is RUNNING, looked at every 10 ms; the processor time is what
the command itself had spent by then, without its workers'.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.hardware import spread, taken

WAITS = 0.01
"""Seconds between two looks at the database."""


def main() -> None:
    """Runs the benchmark, prints rows, writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", nargs="?")
    parser.add_argument("--target", default="-1")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/start.json"))
    options = parser.parse_args()
    commands = {"digits": [], "digits, two workers": ["--workers", "2"]}
    if options.csv is not None:
        commands[Path(options.csv).name] = [options.csv, "--target", options.target]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, arguments in commands.items():
            found[name].append(started(arguments))
    rows = [
        {
            "command": name,
            "seconds": spread([wall for wall, _ in runs]),
            "cpu_seconds": spread([cpu for _, cpu in runs]),
        }
        for name, runs in found.items()
    ]
    for row in rows:
        print(json.dumps(row))
    report = taken("python -m benchmarks.start") | {"runs": options.runs, "rows": rows}
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def started(arguments: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of processor time, of `reluctant run` with some arguments until a trial is RUNNING."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "start.db"
        command = [sys.executable, "-m", "reluctant", "run", *arguments, "--storage", str(database), "--quiet"]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
        try:
            while not _has_running_trial(database):
                if process.poll() is not None:
                    raise RuntimeError(f"{command} ended with {process.returncode} before a trial was running")
                time.sleep(WAITS)
            return time.perf_counter() - began, _processor_time(process.pid)
        finally:
            process.terminate()
            process.wait()


def _has_running_trial(database: Path) -> bool:
    if not database.exists():
        return False
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT 1 FROM trials WHERE state = 'RUNNING' LIMIT 1").fetchone() is not None
    except sqlite3.OperationalError:  # tables are being made
        return False
    finally:
        connection.close()


def _processor_time(pid: int) -> float:
    """Seconds of user and system time of a process, as Linux counts them."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
