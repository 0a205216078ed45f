"""Studies renamed and deleted as a whole: every row of them, on SQLite and PostgreSQL, under running workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from storage import CohortStorage, StudyDeletedError, StudyNameTakenError, StudyNotFoundError, open_storage
from storage.tables import METADATA, STUDIES, models


@pytest.fixture
def place(either_place):
    return either_place


def rows_of(storage: CohortStorage) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, sorted."""
    tables = [*models.BaseModel.metadata.sorted_tables, *METADATA.sorted_tables]
    with storage.engine.connect() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}


@pytest.fixture
def trained(storage: CohortStorage, study_id: int, make_block: Callable, make_result: Callable) -> int:
    """A study with finished, claimed and waiting trials, a lost one, layers, curves, test results, and attributes."""
    storage.set_study_attrs(study_id, user_attrs={"data": "digits"}, system_attrs={"reluctant:config": {"name": "x"}})
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 4, cohort=make_block(0, 6))
        storage.finish(worker, [make_result(trial) for trial in claimed[:2]])
        storage.abandon(worker, "its worker died")
    return study_id


def test_a_renamed_study_keeps_every_row(storage, trained):
    before = rows_of(storage)
    storage.rename_study(trained, "numbers")
    after = rows_of(storage)
    changed = {name for name, rows in after.items() if rows != before[name]}
    assert changed == {STUDIES.name, "study_system_attributes"}
    assert len(set(after["study_system_attributes"]) - set(before["study_system_attributes"])) == 1
    assert set(before["study_system_attributes"]) <= set(after["study_system_attributes"])
    assert storage.study_id("numbers") == trained
    assert storage.names_of(trained) == ["digits", "numbers"]


def test_attributes_change_in_the_same_transaction(storage, trained):
    storage.rename_study(trained, "numbers", lambda attributes: {"a": {**attributes["reluctant:config"], "b": 1}})
    assert storage.study_attr(trained, "a") == {"name": "x", "b": 1}
    with pytest.raises(ZeroDivisionError):
        storage.rename_study(trained, "third", lambda attributes: {"a": 1 / 0})
    assert storage.names_of(trained) == ["digits", "numbers"]


def test_who_asks_for_the_former_name_is_told_the_present_one(storage, trained):
    storage.rename_study(trained, "numbers")
    storage.rename_study(trained, "figures")
    for former in ("digits", "numbers"):
        with pytest.raises(StudyNotFoundError, match=f"no study '{former}' in .*: it was renamed to 'figures'"):
            storage.study_id(former)
    # A new study may have the name that has become free.
    again, created = storage.create_or_get_study("digits", ["maximize"])
    assert created
    assert storage.study_id("digits") == again
    storage.delete_study(again)
    storage.rename_study(trained, "digits")
    assert storage.names_of(trained) == ["digits", "numbers", "figures", "digits"]
    assert storage.study_id("digits") == trained


def test_a_name_that_is_taken_is_refused(storage, trained):
    storage.create_or_get_study("other", ["maximize"])
    before = rows_of(storage)
    for name in ("other", "digits"):
        with pytest.raises(StudyNameTakenError, match=f"there is a study '{name}' in .* already"):
            storage.rename_study(trained, name)
    for name in ("", "x" * 513):
        with pytest.raises(ValueError, match="1 to 512 characters"):
            storage.rename_study(trained, name)
    with pytest.raises(StudyDeletedError):
        storage.rename_study(trained + 17, "nothing")
    assert rows_of(storage) == before


def test_a_worker_goes_on_under_the_new_name(place, storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 2, cohort=make_block(0, 4))
        other = open_storage(place)
        other.rename_study(study_id, "numbers")
        other.close()
        worker.check()
        assert storage.finish(worker, [make_result(trial) for trial in claimed]) == []
        assert len(storage.claim(worker, 2)) == 2
    assert [trial.state.name for trial in storage.read_trials(study_id)] == ["COMPLETE"] * 2 + ["WAITING"] * 2


def test_a_deleted_study_leaves_no_row(storage, trained, make_block):
    kept = storage.create_or_get_study("kept", ["maximize", "maximize"])[0]
    with storage.worker(kept) as worker:
        storage.claim(worker, 2, cohort=make_block(0, 3))
        storage.release(worker)
    with_both = rows_of(storage)
    storage.delete_study(trained)
    after = rows_of(storage)
    assert storage.traces_of_deletion() == []
    assert storage.names_of(trained) == []
    assert len(storage.read_trials(kept)) == 3
    trials = {trial._trial_id for trial in storage.read_trials(kept)}
    with storage.engine.connect() as connection:
        for table in [*models.BaseModel.metadata.sorted_tables, *METADATA.sorted_tables]:
            for column, owners in (("study_id", {kept}), ("trial_id", trials)):
                if column in table.c:
                    assert set(connection.execute(select(table.c[column])).scalars()) <= owners, table.name
    assert sum(map(len, after.values())) < sum(map(len, with_both.values()))
