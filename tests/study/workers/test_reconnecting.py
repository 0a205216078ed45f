"""Calls of a database that is away for a while, or for too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from storage import (
    LeasesLostError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageGoneError,
    StorageUnreachableError,
    StudyDeletedError,
)
from study.workers import reconnecting
from study.workers.reconnecting import Reconnecting


class Clock:
    """Time that passes in sleep alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reconnecting, "time", clock)
    return clock


def make(lines: list[str], stop: Callable[[], bool] = lambda: False) -> Reconnecting:
    worker = SimpleNamespace(lease=10.0)
    return Reconnecting(worker, "studies.db", stop=stop, log=lines.append)  # type: ignore[arg-type]


def failing(errors: Iterator[Exception]) -> Callable[[], str]:
    def call() -> str:
        for error in errors:
            raise error
        return "answer"

    return call


def test_a_call_is_repeated_until_it_succeeds_and_undone_before_each_time(clock: Clock) -> None:
    lines: list[str] = []
    undone: list[float] = []
    errors = iter([StorageUnreachableError("away"), StorageBusyError("busy")])
    assert make(lines)(failing(errors), undo=lambda: undone.append(clock.now)) == "answer"
    assert len(undone) == 2
    assert lines[0] == "no contact to studies.db; trying again for 10 s"
    assert lines[1].startswith("in contact with studies.db again after ")
    assert len(lines) == 2


def test_a_call_that_succeeds_at_once_says_and_undoes_nothing(clock: Clock) -> None:
    lines: list[str] = []
    undone: list[int] = []
    assert make(lines)(lambda: 7, undo=lambda: undone.append(1)) == 7
    assert (lines, undone, clock.now) == ([], [], 0.0)


def test_an_outage_longer_than_the_leases_ends_the_worker(clock: Clock) -> None:
    with pytest.raises(LeasesLostError, match=r"away; this lasted longer than the 10 s"):
        make([])(failing(iter([StorageUnreachableError("away")] * 100)))
    assert 10 < clock.now < 16


def test_a_full_disk_is_waited_for_as_long_and_then_named(clock: Clock) -> None:
    lines: list[str] = []
    assert make(lines)(failing(iter([StorageFullError("no room")]))) == "answer"
    assert lines[0] == "no room left to write studies.db; trying again for 10 s"
    with pytest.raises(StorageFullError, match="no room"):
        make([])(failing(iter([StorageFullError("no room")] * 100)))


@pytest.mark.parametrize("kind", [StorageGoneError, StudyDeletedError])
def test_what_can_never_succeed_again_is_named_as_it_is(kind: type[StorageError]) -> None:
    error = make([]).lost(kind("it is gone"))
    assert (type(error), str(error), error.exit_code) == (kind, "it is gone", 1)


def test_a_worker_that_is_to_stop_waits_no_longer(clock: Clock) -> None:
    with pytest.raises(StorageUnreachableError):
        make([], stop=lambda: True)(failing(iter([StorageUnreachableError("away")])))
    assert clock.now == 0.0


def test_another_error_is_not_repeated(clock: Clock) -> None:
    with pytest.raises(KeyError):
        make([])(failing(iter([KeyError("a mistake")])))
