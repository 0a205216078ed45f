"""What `status --watch` shows where there is no terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import open_storage
from study.cli.console import Messages
from study.cli.live_status import follow, status_rows
from study.config import read_config
from study.problem import Search
from study.records.open_study import create_or_open


def test_no_header_and_no_name_is_cut_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against headers such as `tot…`, which eighty characters of an output without a terminal leave."""
    storage = open_storage(tmp_path / "studies.db")
    name = "a-study-whose-name-is-as-long-as-the-line-of-a-terminal-and-longer-than-that-by-far"
    create_or_open(Search.of(read_config({"data": "iris", "name": name})), storage)
    asked = iter([False, True, True])
    follow(storage, Messages(), "table", stop=lambda: next(asked))
    storage_rows = status_rows(storage)
    storage.close()
    header, row, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == list(storage_rows[0])
    assert row.split()[0] == name
