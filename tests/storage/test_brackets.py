"""Brackets are claimed as a whole, and a suspect's result waits for the rest of its bracket."""

from __future__ import annotations

import pytest
from optuna.trial import TrialState
from sqlalchemy import func, select

from storage import Proposal, ProposedCohort, Result
from storage.tables import FINISHES, INTERMEDIATE_VALUES, LEASES, SET_ASIDE


@pytest.fixture
def place(either_place):
    return either_place


def claimed_numbers(storage, worker, limit, **options):
    return [trial.number for trial in storage.claim(worker, limit, bracket=4, **options)]


def lose(storage, study_id, count):
    """The first trials are lost twice, by workers that died."""
    for _ in range(2):
        worker = storage.worker(study_id)
        assert len(storage.claim(worker, count)) == count
        storage.abandon(worker, "worker died")
        worker.close()


def rows_of(storage, table):
    with storage.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_bracket_is_claimed_as_a_whole_by_one_worker(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 14))
    with storage.worker(study_id) as first, storage.worker(study_id) as second:
        assert claimed_numbers(storage, first, 0) == []
        assert claimed_numbers(storage, first, 3) == [0, 1, 2, 3]
        assert claimed_numbers(storage, second, 9) == [4, 5, 6, 7, 8, 9, 10, 11]
        assert claimed_numbers(storage, first, 8, below=13) == [12]
        # The last one waits although nobody trains it: another worker holds its bracket.
        assert claimed_numbers(storage, second, 8) == []
        storage.release(first)
        assert claimed_numbers(storage, second, 8) == [0, 1, 2, 3, 12, 13]


def test_a_bracket_that_was_reclaimed_is_claimed_as_a_whole_again(storage, study_id, make_block, make_result):
    storage.propose(study_id, make_block(0, 8))
    with storage.worker(study_id) as first, storage.worker(study_id) as second:
        mine = storage.claim(first, 4, bracket=4)
        storage.finish(first, [make_result(mine[1])])
        assert storage.abandon(first, "worker died") == [0, 2, 3]
        assert claimed_numbers(storage, second, 4) == [0, 2, 3]


def test_a_suspect_is_claimed_alone_and_what_it_gave_comes_back_with_its_bracket(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 8))
    lose(storage, study_id, 2)
    with storage.worker(study_id) as worker, storage.worker(study_id) as other:
        for number in (0, 1):
            (suspect,) = storage.claim(worker, 8, bracket=4)
            assert (suspect.number, suspect.set_aside) == (number, None)
            assert claimed_numbers(storage, other, 4) == [4, 5, 6, 7]
            storage.release(other)
            assert storage.set_aside(worker, suspect.trial_id, f"of {number}")
            assert storage.set_aside(worker, suspect.trial_id, f"of {number}")  # the first was not confirmed
        assert storage.count_by_state(study_id)[TrialState.WAITING] == 8
        trials = storage.claim(worker, 4, bracket=4)
        assert [(trial.number, trial.set_aside) for trial in trials] == [(0, "of 0"), (1, "of 1"), (2, None), (3, None)]
        # A worker that dies now leaves them as they were.
        storage.abandon(worker, "worker died")
        trials = storage.claim(other, 4, bracket=4)
        assert [(trial.number, trial.set_aside) for trial in trials] == [(0, "of 0"), (1, "of 1"), (2, None), (3, None)]
        assert storage.finish(other, [Result(trial.trial_id, None, pruned=True) for trial in trials]) == []
    assert rows_of(storage, SET_ASIDE) == rows_of(storage, LEASES) == 0


def test_brackets_behind_one_with_a_suspect_are_not_held_up(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 12))
    lose(storage, study_id, 1)
    with storage.worker(study_id) as first, storage.worker(study_id) as second:
        assert claimed_numbers(storage, first, 8) == [0]
        assert claimed_numbers(storage, second, 8) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_what_a_worker_sets_aside_too_late_is_discarded(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 4))
    lose(storage, study_id, 1)
    with storage.worker(study_id) as late, storage.worker(study_id) as worker:
        (suspect,) = storage.claim(late, 4, bracket=4)
        storage.abandon(late, "lease expired")
        assert claimed_numbers(storage, worker, 4) == [0]
        assert not storage.set_aside(late, suspect.trial_id, "too late")
        assert rows_of(storage, SET_ASIDE) == 0
        assert [row["reason"] for row in storage.losses(study_id)][-1] == "result discarded"


