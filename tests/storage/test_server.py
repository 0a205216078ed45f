"""PostgreSQL with other defaults, with time limits, with no connection left, or in the hands of another process."""

from __future__ import annotations

import contextlib
import threading
import time

import psycopg
import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from reluctant.errors import ReluctantWarning
from reluctant.exit_codes import CONTACT_LOST
from storage import (
    StorageAwayError,
    StorageBusyError,
    StorageError,
    StorageFullError,
    StorageUnreachableError,
    open_storage,
)
from storage.driver_errors import of_server, translated
from storage.transactions import snapshot, writing

_LOCK = "SELECT pg_advisory_lock(7367736)"


@pytest.fixture
def place(postgres_url):
    return postgres_url


@pytest.fixture
def database(place):
    return place.rpartition("/")[2]


def session(place):
    """A session of another program."""
    return psycopg.connect(place.replace("+psycopg", ""), autocommit=True, application_name="psql")


@pytest.fixture
def role(postgres_server, database):
    """The URL of the database for a user who has rights and one connection less than a worker needs."""
    name = f"few_{database}"
    postgres_server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'few' CONNECTION LIMIT 2")
    postgres_server.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}", database)
    postgres_server.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}", database)
    return f"postgresql+psycopg://{name}:few@127.0.0.1:{postgres_server.port}/{database}"


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_the_isolation_of_every_transaction_is_ours(postgres_server, place, database, make_block, level):
    postgres_server.execute(f"ALTER DATABASE {database} SET default_transaction_isolation = '{level}'")
    storage = open_storage(place)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    shown = text("SHOW transaction_isolation")
    with writing(storage.engine) as connection:
        assert connection.execute(shown).scalar() == "read committed"
    assert storage.scoped_session().execute(shown).scalar() == "read committed"  # Optuna's own
    storage.remove_session()
    with snapshot(storage.engine) as connection:
        assert connection.execute(shown).scalar() == "repeatable read"
    # Whoever waits for another's transaction on a study sees what that one wrote.
    inserted = []
    waiting = threading.Thread(target=lambda: inserted.append(storage.propose(study_id, make_block(0, 2))))
    with writing(storage.engine, study_id) as connection:
        waiting.start()
        time.sleep(0.5)
        connection.execute(text(f"INSERT INTO trials (number, study_id, state) VALUES (0, {study_id}, 'WAITING')"))
    waiting.join()
    assert inserted == [False]
    assert storage.count_by_state(study_id)[TrialState.WAITING] == 1
    storage.close()


def test_no_session_waits_for_ever_where_the_server_sets_no_limit(place):
    storage = open_storage(place)
    limits = {"lock_timeout": "1min", "idle_in_transaction_session_timeout": "30s"}
    for name, limit in limits.items():
        shown = text(f"SHOW {name}")
        with writing(storage.engine) as connection:
            assert connection.execute(shown).scalar() == limit
        assert storage.scoped_session().execute(shown).scalar() == limit  # Optuna's own
        storage.remove_session()
    storage.close()


def test_a_process_that_stops_in_a_transaction_does_not_hold_up_the_others(place, make_block):
    storage = open_storage(place)
    hanging = open_storage(f"{place}?options=-c%20idle_in_transaction_session_timeout%3D500ms")
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])

    def hang():
        with writing(hanging.engine, study_id) as connection:
            began = time.monotonic()
            assert storage.propose(study_id, make_block(0, 2))
            assert 0.3 < time.monotonic() - began < 10
            connection.execute(text("SELECT 1"))

    with pytest.raises(StorageUnreachableError, match="had been idle"):
        hang()
    hanging.close()
    storage.close()


@pytest.mark.parametrize(
    ("setting", "kind", "said"),
    [
        ("lock_timeout = '200ms'", StorageBusyError, "waited for a lock .* longer than lock_timeout allows"),
        ("statement_timeout = '300ms'", StorageBusyError, "stopped a statement .* raise statement_timeout"),
    ],
)
def test_time_limits_of_the_server_are_named(postgres_server, place, database, make_block, setting, kind, said):
    postgres_server.execute(f"ALTER DATABASE {database} SET {setting}")
    storage = open_storage(place)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    with session(place) as other, other.transaction():
        other.execute("SELECT * FROM studies FOR UPDATE")
        with pytest.raises(kind, match=said):
            storage.propose(study_id, make_block(0, 2))
    assert storage.propose(study_id, make_block(0, 2))
    storage.close()


