"""A fault counts where it was done, and explains an ending from then on alone."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from benchmarks.faults.crowd import Crowd, Ending
from benchmarks.faults.server_strikes import ServerStrikes
from benchmarks.faults.strikes import Strikes
from storage import open_storage


def unstarted(kind: type[Strikes], place: Path | str) -> Any:
    """Strikes at a database without a study and workers."""
    strikes: Any = kind.__new__(kind)
    strikes.place, strikes.storage, strikes._taken = str(place), open_storage(place), []
    strikes.crowd = Crowd("s", str(place), 0, (), random.Random(1), SimpleNamespace(), lease=1.0)  # type: ignore[arg-type]
    return strikes


def test_a_jump_of_the_clock_counts_where_a_time_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strikes = unstarted(Strikes, tmp_path / "reluctant.db")
    storage = strikes.storage
    assert strikes._jump() is False  # nobody's
    with storage.worker(storage.create_or_get_study("s", ["maximize"])[0]):
        assert strikes._jump() is True
    for error, counted in ((OperationalError("", {}, Exception("away")), True), (TypeError("a mistake"), False)):
        monkeypatch.setattr(strikes, "storage", SimpleNamespace(engine=SimpleNamespace(begin=failing(error))))
        if counted:
            assert strikes._jump() is False
        else:
            with pytest.raises(TypeError, match="a mistake"):
                strikes._jump()
    storage.close()
    strikes.crowd.end()


def failing(error: Exception) -> Any:
    def fail() -> None:
        raise error

    return fail


def test_whoever_started_before_a_total_was_raised_does_not_say_that_the_study_is_complete(tmp_path: Path) -> None:
    crowd = Crowd("s", str(tmp_path), 2, (), random.Random(1), StarterOfNothing(), lease=1.0)  # type: ignore[arg-type]
    crowd.tend()
    first, second = crowd.running
    crowd.starter.ended[first] = 0
    crowd.tend()
    assert crowd.finished == 1
    crowd.begin_again()  # as where the total was raised
    crowd.starter.ended[second] = 0  # it had found the smaller one reached
    crowd.tend()
    assert crowd.finished == 0
    crowd.starter.ended[crowd.running[0]] = 0
    crowd.tend()
    assert crowd.finished == 1
    crowd.end()


class StarterOfNothing:
    """Gives processes numbers that no process has."""

    def __init__(self) -> None:
        self.ended: dict[int, int] = {}
        self._last = 2**30

    def start(self, *_: Any, **__: Any) -> int:
        self._last += 1
        return self._last

    def refresh(self) -> None:
        pass


def test_sessions_of_workers_alone_are_cut_and_explain_a_lost_contact(postgres_url: str) -> None:
    strikes = unstarted(ServerStrikes, postgres_url)
    assert strikes.storage.get_all_studies() == []  # the session of this process stays open
    assert strikes._cut() is False
    assert strikes.crowd.endings == []
    worker = psycopg.connect(postgres_url.replace("+psycopg", ""), application_name="reluctant 1 on elsewhere")
    assert strikes._cut() is True
    with pytest.raises(psycopg.OperationalError):
        worker.execute("SELECT 1")
    assert Ending(75, "cannot be reached", "contact lost") in strikes.crowd.endings
    assert all(ending.said for ending in strikes.crowd.endings)
    assert strikes.storage.get_all_studies() == []
    strikes.storage.close()
    strikes.crowd.end()
