"""What is printed for people."""

from __future__ import annotations

from functools import partial

import pytest

from study.cli.console import Messages, ProgressView, print_rows
from study.config import StudyConfig
from study.objectives import shown_values
from study.workers.worker import StudyProgress


@pytest.mark.parametrize(
    ("others", "figures"), [(0, "2.0 trials/s · 20 s left"), (30, "2.0 trials/s of 8.0 with all workers · 5 s left")]
)
def test_what_is_left_is_divided_by_the_rate_of_all_workers(
    others: int, figures: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("study.cli.console.time.monotonic", lambda: now)
    view = ProgressView(Messages(), shown=lambda values: [f"accuracy {values[0]}"], reference=[0.5], quiet=False)
    view(StudyProgress(done=10, total=60 + others, trained=0, best=[]))
    now = 105.0
    view(StudyProgress(done=20 + others, total=60 + others, trained=10, best=[]))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "starting"
    assert second == f"{20 + others} of {60 + others} trials · {figures}"


def test_an_error_is_shown_positive(capsys: pytest.CaptureFixture[str]) -> None:
    config = StudyConfig(task="regression", metric="rmse")
    view = ProgressView(Messages(), shown=partial(shown_values, config), reference=[-1.0, 0.0], quiet=False)
    view(StudyProgress(done=1, total=1, trained=0, best=[(-0.25, 0.5)]))
    assert "best clamped_rmse 0.2500" in capsys.readouterr().err


def test_a_table_is_never_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [{f"a_long_header_{index}": "value" * index for index in range(12)}]
    print_rows(rows, "table")
    header, values = capsys.readouterr().out.splitlines()
    assert header.split() == list(rows[0])
    assert values.split() == [value for value in rows[0].values() if value]
