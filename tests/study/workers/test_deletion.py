"""What goes with a deleted study, and what stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import CohortStorage, open_storage
from study.config import read_config
from study.problem import Search
from study.records.attributes import CONFIG
from study.records.naming import first_name, rename
from study.records.open_study import OpenStudy, create_or_open
from study.workers.checkpoints import Checkpoints
from study.workers.deletion import delete_study


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[CohortStorage]:
    opened = open_storage(tmp_path / "reluctant.db")
    yield opened
    opened.close()


def started(storage: CohortStorage) -> OpenStudy:
    return create_or_open(Search.of(read_config({"data": "iris", "trials": 1, "name": "s"})), storage)


def checkpoint(study: OpenStudy, folder: Path) -> Path:
    """An empty file, called as the study's checkpoints are."""
    name = first_name(study.storage, study.study_id, study.name)
    path = Checkpoints(folder, study.study_id, name, study.problem, every=1, log=print).path(0, "a" * 32)
    folder.mkdir(exist_ok=True)
    path.touch()
    return path


@pytest.mark.filterwarnings("ignore:the study that was called 's' is now 'former'")
def test_a_study_of_its_former_name_keeps_its_checkpoints(storage: CohortStorage, tmp_path: Path) -> None:
    folder = tmp_path / "reluctant.db.checkpoints"
    former = started(storage)
    rename(storage, former.study_id, "former")
    again = started(storage)
    assert again.problem.identity == former.problem.identity
    gone, kept = checkpoint(former, folder), checkpoint(again, folder)
    delete_study(storage, former.study_id)
    assert (gone.exists(), kept.exists()) == (False, True)
    delete_study(storage, again.study_id)
    assert not folder.exists()


def test_a_folder_that_a_user_named_stays(storage: CohortStorage, tmp_path: Path) -> None:
    """A study does not know of it; an attribute that somebody set names no folder to delete in."""
    study = started(storage)
    beside, named = (checkpoint(study, tmp_path / name) for name in ("reluctant.db.checkpoints", "named"))
    config = storage.get_study_system_attrs(study.study_id)[CONFIG]
    assert "checkpoints" not in config
    storage.set_study_attrs(study.study_id, system_attrs={CONFIG: config | {"checkpoints": str(tmp_path / "named")}})
    delete_study(storage, study.study_id)
    assert (beside.exists(), named.exists()) == (False, True)
