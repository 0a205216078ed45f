"""A database that cannot be used is refused with an explanation, and nothing is written."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import optuna
import pytest
from sqlalchemy import event

from reluctant.errors import ReluctantWarning
from reluctant.exit_codes import CONTACT_LOST
from storage import (
    StorageAwayError,
    StorageError,
    StorageFullError,
    StorageMissingError,
    StorageRefusedError,
    open_storage,
    share_like,
    sqlite_file,
)
from storage.flock import exclusive
from storage.lock_records import LockRecord
from storage.mounts import Mount


def everything_in(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def test_opening_a_file_twice_leaves_it_its_locks(tmp_path: Path) -> None:
    """Without them another process takes itself for the last one, and deletes the log that this one writes to."""
    path = tmp_path / "a.db"
    first = open_storage(path)
    first.create_or_get_study("digits", ["maximize"])
    with first.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1 FROM studies").all()
        open_storage(path).close()
        other = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM studies'); c.close()"
        subprocess.run([sys.executable, "-c", other, path], check=True, timeout=60)
        assert path.with_name("a.db-wal").exists()
    first.close()


def refused(given: object, text: str, folder: Path, **options: object) -> None:
    before = everything_in(folder)
    with pytest.raises(StorageRefusedError, match=text) as caught:
        open_storage(str(given), **options)
    assert "\n" not in str(caught.value)
    assert everything_in(folder) == before


@pytest.fixture
def existing(path):
    storage = open_storage(path)
    storage.create_or_get_study("digits", ["maximize"])
    storage.close()
    return path


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_name_is_needed(tmp_path):
    refused("", "no name", tmp_path)
    refused("   ", "no name", tmp_path)


def test_a_missing_file_is_created_only_where_asked(tmp_path, path):
    refused(path, "there is no database .*reluctant.db; `reluctant run` creates one", tmp_path, create=False)
    open_storage(path).close()
    open_storage(path, create=False).close()


def test_an_empty_file_is_as_good_as_none(tmp_path, path):
    path.touch()
    refused(path, "is empty: no study was ever stored", tmp_path, create=False)
    storage = open_storage(path)
    assert storage.create_or_get_study("digits", ["maximize"])[1]
    storage.close()


def test_a_missing_folder(tmp_path):
    refused(tmp_path / "there" / "reluctant.db", "there is no folder .*there for reluctant.db; mkdir -p", tmp_path)


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "reluctant.db", "there is no folder", tmp_path)


def test_a_folder(tmp_path):
    refused(tmp_path, "is a folder; a database is a file", tmp_path)


def test_a_device(tmp_path):
    refused("/dev/null", "is no regular file", tmp_path)


def test_a_name_that_no_file_can_have(tmp_path):
    refused(tmp_path / ("x" * 300), "File name too long", tmp_path)
    refused(tmp_path / "what?.db", "question mark", tmp_path)
    refused(tmp_path / os.fsdecode(b"what\xff.db"), r"what\\udcff.db' is no text in UTF-8, .* rename", tmp_path)


def test_a_text_file(tmp_path, path):
    path.write_text("trial,accuracy\n0,0.5\n" * 100)
    refused(path, "is not an SQLite database", tmp_path)


@pytest.mark.parametrize("size", [100, 5000, 40960])
def test_a_truncated_database(tmp_path, existing, size):
    os.truncate(existing, size)
    refused(existing, "is corrupt", tmp_path)


@pytest.mark.parametrize("at", [20, 100, 4096, 20000])
def test_an_overwritten_database(tmp_path, existing, at):
    with existing.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * 4096)
    refused(existing, "is corrupt", tmp_path)


def test_another_programs_database(tmp_path, path):
    execute(path, "CREATE TABLE customers (name TEXT)")
    refused(path, "another program's database .*'customers'", tmp_path)


def test_another_programs_database_with_a_table_of_our_names(tmp_path, path):
    execute(path, "CREATE TABLE studies (name TEXT)", "CREATE TABLE patients (name TEXT)")
    refused(path, "another program's database .*'patients'", tmp_path)


def test_a_newer_optuna(tmp_path, existing):
    execute(existing, "UPDATE alembic_version SET version_num = 'v9.0.0.a'")
    refused(existing, "newer Optuna .*v9.0.0.a.*upgrade Optuna", tmp_path)


def test_an_older_optuna(tmp_path, existing):
    execute(existing, "UPDATE alembic_version SET version_num = 'v3.0.0.d'")
    refused(existing, "older Optuna .*v3.0.0.d.*optuna storage upgrade", tmp_path)


def test_a_newer_reluctant(tmp_path, existing):
    execute(existing, "UPDATE reluctant_schema SET version = 99")
    refused(existing, "newer reluctant .*99.*upgrade reluctant", tmp_path)


@pytest.fixture
def as_a_user():
    """Root may write everywhere, so root looks with the eyes of another user."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def public_folder():
    """Pytest's own folders are closed to other users."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        open_storage(folder / "reluctant.db").close()
        folder.chmod(0o777)
        yield folder
        folder.chmod(0o700)


def test_a_read_only_file(public_folder, request):
    (public_folder / "reluctant.db").chmod(0o444)
    request.getfixturevalue("as_a_user")
    refused(public_folder / "reluctant.db", "reluctant.db is read-only for this user; chmod", public_folder)


@pytest.mark.parametrize(("home", "name"), [(os, "access"), (sqlite_file, "_check_names")])
def test_a_file_that_is_moved_away_while_it_is_looked_at_is_missing(tmp_path, monkeypatch, home, name):
    path = tmp_path / "reluctant.db"
    open_storage(path).close()
    check = getattr(home, name)

    def after_a_move(checked, *arguments, **options):
        if Path(checked) == path:
            path.rename(path.with_suffix(".moved"))
        return check(checked, *arguments, **options)

    monkeypatch.setattr(home, name, after_a_move)
    with pytest.raises(StorageMissingError, match="there is no database"):
        open_storage(path, create=False)


def test_a_read_only_folder(public_folder, request):
    (public_folder / "reluctant.db").chmod(0o666)
    public_folder.chmod(0o555)
    request.getfixturevalue("as_a_user")
    refused(public_folder / "reluctant.db", "the folder .* is read-only for this user", public_folder)
    refused(public_folder / "new.db", "the folder .* is read-only for this user", public_folder)


def test_whoever_may_use_the_database_may_work_beside_others(public_folder, make_block, make_result, request):
    path = public_folder / "reluctant.db"
    path.chmod(0o666)
    storage = open_storage(path)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    with storage.worker(study_id) as worker:
        storage.claim(worker, 1, cohort=make_block(0, 2))
        folder = public_folder / "reluctant.db.workers"
        assert [stat.S_IMODE(entry.stat().st_mode) for entry in (folder, folder / worker.token)] == [0o777, 0o666]
        request.getfixturevalue("as_a_user")
        theirs = open_storage(path)
        with theirs.worker(study_id) as other:
            claimed = theirs.claim(other, 1)
            assert theirs.living_workers(study_id) == {worker.token, other.token}
            assert theirs.finish(other, [make_result(trial) for trial in claimed]) == []
        theirs.close()
    storage.close()


@pytest.mark.parametrize(("mode", "of_folder"), [(0o660, 0o770), (0o600, 0o700), (0o644, 0o755)])
def test_what_lies_beside_a_database_has_its_permissions(tmp_path, existing, mode, of_folder):
    existing.chmod(mode)
    folder = tmp_path / "reluctant.db.workers"
    folder.mkdir(mode=0o711)
    share_like(folder, existing)
    assert stat.S_IMODE(folder.stat().st_mode) == of_folder


@pytest.mark.parametrize(
    "kind",
    [
        *("nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "gpfs", "9p", "drvfs", "virtiofs", "fuse.ceph-fuse"),
        *("vboxsf", "vmhgfs", "fuse.vmhgfs-fuse", "mfs", "fuse.mfs", "wekafs"),
    ],
)
def test_a_network_file_system(tmp_path, path, kind):
    mounts = [Mount(Path("/"), "ext4"), Mount(tmp_path, kind)]
    text = rf"share.*\({kind} at .*postgresql\+psycopg://"
    refused(path, text, tmp_path, mounts=mounts)
    open_storage(path, mounts=[Mount(Path("/"), kind), Mount(tmp_path, "ext4")]).close()


def test_a_file_with_a_second_name(tmp_path, existing):
    os.link(existing, tmp_path / "second.db")
    for name in (existing, tmp_path / "second.db"):
        refused(name, "is one of 2 hard links to one file.*find .* -samefile", tmp_path)
    (tmp_path / "second.db").unlink()
    (tmp_path / "second.db").symlink_to(existing)  # resolved to the one name
    storage = open_storage(tmp_path / "second.db")
    assert storage.file == existing
    storage.close()


def test_a_file_that_is_mounted_alone(tmp_path, existing):
    mounts = [Mount(Path("/"), "ext4"), Mount(existing, "ext4")]
    refused(existing, "is mounted as a single file.*mount the folder that holds it instead", tmp_path, mounts=mounts)


def test_urls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused("sqlite:///there/reluctant.db", "there is no folder", tmp_path)
    refused("sqlite:///a.db?mode=ro", "carries SQLite options", tmp_path)
    refused("reddis://host/db", "unknown kind of database 'reddis'", tmp_path)
    refused("postgresql+psycoppg://host/db", "unknown kind of database", tmp_path)
    refused("postgresql://me:s3cret@host:port/db", "no storage URL", tmp_path)
    open_storage("sqlite:///reluctant.db").close()
    assert (tmp_path / "reluctant.db").exists()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (
            "postgresql+psycopg://me:s3cret@127.0.0.1:9/db",
            "me:.*@127.0.0.1:9/db.*(not installed|check that the server)",
        ),
        ("postgresql+psycopg2://me:s3cret@127.0.0.1:9/db", r"(not installed|cannot reach)"),
        ("mysql+nodriver://me:s3cret@host/db", "unknown kind of database"),
        ("postgresql://me:s3cret@host:port/db", "no storage URL"),
    ],
)
def test_a_password_is_never_shown(tmp_path, url, text):
    with pytest.raises(StorageRefusedError, match=text) as caught:
        open_storage(url)
    assert "s3cret" not in str(caught.value)


def test_a_path_may_have_any_other_character(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    storage = open_storage("~/a {b} 50% ü #1.db")
    storage.create_or_get_study("digits", ["maximize"])
    storage.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a {b} 50% ü #1.db"]


def test_a_database_of_stock_optuna_gets_the_tables_of_reluctant(path):
    stock = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(study_name="theirs", storage=stock)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    stock.remove_session()
    stock.engine.dispose()
    storage = open_storage(path, create=False)
    assert len(storage.read_trials(storage.study_id("theirs"))) == 2
    assert storage.schema_versions()["reluctant"] == "3"
    storage.close()


def test_a_file_that_vanishes_while_it_is_opened_is_not_created(tmp_path, existing, monkeypatch):
    connect = sqlite_file._connect

    def vanish(path, **options):
        path.rename(tmp_path / "elsewhere.db")
        return connect(path, **options)

    monkeypatch.setattr(sqlite_file, "_connect", vanish)
    with pytest.raises(StorageError, match="check that the file is still there"):
        open_storage(existing)
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.db"]


def test_a_creation_that_was_killed_is_completed(path):
    open_storage(path).close()
    execute(path, "DROP TABLE reluctant_leases", "DELETE FROM reluctant_schema", "DELETE FROM alembic_version")
    storage = open_storage(path)
    assert storage.schema_versions() == {"optuna": "v3.2.0.a", "reluctant": "3"}
    storage.close()


def test_an_opening_that_waits_says_for_whom_and_gives_up(tmp_path, path, monkeypatch):
    monkeypatch.setattr("storage.waiting._SILENT_WAIT", 0.2)
    monkeypatch.setattr("storage.waiting._LONGEST_WAIT", 0.6)
    lock = path.with_name(".reluctant.db.lock")
    with (
        exclusive(lock, content=LockRecord.of(path).to_bytes(), pause=lambda: None),
        pytest.warns(ReluctantWarning, match=rf"waiting for process {os.getpid()} on .*, which creates the tables of"),
        pytest.raises(StorageAwayError, match="is still being created") as caught,
    ):
        open_storage(path)
    assert caught.value.exit_code == CONTACT_LOST
    assert list(tmp_path.iterdir()) == []
    open_storage(path).close()


def test_a_creation_that_fails_leaves_nothing(tmp_path, path, monkeypatch):
    def fail(*arguments: object, **options: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("storage.sqlite_file._connect", fail)
    with pytest.raises(StorageFullError, match=r"no room left to write .*reluctant.db"):
        open_storage(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_offers_no_locks(url, make_block):
    storage = open_storage(url)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    assert storage.propose(study_id, make_block(0, 3))
    with pytest.raises(StorageError, match=r"no place for the locks .* use a SQLite file"):
        storage.worker(study_id)
    storage.close()


def test_connections_are_durable(storage, path):
    with storage.engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000
    copy = pickle.loads(pickle.dumps(storage))
    with copy.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    copy.close()


def test_the_file_alone_holds_everything_after_close(tmp_path, path, make_block, make_result):
    storage = open_storage(path)
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    reader = sqlite3.connect(path)  # somebody else has it open
    reader.execute("SELECT * FROM studies").fetchall()
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 8, cohort=make_block(0, 8))
        storage.finish(worker, [make_result(trial) for trial in claimed])
    expected = storage.read_trials(study_id), storage.layer_measures(study_id)
    storage.close()
    shutil.copy(path, tmp_path / "copy.db")
    reader.close()
    copy = open_storage(tmp_path / "copy.db", create=False)
    assert (copy.read_trials(study_id), copy.layer_measures(study_id)) == expected
    assert copy.integrity_check() == []
    copy.close()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["copy.db", "reluctant.db"]


def test_a_backup_is_whole_while_a_plain_copy_is_not(storage, study_id, path, tmp_path, make_block):
    storage.propose(study_id, make_block(0, 8))
    storage.backup(tmp_path / "copy.db")
    assert not list(tmp_path.glob(".copy*"))
    copy = open_storage(tmp_path / "copy.db", create=False)
    assert copy.read_trials(study_id) == storage.read_trials(study_id)
    assert copy.integrity_check() == []
    copy.close()
    with pytest.raises(StorageRefusedError, match=r"copy\.db exists already; name a new file"):
        storage.backup(tmp_path / "copy.db")
    with pytest.raises(StorageRefusedError, match=r"there is no folder .*missing for copy\.db; mkdir -p"):
        storage.backup(tmp_path / "missing" / "copy.db")


def test_a_backup_of_a_corrupt_file_blames_that_file(storage, path, tmp_path):
    storage.close()
    damaged = bytearray(path.read_bytes())
    opened = open_storage(path, create=False)
    opened.engine.dispose()  # a connection that has read the header does not read it again
    damaged[:100] = bytes(range(100))
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match=r"reluctant\.db is corrupt \(.*; restore a copy"):
        opened.backup(tmp_path / "copy.db")
    opened.close()
    assert not list(tmp_path.glob("*copy*"))


def test_a_backup_that_has_no_room_blames_the_copy(storage, path, tmp_path, monkeypatch):
    opened = sqlite3.connect

    def small(target):
        connection = opened(target)
        connection.execute("PRAGMA max_page_count = 1")
        return connection

    monkeypatch.setattr("storage.study_reader.sqlite3.connect", small)
    with pytest.raises(StorageFullError, match=r"no room left to write .*copy\.db"):
        storage.backup(tmp_path / "copy.db")


def test_a_server_is_copied_by_its_own_tool(postgres_url, tmp_path):
    storage = open_storage(postgres_url)
    with pytest.raises(StorageError, match="is on a server, whose own tool copies it: pg_dump"):
        storage.backup(tmp_path / "copy.db")
    storage.close()


@pytest.mark.parametrize(
    ("happens", "text"),
    [
        (lambda path: path.unlink(), "was removed while it was in use: .* are lost with it; restore a copy"),
        (
            lambda path: path.rename(path.with_name("moved.db")),
            r"was moved to .*moved.db while it was in use; what is finished is there; .* --storage .*moved.db",
        ),
        (
            lambda path: shutil.copy(path, path.with_name("c")) and path.with_name("c").rename(path),
            "was replaced by another file while it was in use",
        ),
    ],
    ids=["removed", "moved", "replaced"],
)
def test_a_file_that_is_removed_or_replaced_while_open(storage, study_id, path, make_block, happens, text):
    storage.propose(study_id, make_block(0, 2))
    before = path.stat().st_ino
    happens(path)
    for call in (lambda: storage.propose(study_id, make_block(2, 2)), lambda: storage.read_trials(study_id)):
        with pytest.raises(StorageError, match=text):
            call()
    storage.engine.dispose()  # a new connection would create the missing file
    with pytest.raises(StorageError, match="while it was in use"):
        storage.read_trials(study_id)
    assert not path.exists() or path.stat().st_ino != before
    with pytest.raises(StorageError, match="while it was in use"):
        pickle.loads(pickle.dumps(storage))


def test_a_full_disk_leaves_the_database_intact(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 8, cohort=make_block(0, 8))
        before = storage.read_trials(study_id)
        with storage.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

        @event.listens_for(storage.engine, "checkout")
        def fill(connection, *_):
            connection.execute(f"PRAGMA max_page_count = {pages}")

        huge = {"note": "x" * 100_000}
        with pytest.raises(StorageFullError, match=r"no room left to write .* the database is intact"):
            storage.finish(worker, [make_result(trial, user_attrs=huge) for trial in claimed])
        with pytest.raises(StorageFullError):
            storage.propose(study_id, make_block(8, 5000))
        assert storage.read_trials(study_id) == before
        assert storage.integrity_check() == []
        event.remove(storage.engine, "checkout", fill)
        with storage.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert storage.finish(worker, [make_result(trial) for trial in claimed]) == []


def test_a_database_that_becomes_corrupt_while_open(storage, study_id, path, make_block):
    storage.propose(study_id, make_block(0, 200))
    with storage.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    storage.engine.dispose()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(StorageError, match="is corrupt"):
        storage.read_trials(study_id)
