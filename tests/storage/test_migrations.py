"""Tables of earlier versions are brought up to date, and hold texts of any length."""

from __future__ import annotations

import warnings

import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from reluctant.errors import ReluctantWarning
from storage import Curve, StorageError, open_storage

# The columns whose length version 1 limited, and by how much.
LIMITS = {
    "workers": {"token": 64, "host": 255},
    "beats": {"token": 64, "server": 64},
    "leases": {"token": 64},
    "losses": {"token": 64, "reason": 64},
    "finishes": {"token": 64},
    "curves": {"name": 128},
}


@pytest.fixture
def place(either_place):
    return either_place


@pytest.fixture
def of_version_1(place):
    """A database as version 1 created it."""
    storage = open_storage(place)
    with storage.engine.begin() as connection:
        connection.execute(text("UPDATE reluctant_schema SET version = 1"))
        connection.execute(text("ALTER TABLE reluctant_beats DROP COLUMN version"))
        if storage.engine.dialect.name == "postgresql":
            for table, columns in LIMITS.items():
                changes = ", ".join(f"ALTER COLUMN {name} TYPE VARCHAR({size})" for name, size in columns.items())
                connection.execute(text(f"ALTER TABLE reluctant_{table} {changes}"))
    storage.close()
    return place


def write_the_longest(storage, study_id, make_block, make_result, monkeypatch):
    """Write the longest text that anything may have."""
    monkeypatch.setattr("socket.gethostname", lambda: "h" * 300)
    with storage.worker(study_id, details={"processor": "p" * 5000}) as worker:
        (first, second) = storage.claim(worker, 2, cohort=make_block(0, 2))
        curves = [Curve(0, "c" * 500, [1.0])]
        attributes = {"k" * 512: "v" * 20_000}
        assert storage.finish(worker, [make_result(first, curves=curves, user_attrs=attributes)]) == []
        assert storage.abandon(worker, "r" * 5000) == [second.number]
    with storage.worker(study_id) as worker:
        (again,) = storage.claim(worker, 1)
        assert storage.finish(worker, [make_result(again, values=None, failure="f" * 20_000)]) == []
    assert [loss["reason"] for loss in storage.losses(study_id)] == ["r" * 5000]
    assert storage.workers(study_id)[0]["host"] == "h" * 300
    assert "c" * 500 in {row["name"] for row in storage.learning_curves(study_id)}
    assert storage.read_trials(study_id)[1].state is TrialState.FAIL


def test_the_longest_of_everything_is_kept(storage, study_id, make_block, make_result, monkeypatch):
    write_the_longest(storage, study_id, make_block, make_result, monkeypatch)


def test_tables_of_version_1_are_brought_up_to_date_once(of_version_1, make_block, make_result, monkeypatch):
    with pytest.warns(ReluctantWarning, match="its tables were brought from version 1 to 3, and all that they hold is"):
        storage = open_storage(of_version_1, create=False)
    assert storage.schema_versions()["reluctant"] == "3"
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    write_the_longest(storage, study_id, make_block, make_result, monkeypatch)
    storage.close()
    open_storage(of_version_1).close()  # without a warning, which would be an error here


def test_a_worker_of_an_earlier_version_ends_and_releases_its_trials(of_version_1, make_block, make_result):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReluctantWarning)
        storage = open_storage(of_version_1)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    with storage.worker(study_id) as worker, storage.worker(study_id) as earlier:
        (claimed,) = storage.claim(worker, 1, cohort=make_block(0, 2))
        storage.claim(earlier, 1)
        with storage.engine.begin() as connection:
            connection.execute(text(f"UPDATE reluctant_beats SET version = NULL WHERE token = '{earlier.token}'"))
        with pytest.raises(StorageError, match=r"cannot be read or written .*a newer reluctant .* start it again with"):
            earlier._renew()
        earlier.close()
        assert storage.count_by_state(study_id)[TrialState.WAITING] == 1
        assert storage.finish(worker, [make_result(claimed)]) == []
    assert storage.losses(study_id) == []
    storage.close()
