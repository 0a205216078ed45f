"""Full and read-only file systems under a database: at opening, and while workers use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState

from storage import StorageError, StorageFullError, StorageRefusedError, open_storage
from storage.driver_errors import of_sqlite

MOUNTS = os.geteuid() == 0 and shutil.which("mount") is not None


@pytest.fixture
def disk(tmp_path):
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        MOUNTS
        and not subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=False).returncode
    )
    if not mounted:
        pytest.skip("this user may mount nothing")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, *, leave=0):
    with (folder / "fill").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(file.tell() - leave)


def make_room(folder):
    (folder / "fill").unlink()


def test_a_full_disk_at_creation_leaves_nothing(disk):
    fill(disk)
    with pytest.raises(StorageFullError, match=r"no room left to write .*reluctant.db"):
        open_storage(disk / "reluctant.db")
    assert [path.name for path in disk.iterdir()] == ["fill"]


def test_a_full_disk_is_not_taken_for_a_corrupt_database(disk, empty_database):
    place = shutil.copy(empty_database, disk / "reluctant.db")
    fill(disk)
    with pytest.raises(StorageFullError, match=r"no room left to write .*reluctant.db") as caught:
        open_storage(place)
    assert caught.value.exit_code == 1
    make_room(disk)
    open_storage(place).close()


def test_a_disk_that_fills_up_costs_no_result_and_no_trial(disk, empty_database, make_block, make_result):
    storage = open_storage(shutil.copy(empty_database, disk / "reluctant.db"))
    study_id, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])

    def train_on_a_disk_that_fills_up():
        with storage.worker(study_id) as worker:
            (claimed,) = storage.claim(worker, 1, cohort=make_block(0, 1))
            fill(disk)
            storage.finish(worker, [make_result(claimed, user_attrs={"note": "x" * 100_000})])

    for _ in range(6):  # as often as ends a trial that ends its workers
        with pytest.raises(StorageFullError, match="no room left"):
            train_on_a_disk_that_fills_up()
        with pytest.raises(StorageFullError):
            storage.reclaim(study_id)
        make_room(disk)
        assert storage.reclaim(study_id) == [0]
    assert storage.losses(study_id) == []
    with storage.worker(study_id) as worker:
        (again,) = storage.claim(worker, 1)
        assert storage.finish(worker, [make_result(again)]) == []
    assert storage.count_by_state(study_id)[TrialState.COMPLETE] == 1
    assert storage.integrity_check() == []
    storage.close()
    assert [path.name for path in disk.iterdir()] == ["reluctant.db"]


def test_a_file_system_that_is_read_only(disk, empty_database):
    place = shutil.copy(empty_database, disk / "reluctant.db")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(StorageRefusedError, match=r"is mounted read-only.*mount it writable, or copy the database"):
        open_storage(place)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    open_storage(place).close()


@pytest.mark.parametrize("text", ["disk I/O error", "attempt to write a readonly database"])
def test_a_file_system_that_becomes_read_only(monkeypatch, text):
    statistics = SimpleNamespace(f_flag=os.ST_RDONLY, f_bavail=1000, f_frsize=4096)
    monkeypatch.setattr("storage.disks.os.statvfs", lambda path: statistics)
    error = of_sqlite(text, "/data/reluctant.db")
    assert type(error) is StorageError
    assert "the file system of /data/reluctant.db is read-only by now" in str(error)


def test_a_disk_without_room_for_the_files_beside_a_database(monkeypatch):
    monkeypatch.setattr("storage.disks.os.statvfs", lambda path: SimpleNamespace(f_flag=0, f_bavail=3, f_frsize=4096))
    for text in ("disk I/O error", "unable to open database file"):
        assert type(of_sqlite(text, "/data/reluctant.db")) is StorageFullError
    monkeypatch.setattr("storage.disks.os.statvfs", lambda path: SimpleNamespace(f_flag=0, f_bavail=999, f_frsize=4096))
    assert "check that the file is still there" in str(of_sqlite("disk I/O error", "/data/reluctant.db"))
