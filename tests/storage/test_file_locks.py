"""The lock files of workers next to an SQLite file."""

from __future__ import annotations

import shutil
import time

import pytest


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
    assert storage.reclaim(study_id) == []
    time.sleep(1.2)
    assert storage.reclaim(study_id) == [0]
