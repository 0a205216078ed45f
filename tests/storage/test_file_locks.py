"""The lock files of workers next to an SQLite file."""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import replace

import pytest

from storage import StorageError, StorageGoneError, StorageRefusedError, open_storage
from storage.flock import FileLock
from storage.lock_records import LockRecord, read_record
from storage.tables import BEATS


def test_the_file_of_a_worker_that_died_before_it_was_registered_is_removed(storage, study_id, path):
    folder = path.with_name("reluctant.db.workers")
    folder.mkdir()
    (folder / "0123").touch()
    assert storage.reclaim(study_id) == []
    assert not folder.exists()


@pytest.mark.parametrize("remove", [shutil.rmtree, lambda folder: folder.rename(folder.with_name("elsewhere"))])
def test_a_removed_folder_of_locks_is_made_again(storage, study_id, path, make_block, make_result, remove):
    folder = path.with_name("reluctant.db.workers")
    with storage.worker(study_id, lease=1.0) as worker:
        claimed = storage.claim(worker, 1, cohort=make_block(0, 1))
        remove(folder)
        assert storage.reclaim(study_id) == []
        until = time.monotonic() + 10
        while not (folder / worker.token).exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        assert storage.living_workers(study_id) == {worker.token}
        assert storage.finish(worker, [make_result(claimed[0])]) == []
    assert storage.losses(study_id) == []
    assert not folder.exists()


def test_a_worker_that_is_stopped_keeps_its_trials(storage, study_id, make_block, make_result):
    with storage.worker(study_id, lease=0.5) as worker:
        claimed = storage.claim(worker, 1, cohort=make_block(0, 1))
        worker._renewer.stop()  # as if its process was
        until = time.monotonic() + 20
        while storage.overdue_workers(study_id) != {worker.token}:
            assert storage.reclaim(study_id) == []
            assert time.monotonic() < until
            time.sleep(0.05)
        assert storage.reclaim(study_id) == []
        assert storage.living_workers(study_id) == {worker.token}
        assert storage.finish(worker, [make_result(claimed[0])]) == []
        assert storage.overdue_workers(study_id) == set()
    assert storage.losses(study_id) == []


def test_a_worker_that_died_after_its_lock_file_was_removed_loses_its_trials_by_expiry(
    storage, study_id, path, make_block
):
    worker = storage.worker(study_id, lease=1.0)
    storage.claim(worker, 1, cohort=make_block(0, 1))
    worker._renewer.stop()
    shutil.rmtree(path.with_name("reluctant.db.workers"))
    worker._lock._drop()
    with storage.engine.begin() as connection:  # a clock that jumps expires no lease at once
        connection.execute(BEATS.update().values(expires=BEATS.c.expires - 7200))
    assert storage.reclaim(study_id) == []
    until = time.monotonic() + 10
    while storage.reclaim(study_id) != [0]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_the_lock_of_a_worker_names_its_file_by_device_and_inode(storage, study_id, path):
    with storage.worker(study_id) as worker:
        record = read_record(path.with_name("reluctant.db.workers") / worker.token)
        found = path.stat()
        assert record is not None
        assert (record.device, record.inode, record.pid) == (found.st_dev, found.st_ino, os.getpid())
        # Under its own name and through a symbolic link, others may come.
        open_storage(path).close()
        link = path.with_name("link.db")
        link.symlink_to(path)
        open_storage(link).close()


def test_a_file_that_was_renamed_is_refused_while_somebody_uses_its_former_name(storage, study_id, path):
    worker = storage.worker(study_id, lease=10.0)
    renamed = path.with_name("renamed.db")
    path.rename(renamed)
    with pytest.raises(
        StorageRefusedError, match=rf"is in use under another name, .*reluctant.db, by process {worker.pid}"
    ):
        open_storage(renamed)
    until = time.monotonic() + 20
    while not worker.lost:  # at its next renewal, long before its leases would expire
        assert time.monotonic() < until
        time.sleep(0.05)
    with pytest.raises(StorageGoneError):
        worker.close()
    open_storage(renamed).close()


@pytest.mark.parametrize("again", [True, False], ids=["replaced", "removed"])
def test_a_name_is_refused_while_somebody_uses_the_former_file(storage, study_id, path, empty_database, again):
    worker = storage.worker(study_id)
    path.unlink()
    if again:
        shutil.copy(empty_database, path)
    with pytest.raises(
        StorageRefusedError, match=rf"was removed or replaced while process {worker.pid} on .* works at"
    ):
        open_storage(path)
    with pytest.raises(StorageError):
        worker.close()
    open_storage(path).close()


def test_a_file_without_a_record_is_that_of_an_earlier_version(storage, study_id, path):
    with storage.worker(study_id) as worker:
        (path.with_name("reluctant.db.workers") / worker.token).write_bytes(b"")
        open_storage(path).close()
        assert storage.living_workers(study_id) == {worker.token}


@pytest.mark.parametrize("left", [True, False], ids=["left", "dead"])
def test_the_file_of_a_dead_worker_waits_for_its_own_study(storage, study_id, path, make_block, left):
    """Guards against a study whose reclaiming makes another one wait until leases expire."""
    other = storage.create_or_get_study("other", ["maximize", "maximize"])[0]
    worker = storage.worker(study_id)
    storage.claim(worker, 1, cohort=make_block(0, 1))
    worker._renewer.stop()
    if left:
        worker._lock.leave()
    else:
        worker._lock._drop()
    assert storage.reclaim(other) == []
    assert storage.reclaim(study_id) == [0]
    assert [row["reason"] for row in storage.losses(study_id)] == ([] if left else ["worker died"])
    assert not path.with_name("reluctant.db.workers").exists()


def test_a_shorter_record_replaces_a_longer_one(tmp_path):
    record = LockRecord(1, 2, "/a/long/path/of/a/database.db", "host", 3)
    lock = FileLock.acquire(tmp_path / "lock", content=record.to_bytes())
    shorter = replace(record, database="/a.db")
    lock.overwrite(shorter.to_bytes())
    assert read_record(lock.path) == shorter
    lock.leave()
    assert read_record(lock.path) == replace(shorter, left=True)


def test_the_file_of_another_user_is_locked_and_not_written(tmp_path, monkeypatch):
    """The superuser, who may run this, is refused nothing: the system is stood in for."""
    (tmp_path / "lock").write_bytes(b"theirs")

    def refusing(file, flags, *mode, opened=os.open):
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return opened(file, flags, *mode)

    monkeypatch.setattr("storage.flock.os.open", refusing)
    lock = FileLock.acquire(tmp_path / "lock", content=b"ours")
    assert FileLock.probe(tmp_path / "lock") is None
    assert (tmp_path / "lock").read_bytes() == b"theirs"
    lock.release()
    with pytest.raises(PermissionError):
        FileLock.acquire(tmp_path / "missing")
