"""The lock files of workers next to an SQLite file."""

from __future__ import annotations


def test_the_file_of_a_worker_that_died_before_it_was_registered_is_removed(storage, study_id, path):
    folder = path.with_name("reluctant.db.workers")
    folder.mkdir()
    (folder / "0123").touch()
    assert storage.reclaim(study_id) == []
    assert not folder.exists()


def test_a_removed_lock_file_counts_as_death(storage, study_id, path, make_block, make_result):
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 1, cohort=make_block(0, 1))
        (path.with_name("reluctant.db.workers") / worker.token).unlink()
        assert storage.reclaim(study_id) == [0]
        assert storage.finish(worker, [make_result(claimed[0])]) == [claimed[0].trial_id]
