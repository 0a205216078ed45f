"""The processes of a run: replaced where they crash, given up where that does not help, ended together."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest

from study.workers.local_processes import LocalProcesses, WorkersFailedError


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def supervise(processes: LocalProcesses, until: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        processes.supervise()
        time.sleep(0.02)


WAIT = "import sys; print('up', file=sys.stderr, flush=True); sys.stdin.read()"


def test_workers_that_end_well_are_not_replaced_and_their_lines_are_told(tmp_path) -> None:
    lines: list[str] = []
    text = f"import sys; open({str(tmp_path)!r} + '/' + sys.argv[1], 'x'); print('hello', file=sys.stderr)"
    commands = [[*script(text), str(number)] for number in range(3)]
    with LocalProcesses(commands, [{}] * 3, finished=lambda: 0, log=lines.append) as processes:
        supervise(processes, lambda: processes.done)
    assert sorted(lines) == ["worker 1: hello", "worker 2: hello", "worker 3: hello"]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_crash_is_told_with_its_last_lines_and_the_worker_is_replaced(tmp_path) -> None:
    mark = str(tmp_path / "mark")
    crash = f"import os, sys; print('the reason', file=sys.stderr, flush=True); os.path.exists({mark!r}) or (open({mark!r}, 'w'), os.kill(os.getpid(), 9))"  # noqa: E501
    lines: list[str] = []
    with LocalProcesses([script(crash), script(WAIT)], [{}] * 2, finished=lambda: 0, log=lines.append) as processes:
        supervise(processes, lambda: any("replaced" in line for line in lines))
        (other,) = processes.pids  # the other goes on
        supervise(processes, lambda: sum(line == "worker 1: the reason" for line in lines) == 2)
        assert other in processes.pids
    assert "worker 1 ended by SIGKILL and is replaced in 1 s; its last lines: the reason" in lines


def test_five_crashes_in_a_row_end_the_run_and_a_trial_in_between_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.workers.local_processes._LONGEST_PAUSE", 0.0)
    crash = script("import sys; print('no memory', file=sys.stderr); sys.exit(3)")
    with (
        pytest.raises(
            WorkersFailedError, match=r"5 workers in a row ended .* by exit status 3; its last lines: no memory"
        ),
        LocalProcesses([crash], [{}], finished=lambda: 7, log=lambda line: None) as processes,
    ):
        supervise(processes, lambda: False)
    lines: list[str] = []
    progress = iter(range(1000))
    with LocalProcesses([crash], [{}], finished=lambda: next(progress), log=lines.append) as processes:
        supervise(processes, lambda: sum("replaced" in line for line in lines) >= 8)


def test_what_replacing_cannot_mend_ends_the_run_at_once() -> None:
    refuse = script("import sys; print('error: no study', file=sys.stderr); sys.exit(2)")
    with (
        pytest.raises(WorkersFailedError, match="worker 1 cannot work: error: no study"),
        LocalProcesses([refuse], [{}], finished=lambda: 0, log=lambda line: None) as processes,
    ):
        supervise(processes, lambda: False)


def test_a_worker_that_lost_its_database_is_not_replaced() -> None:
    with LocalProcesses([script("raise SystemExit(75)")], [{}], finished=lambda: 0, log=lambda line: None) as processes:
        supervise(processes, lambda: processes.done)
        assert processes.contact_lost


def test_all_end_together() -> None:
    lines: list[str] = []
    with LocalProcesses([script(WAIT)] * 2, [{}] * 2, finished=lambda: 0, log=lines.append) as processes:
        supervise(processes, lambda: len(lines) == 2)
    assert processes.pids == []
