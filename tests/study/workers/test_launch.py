"""Workers as they were asked for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from study.config import StudyConfig
from study.workers import launch as launching
from study.workers.launch import launch, thread_shares


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, "here"), ({"workers": 3}, "processes"), ({"ray": "auto"}, "ray"), ({"ray": "auto", "workers": 3}, "ray")],
)
def test_workers_run_where_the_configuration_has_them(
    options: dict[str, Any], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search and a comparison come the same way: nothing of the problem is asked but its configuration."""
    went: list[str] = []

    def way(name: str) -> Any:
        return lambda *arguments, **named: went.append(name) or True

    monkeypatch.setattr(launching, "work", way("here"))
    monkeypatch.setattr(launching, "_launch_here", way("processes"))
    monkeypatch.setattr(launching, "launch_on_ray", way("ray"))
    monkeypatch.setattr(launching, "Observer", lambda study, report: SimpleNamespace(complete=True))
    study: Any = SimpleNamespace(problem=SimpleNamespace(config=StudyConfig(**options)))
    assert launch(study)
    assert went == [expected]


def test_threads_are_shared_out_whole() -> None:
    assert [thread_shares(threads, workers) for threads, workers in ((16, 3), (4, 4), (1, 3))] == [
        [6, 5, 5],
        [1, 1, 1, 1],
        [1, 1, 1],
    ]
