"""The way of a cohort through the storage: proposed, claimed, finished, released."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from optuna.trial import TrialState
from sqlalchemy import update

from storage import Proposal, ProposedCohort, StudyDeletedError, open_storage
from storage.tables import TRIALS


@pytest.fixture
def place(either_place):
    return either_place


def test_proposed_trials_wait_with_number_and_parameters(storage, study_id, make_block):
    block = make_block(0, 5)
    assert storage.propose(study_id, block)
    trials = storage.get_all_trials(study_id)
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4]
    assert {trial.state for trial in trials} == {TrialState.WAITING}
    assert [trial.params for trial in trials] == [proposal.params for proposal in block.proposals]
    assert [trial.distributions for trial in trials] == [proposal.distributions for proposal in block.proposals]
    assert all(trial.system_attrs == {"fixed_params": trial.params} for trial in trials)
    assert all(trial.datetime_start is None for trial in trials)


@pytest.mark.parametrize("first_number", [0, 4, 6, 10])
def test_a_block_whose_first_number_is_not_the_next_is_dropped(storage, study_id, make_block, first_number):
    assert storage.propose(study_id, make_block(0, 5))
    assert not storage.propose(study_id, make_block(first_number, 5))
    assert len(storage.get_all_trials(study_id)) == 5
    assert storage.propose(study_id, make_block(5, 5))
    assert len(storage.get_all_trials(study_id)) == 10


def test_numbers_count_within_a_study(storage, study_id, make_block):
    other, _ = storage.create_or_get_study("wine", ["maximize"])
    assert storage.propose(study_id, make_block(0, 3))
    assert storage.propose(other, make_block(0, 2))
    assert storage.propose(study_id, make_block(3, 3))
    assert [trial.number for trial in storage.get_all_trials(study_id)] == list(range(6))
    assert [trial.number for trial in storage.get_all_trials(other)] == [0, 1]


def test_an_empty_block_is_nothing(storage, study_id):
    assert storage.propose(study_id, ProposedCohort(0, []))
    assert not storage.propose(study_id, ProposedCohort(1, []))
    assert storage.get_all_trials(study_id) == []


def test_a_proposal_brings_its_user_attributes(storage, study_id, distributions):
    proposal = Proposal({"dropout": 0.5}, {"dropout": distributions["dropout"]}, {"role": "baseline"})
    storage.propose(study_id, ProposedCohort(0, [proposal]))
    assert storage.get_all_trials(study_id)[0].user_attrs == {"role": "baseline"}


def test_a_block_that_cannot_be_written_leaves_nothing(storage, study_id, distributions):
    good = Proposal({"dropout": 0.5}, {"dropout": distributions["dropout"]})
    bad = Proposal({"activation": "swish"}, {"activation": distributions["activation"]})
    with pytest.raises(ValueError, match="swish"):
        storage.propose(study_id, ProposedCohort(0, [good, bad]))
    assert storage.get_all_trials(study_id) == []


def test_claim_takes_the_lowest_waiting_numbers(storage, study_id, make_block):
    block = make_block(0, 6)
    storage.propose(study_id, block)
    with storage.worker(study_id) as first, storage.worker(study_id) as second:
        mine = storage.claim(first, 4)
        theirs = storage.claim(second, 4)
        assert [trial.number for trial in mine] == [0, 1, 2, 3]
        assert [trial.number for trial in theirs] == [4, 5]
        assert [trial.params for trial in mine + theirs] == [proposal.params for proposal in block.proposals]
        assert [trial.fixed for trial in mine + theirs] == [proposal.params for proposal in block.proposals]
        assert mine[1].distributions == block.proposals[1].distributions
        assert storage.claim(second, 4) == []
        running = storage.get_all_trials(study_id)
        assert {trial.state for trial in running} == {TrialState.RUNNING}
        assert all(trial.datetime_start is not None for trial in running)


def test_propose_and_claim_in_one_transaction(storage, study_id, make_block):
    with storage.worker(study_id) as worker:
        assert [trial.number for trial in storage.claim(worker, 4, cohort=make_block(0, 4))] == [0, 1, 2, 3]
        # The block that another worker proposed meanwhile stands; this copy is dropped.
        storage.propose(study_id, make_block(4, 4))
        assert [trial.number for trial in storage.claim(worker, 2, cohort=make_block(4, 4))] == [4, 5]
        assert len(storage.get_all_trials(study_id)) == 8


def test_claim_stays_below_a_total_and_a_limit(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 6))
    with storage.worker(study_id) as worker:
        assert storage.claim(worker, 0) == storage.claim(worker, -1) == []
        assert [trial.number for trial in storage.claim(worker, 6, below=4)] == [0, 1, 2, 3]
        assert storage.claim(worker, 6, below=4) == []


def test_what_was_claimed_is_complete_or_not_at_all(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 2))

    def fail(trial):
        raise KeyError("no such space")

    with storage.worker(study_id) as worker, pytest.raises(KeyError, match="no such space"):
        storage.claim(worker, 2, complete=fail, cohort=make_block(2, 2))
    assert storage.count_by_state(study_id)[TrialState.WAITING] == 2


def test_finish_writes_everything(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 4, cohort=make_block(0, 4))
        assert storage.finish(worker, [make_result(trial) for trial in claimed]) == []
    trials = storage.get_all_trials(study_id)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert [trial.values for trial in trials] == [[0.5 + n / 1000, 1 / (1 + n)] for n in range(4)]
    assert [trial.user_attrs for trial in trials] == [{"dead_units": n} for n in range(4)]
    assert [trial.system_attrs["mark"] for trial in trials] == [[0], [1], [2], [3]]
    assert all(trial.datetime_start <= trial.datetime_complete for trial in trials)

    layers = storage.layer_measures(study_id)
    assert len(layers) == 4 * 2 * 2
    assert layers[-1] == {"number": 3, "replicate": 1, "layer": 1, "near_zero": 3.1, "dead": 1.0}
    assert storage.layer_measures(study_id, numbers=[2, 9])[0]["number"] == 2
    assert len(storage.layer_measures(study_id, numbers=[2, 9])) == 4
    assert storage.learning_curves(study_id, numbers=[3])[1] == {
        "number": 3,
        "replicate": 1,
        "name": "loss",
        "points": [1.0, 0.5, 3.0],
    }


def test_infinite_values_survive_and_nan_is_refused(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        first, second = storage.claim(worker, 2, cohort=make_block(0, 2))
        assert storage.finish(worker, [make_result(first, values=[math.inf, -math.inf])]) == []
        with pytest.raises(ValueError, match="NaN"):
            storage.finish(worker, [make_result(second, values=[0.5, math.nan])])
        with pytest.raises(ValueError, match="NaN"):
            storage.finish(worker, [make_result(second, constraints={"accuracy": math.nan})])
        with pytest.raises(ValueError, match="1 values, the study 2"):
            storage.finish(worker, [make_result(second, values=[0.5])])
        assert storage.count_by_state(study_id)[TrialState.RUNNING] == 1
    assert storage.get_all_trials(study_id)[0].values == [math.inf, -math.inf]


def test_measures_that_are_not_finite_read_back_as_nan(storage, study_id, make_block, make_result):
    from storage import Curve, LayerMeasures

    with storage.worker(study_id) as worker:
        (trial,) = storage.claim(worker, 1, cohort=make_block(0, 1))
        layers = [LayerMeasures(0, 0, {"gradient": math.inf, "dead": 1.0})]
        storage.finish(worker, [make_result(trial, layers=layers, curves=[Curve(0, "loss", [1.0, math.nan])])])
    assert math.isnan(storage.layer_measures(study_id)[0]["gradient"])
    assert storage.layer_measures(study_id)[0]["dead"] == 1.0
    assert math.isnan(storage.learning_curves(study_id)[0]["points"][1])


def test_a_failed_trial_keeps_its_reason_and_has_no_values(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        (trial,) = storage.claim(worker, 1, cohort=make_block(0, 1))
        storage.finish(worker, [make_result(trial, values=None, failure="slope 9 is outside the space")])
    (read,) = storage.get_all_trials(study_id)
    assert read.state == TrialState.FAIL
    assert read.values is None
    assert read.user_attrs["failure"] == "slope 9 is outside the space"


def test_result_attributes_replace_those_of_the_proposal_and_leave_others(
    storage, study_id, distributions, make_result
):
    params = {"dropout": 0.5}
    proposal = Proposal(params, {"dropout": distributions["dropout"]}, {"a": 1, "b": 1})
    with storage.worker(study_id) as worker:
        one, two = storage.claim(worker, 2, cohort=ProposedCohort(0, [proposal, proposal]))
        outcomes = [make_result(one, user_attrs={"a": 2}), make_result(two, user_attrs={"c": 2})]
        assert storage.finish(worker, outcomes) == []
    assert [t.user_attrs for t in storage.get_all_trials(study_id)] == [{"a": 2, "b": 1}, {"a": 1, "b": 1, "c": 2}]


def test_a_lost_lease_means_the_result_is_discarded_on_record(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        kept, edited, reclaimed = storage.claim(worker, 3, cohort=make_block(0, 3))
        # A user ends one trial in the dashboard, and another is released and claimed by another worker.
        storage.set_trial_state_values(edited.trial_id, TrialState.FAIL)
        storage.release(worker, [reclaimed.trial_id])
        with storage.worker(study_id) as other:
            assert [trial.number for trial in storage.claim(other, 1)] == [2]
            lost = storage.finish(worker, [make_result(trial) for trial in (kept, edited, reclaimed)])
            assert lost == [edited.trial_id, reclaimed.trial_id]
            states = [trial.state for trial in storage.get_all_trials(study_id)]
            assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING]
            assert storage.read_changes(study_id, from_number=0, trial_ids=(), on_trials=len) == {reclaimed.trial_id}
            assert {row["number"] for row in storage.layer_measures(study_id)} == {0}
            assert [(row["number"], row["reason"]) for row in storage.losses(study_id)] == [
                (1, "result discarded"),
                (2, "result discarded"),
            ]
            assert storage.finish(other, [make_result(reclaimed)]) == []


def test_a_trial_started_anew_by_stock_optuna_is_not_ours_any_more(storage, study_id, make_block, make_result):
    import datetime

    with storage.worker(study_id) as worker:
        (trial,) = storage.claim(worker, 1, cohort=make_block(0, 1))
        with storage.engine.begin() as connection:
            connection.execute(update(TRIALS).values(datetime_start=datetime.datetime(2030, 1, 1)))
        assert storage.finish(worker, [make_result(trial)]) == [trial.trial_id]
    assert storage.count_by_state(study_id)[TrialState.RUNNING] == 1


def test_an_attribute_is_changed_in_one_transaction(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 3))
    storage.set_study_attrs(study_id, system_attrs={"total": 5})
    seen = []

    def refuse(value, trials):
        seen.append((value, trials))
        raise ValueError("too few")

    with pytest.raises(ValueError, match="too few"):
        storage.change_study_attr(study_id, "total", refuse)
    assert seen == [(5, 3)]
    assert storage.change_study_attr(study_id, "total", lambda value, trials: value + trials) == 8
    assert (storage.study_attr(study_id, "total"), storage.study_attr(study_id, "none")) == (8, None)

    def add(_):
        own = open_storage(storage.address)
        for _ in range(10):
            own.change_study_attr(study_id, "total", lambda value, trials: value + 1)
        own.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(4)))
    assert storage.study_attr(study_id, "total") == 48


def test_nothing_is_claimed_where_an_attribute_has_changed(storage, study_id, make_block):
    storage.set_study_attrs(study_id, system_attrs={"total": 5})
    with storage.worker(study_id) as worker:
        assert storage.claim(worker, 2, cohort=make_block(0, 2), unchanged=("total", 4)) == []
        assert storage.read_trials(study_id) == []
        assert len(storage.claim(worker, 2, cohort=make_block(0, 2), unchanged=("total", 5))) == 2


def test_a_worker_hears_that_its_study_was_deleted(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 2, cohort=make_block(0, 2))
        storage.delete_study(study_id)
        calls = [
            lambda: storage.finish(worker, [make_result(trial) for trial in claimed]),
            lambda: storage.claim(worker, 1),
            lambda: storage.read_changes(study_id, from_number=0, trial_ids=[], on_trials=lambda trials: None),
            worker.check,
        ]
        for call in calls:
            with pytest.raises(StudyDeletedError, match=r"was deleted while it was in use.*`reluctant run` starts it"):
                call()
        assert storage.release(worker) == []
    with pytest.raises(KeyError):
        storage.delete_study(study_id)


def test_a_worker_of_a_deleted_study_leaves_the_next_one_of_its_id_alone(storage, study_id, make_block, make_result):
    with storage.worker(study_id, lease=1.0) as worker:
        claimed = storage.claim(worker, 2, cohort=make_block(0, 2))
        storage.delete_study(study_id)
        again, _ = storage.create_or_get_study("next", ["maximize", "maximize"])
        if storage.engine.dialect.name == "sqlite":
            assert again == study_id
        for call in (
            lambda: storage.claim(worker, 2, cohort=make_block(0, 2)),
            lambda: storage.finish(worker, [make_result(trial) for trial in claimed]),
            worker.check,
        ):
            with pytest.raises(StudyDeletedError):
                call()
        until = time.monotonic() + 10
        while not worker.lost:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert isinstance(worker.renewal_error, StudyDeletedError)
    assert storage.read_trials(again) == []


def test_release_keeps_number_and_parameters(storage, study_id, make_block):
    block = make_block(0, 3)
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 3, cohort=block)
        assert storage.release(worker, [claimed[1].trial_id]) == [1]
        assert storage.release(worker, [claimed[1].trial_id]) == []
        assert storage.release(worker) == [0, 2]
    trials = storage.get_all_trials(study_id)
    assert {trial.state for trial in trials} == {TrialState.WAITING}
    assert [trial.params for trial in trials] == [proposal.params for proposal in block.proposals]
    assert all(trial.datetime_start is None for trial in trials)


def test_a_worker_gives_back_what_it_holds_when_it_ends(storage, study_id, make_block, path):
    def run():
        with storage.worker(study_id) as worker:
            storage.claim(worker, 2, cohort=make_block(0, 2))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert storage.count_by_state(study_id)[TrialState.WAITING] == 2
    assert storage.losses(study_id) == []
    assert not path.with_name("reluctant.db.workers").exists()


def test_workers_are_on_record(storage, study_id):
    with storage.worker(study_id, details={"torch": "2.5"}) as worker:
        (row,) = storage.workers(study_id)
        assert (row["token"], row["pid"], row["ended"]) == (worker.token, worker.pid, None)
        assert row["details"] == {"torch": "2.5"}
        assert len(storage.living_workers(study_id)) == 1
        assert storage.last_activity(study_id) == row["last_active"]
    (row,) = storage.workers(study_id)
    assert row["ended"] >= row["started"]
    assert len(storage.living_workers(study_id)) == 0
