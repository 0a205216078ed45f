"""Workers on a Ray cluster: exact when a node is lost."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(660)  # the harness, which ends what it started, has a limit of its own

ROOT = Path(__file__).parents[2]


def test_a_node_that_is_lost_changes_nothing(postgres_server: object) -> None:
    if importlib.util.find_spec("ray") is None:
        reason = "Ray is not installed (pip install -c constraints.txt -e '.[ray]')"
        if os.environ.get("RELUCTANT_SKIP_NOTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    command = [sys.executable, "-m", "benchmarks.faults.on_ray", "--trials", "60", "--epochs", "200"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout[done.stdout.index("{") :])
    assert report["faults"] == []
    assert 0 < report["killed when done"] < 60
    # The trials of the lost node are lost, or released by a worker that noticed; another one takes its place.
    assert report["workers"] >= 4
