"""How a study was run, in words."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import open_storage
from study.config import read_config
from study.problem import Comparison, Search
from study.records.attributes import DATA, OFFICIAL_TEST
from study.records.open_study import create_or_open, reopen
from study.report.provenance import command, losses_text, provenance, workers_text
from study.workers.worker import work


def worker(start: int, end: int | None, active: int = 0) -> dict[str, Any]:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "started": moment + timedelta(minutes=start),
        "ended": None if end is None else moment + timedelta(minutes=end),
        "last_active": moment + timedelta(minutes=active),
    }


@pytest.mark.parametrize(
    ("workers", "text"),
    [
        ([], "0"),
        ([worker(0, 5)], "1"),
        ([worker(0, 5), worker(5, 9)], "1 at a time, 2 started in all"),
        ([worker(0, None, active=4), worker(6, 9)], "1 at a time, 2 started in all"),
        ([worker(0, 5), worker(1, 6)], "2"),
        ([worker(0, 5), worker(1, 6), worker(7, None, active=8)], "2 at a time, 3 started in all"),
    ],
)
def test_workers_are_counted_as_they_worked(workers: list[dict[str, Any]], text: str) -> None:
    """Guards against "2" for a single worker and a resume, which starts another one."""
    assert workers_text(workers) == text


def test_losses_are_of_trials_and_not_of_workers() -> None:
    assert losses_text([]) == ""
    assert losses_text(["worker died"]).startswith("once a trial, which then waited to be trained again")
    assert losses_text(["result discarded"] * 2) == "2 late results discarded"


def test_a_resumed_study_had_one_worker_at_a_time_and_its_command_names_its_database(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "own place.db")
    options = {"data": "iris", "seeds": 1, "epochs": 1, "hidden": "8", "trials": 2, "name": "s"}
    assert work(create_or_open(Search.of(read_config(options)), storage))
    study = reopen(storage, "s", overrides={"trials": 4})
    assert work(study)
    facts = provenance(study)
    assert facts["workers"] == "1 at a time, 2 started in all"
    assert "taken back" not in facts
    words = shlex.split(command(study))
    assert words[words.index("--storage") + 1] == str(tmp_path / "own place.db")
    storage.close()


def test_a_comparison_says_which_parts_its_seeds_divide(tmp_path: Path) -> None:
    """An official test part is the same for every seed."""
    x, y = np.random.default_rng(0).normal(size=(90, 3)), np.repeat([0, 1], 45)
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    storage = open_storage(tmp_path / "studies.db")
    ends = {
        "iris": "test samples; a split of its own for each seed",
        str(tmp_path / "d.npz"): "the test part is the one that comes with the data; each seed divides the rest anew",
    }
    for data, end in ends.items():
        config = read_config({"data": data, "seeds": 2, "epochs": 1, "hidden": "4"})
        study = create_or_open(Comparison.of(config), storage)
        assert provenance(study)["split"].endswith(end)
        shared = storage.get_study_system_attrs(study.study_id)[DATA].get(OFFICIAL_TEST, False)
        assert shared is (data != "iris")
        assert ("training and validation parts of its own" in study.problem.sampler_text) is shared
    storage.close()