def test_a_trial_that_only_waits_for_its_bracket_is_not_to_blame(storage, study_id, make_block):
    """A worker that dies while it holds nothing but a result that was set aside trained nothing."""
    storage.propose(study_id, make_block(0, 1))
    lose(storage, study_id, 1)
    with storage.worker(study_id) as worker:
        (suspect,) = storage.claim(worker, 4, bracket=4)
        storage.set_aside(worker, suspect.trial_id, "{}")
        for _ in range(4):
            assert claimed_numbers(storage, worker, 4) == [0]
            storage.abandon(worker, "worker died")
    assert storage.count_by_state(study_id)[TrialState.WAITING] == 1


def test_a_stopped_trial_is_pruned_with_its_measures_and_without_values(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        trials = storage.claim(worker, 4, cohort=make_block(0, 4), bracket=4)
        stopped = [make_result(trial, values=None, pruned=True) for trial in trials[1:]]
        assert storage.finish(worker, [make_result(trials[0]), *stopped]) == []
    read = storage.read_trials(study_id)
    assert [trial.state for trial in read] == [TrialState.COMPLETE, *[TrialState.PRUNED] * 3]
    assert read == storage.get_all_trials(study_id)
    assert [trial.values for trial in read[1:]] == [None] * 3
    assert [trial.user_attrs["dead_units"] for trial in read] == [0, 1, 2, 3]
    assert all(trial.datetime_complete is not None for trial in read)
    assert rows_of(storage, INTERMEDIATE_VALUES) == 0
    assert rows_of(storage, FINISHES) == 4
    assert {row["number"] for row in storage.learning_curves(study_id)} == {0, 1, 2, 3}


def test_a_pruned_result_whose_lease_was_lost_is_discarded(storage, study_id, make_block):
    with storage.worker(study_id) as worker:
        (trial,) = storage.claim(worker, 1, cohort=make_block(0, 1))
        storage.abandon(worker, "lease expired")
        assert storage.finish(worker, [Result(trial.trial_id, None, pruned=True)]) == [trial.trial_id]
    assert storage.count_by_state(study_id)[TrialState.WAITING] == 1


@pytest.mark.parametrize("changes", [{"values": [0.5, 0.5]}, {"failure": "it broke"}])
def test_a_pruned_trial_has_neither_values_nor_a_failure(storage, study_id, make_block, make_result, changes):
    with storage.worker(study_id) as worker:
        (trial,) = storage.claim(worker, 1, cohort=make_block(0, 1))
        with pytest.raises(ValueError, match="either values or a failure, or to be pruned"):
            storage.finish(worker, [make_result(trial, **({"values": None, "pruned": True} | changes))])


def test_a_proposal_brings_its_system_attributes_and_a_reader_may_ask_for_them(storage, study_id, distributions):
    proposal = Proposal({"dropout": 0.5}, {"dropout": distributions["dropout"]}, system_attrs={"mark": [1], "no": 2})
    storage.propose(study_id, ProposedCohort(0, [proposal]))
    seen = []
    for attributes in ((), ("mark",)):
        storage.read_changes(study_id, from_number=0, trial_ids=(), on_trials=seen.extend, attributes=attributes)
    fixed = {"fixed_params": {"dropout": 0.5}}
    assert [trial.system_attrs for trial in seen] == [fixed, {**fixed, "mark": [1]}]


def test_a_study_that_is_deleted_takes_along_what_was_set_aside(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 4))
    lose(storage, study_id, 1)
    with storage.worker(study_id) as worker:
        (suspect,) = storage.claim(worker, 4, bracket=4)
        storage.set_aside(worker, suspect.trial_id, "{}")
    storage.delete_study(study_id)
    assert rows_of(storage, SET_ASIDE) == 0
