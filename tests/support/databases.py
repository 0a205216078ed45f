"""Studies of the installed command looked at from outside: their processes and their database."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from command import COMMAND


def contents(database: Path) -> dict[str, Any]:
    """Everything in a study that must not depend on its history."""
    queries = {
        "trials": "SELECT number, state FROM trials ORDER BY number",
        "params": "SELECT number, param_name, param_value FROM trials JOIN trial_params USING (trial_id) ORDER BY 1, 2",
        "values": "SELECT number, objective, value FROM trials JOIN trial_values USING (trial_id) ORDER BY 1, 2",
        "measures": "SELECT number, key, value_json FROM trials JOIN trial_user_attributes USING (trial_id) "
        "WHERE key != 'seconds_per_slot_of_cohort' ORDER BY 1, 2",
        "seeds": "SELECT number, key, value_json FROM trials JOIN trial_system_attributes USING (trial_id) "
        "ORDER BY 1, 2",
    }
    with closing(sqlite3.connect(database)) as connection:
        return {name: connection.execute(query).fetchall() for name, query in queries.items()}


def count(database: Path, state: str) -> int:
    try:
        with closing(sqlite3.connect(database, timeout=10)) as connection:
            return int(connection.execute("SELECT COUNT(*) FROM trials WHERE state = ?", (state,)).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def start(folder: Path, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(COMMAND), *map(str, args)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_until_running(process: subprocess.Popen[str], database: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and not count(database, "RUNNING"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