def test_a_transaction_that_idles_too_long_was_not_written(postgres_server, place, database):
    postgres_server.execute(f"ALTER DATABASE {database} SET idle_in_transaction_session_timeout = '200ms'")
    storage = open_storage(place)

    def idle(value, trials):
        time.sleep(0.6)
        return "changed"

    study_id, _ = storage.create_or_get_study("digits", ["maximize"])
    with pytest.raises(StorageUnreachableError, match="idle for longer than the server allows"):
        storage.change_study_attr(study_id, "key", idle)
    assert storage.study_attr(study_id, "key") is None
    storage.close()


def test_errors_of_optunas_own_sessions_are_translated_too(postgres_server, place, database):
    storage = open_storage(place)
    study_id, _ = storage.create_or_get_study("digits", ["maximize"])
    storage.remove_session()
    postgres_server.execute(f"ALTER DATABASE {database} SET lock_timeout = '200ms'")
    storage.engine.dispose()
    with session(place) as other, other.transaction():
        other.execute("LOCK TABLE study_user_attributes")
        with pytest.raises(StorageBusyError, match="lock_timeout"), translated("there"):
            storage.set_study_user_attr(study_id, "key", 1)
    storage.close()


def test_a_server_that_takes_no_writes_is_named(postgres_server, place, database):
    postgres_server.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    storage = open_storage(place)
    with pytest.raises(StorageError, match=r"takes no writes: .*lift default_transaction_read_only"):
        storage.create_or_get_study("digits", ["maximize"])
    assert storage.get_all_studies() == []
    storage.close()


def test_a_database_that_is_dropped_while_open_is_gone(postgres_server, place, database):
    storage = open_storage(place)
    postgres_server.execute(f"DROP DATABASE {database} WITH (FORCE)")
    with pytest.raises(StorageError, match="no longer exists"):
        storage.create_or_get_study("digits", ["maximize"])
    storage.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("40001", StorageBusyError),
        ("40P01", StorageBusyError),
        ("53100", StorageFullError),
        ("53200", StorageUnreachableError),
        ("57P05", StorageUnreachableError),
        ("08006", StorageUnreachableError),
    ],
)
def test_codes_of_errors(code, kind):
    error = of_server(psycopg.errors.lookup(code)("what the server said"), "there")
    assert type(error) is kind
    assert str(error).startswith("there ")


def test_an_opening_that_waits_says_for_whom_and_gives_up(postgres_server, monkeypatch):
    monkeypatch.setattr("storage.waiting._SILENT_WAIT", 0.2)
    monkeypatch.setattr("storage.waiting._LONGEST_WAIT", 1.0)
    place = postgres_server.url(postgres_server.new_database())
    with session(place) as other:
        other.execute(_LOCK)
        with (
            pytest.warns(ReluctantWarning, match=r"waiting for psql of user reluctant at 127.0.0.1.* \(server process"),
            pytest.raises(StorageAwayError, match=r"still being created .* by psql of user") as caught,
        ):
            open_storage(place)
        assert caught.value.exit_code == CONTACT_LOST
    open_storage(place).close()


def test_a_complete_database_is_opened_without_waiting(place):
    with session(place) as other:
        other.execute(_LOCK)
        began = time.monotonic()
        open_storage(place).close()
        assert time.monotonic() - began < 4.0


def test_a_full_server_is_away_and_comes_back(role, make_block):
    storage = open_storage(role)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    storage.engine.dispose()
    with contextlib.ExitStack() as others:
        for _ in range(2):
            others.enter_context(session(role))
        with pytest.raises(StorageAwayError, match="too many connections") as caught:
            open_storage(role)
        assert caught.value.exit_code == CONTACT_LOST
        with pytest.raises(StorageUnreachableError, match="too many connections"):
            storage.propose(study_id, make_block(0, 2))
        with pytest.raises(StorageUnreachableError, match="too many connections"):
            storage.worker(study_id)
    with storage.worker(study_id) as worker:
        assert len(storage.claim(worker, 2, cohort=make_block(0, 2))) == 2
    storage.close()


@pytest.mark.parametrize("level", ["sorry, too many clients already", "remaining connection slots are reserved for x"])
def test_what_a_full_server_says_is_no_refusal(monkeypatch, place, level):
    def full(*arguments, **options):
        raise psycopg.OperationalError(f"connection failed: FATAL:  {level}")

    monkeypatch.setattr("psycopg.connect", full)
    with pytest.raises(StorageAwayError, match=level):
        open_storage(place)
