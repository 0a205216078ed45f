from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState
from sqlalchemy import insert

from storage import open_storage
from storage.tables import TRIALS
from study.cli.doctor import examine


def test_a_missing_database_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert examine(str(tmp_path / "reluctant.db"))
    assert f"database           there is no database {tmp_path}" in capsys.readouterr().out


def test_a_sound_database_is_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_storage(tmp_path / "reluctant.db").close()
    assert examine(str(tmp_path / "reluctant.db"))
    assert "integrity          ok" in capsys.readouterr().out


def test_trials_without_a_study_are_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storage = open_storage(tmp_path / "reluctant.db")
    with storage.engine.begin() as connection:
        connection.execute(insert(TRIALS), {"number": 0, "study_id": 7, "state": TrialState.WAITING})
    storage.close()
    assert not examine(str(tmp_path / "reluctant.db"))
    assert (
        "integrity          trials of a study that was deleted while it was trained are left (1)"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize("content", [b"", b"this is no database at all"])
def test_a_file_that_cannot_be_used_is_a_fault_whatever_it_is_called(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no database"
    path.write_bytes(content)
    assert not examine(str(path))


def test_a_missing_folder_is_a_fault(tmp_path: Path) -> None:
    assert not examine(str(tmp_path / "missing" / "reluctant.db"))
