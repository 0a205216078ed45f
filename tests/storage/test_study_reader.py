"""Reading in bulk gives the same as Optuna's own reading."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import event

from storage import Result, StudyNotFoundError, TestMeasures


@pytest.fixture
def mixed(storage, study_id, make_block, make_result):
    """A study with trials in every state, of `reluctant` and of stock Optuna."""
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 8, cohort=make_block(0, 8))
        storage.finish(worker, [make_result(trial) for trial in claimed[:5]])
        storage.finish(worker, [make_result(claimed[5], values=None, failure="diverged")])
        study = optuna.load_study(study_name="digits", storage=storage)
        study.enqueue_trial({"dropout": 0.1}, user_attrs={"a": {"b": [1, None]}})
        infinite = optuna.trial.create_trial(values=[float("inf"), 0.0])
        study.add_trial(infinite)
        pruned = optuna.trial.create_trial(state=TrialState.PRUNED, intermediate_values={0: 1.5, 3: float("-inf")})
        study.add_trial(pruned)
        yield study


@pytest.mark.usefixtures("mixed")
def test_read_trials_equals_get_all_trials(storage, study_id):
    ours = storage.read_trials(study_id)
    theirs = storage.get_all_trials(study_id)
    assert len(ours) == 11
    assert {trial.state for trial in ours} == set(TrialState)
    assert ours == theirs
    assert [trial._trial_id for trial in ours] == [trial._trial_id for trial in theirs]


def test_an_intermediate_value_may_be_nan(storage, study_id):
    study = optuna.load_study(study_name="digits", storage=storage)
    study.add_trial(optuna.trial.create_trial(state=TrialState.PRUNED, intermediate_values={0: float("nan")}))
    assert math.isnan(storage.read_trials(study_id)[0].intermediate_values[0])


@pytest.mark.usefixtures("mixed")
def test_reading_takes_as_many_statements_for_many_trials_as_for_few(storage, study_id):
    statements = []
    event.listen(storage.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    storage.read_trials(study_id)
    assert len([s for s in statements if s.startswith("SELECT")]) == 6


@pytest.mark.usefixtures("mixed")
def test_trials_from_a_number_on_and_some_others(storage, study_id, make_block):
    everything = storage.read_trials(study_id)
    unfinished = [trial._trial_id for trial in everything if not trial.state.is_finished()]
    storage.propose(study_id, make_block(11, 2))
    news = storage.read_trials(study_id, from_number=len(everything), trial_ids=unfinished)
    assert [trial.number for trial in news] == [6, 7, 8, 11, 12]
    assert news == [trial for trial in storage.get_all_trials(study_id) if trial.number in (6, 7, 8, 11, 12)]
    waiting = storage.read_trials(study_id, states=[TrialState.WAITING])
    assert [trial.number for trial in waiting] == [8, 11, 12]
    assert storage.read_trials(study_id, from_number=13) == []


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("at_once", [1, 4, 11, 12])
def test_changes_come_in_pieces_and_all_of_one_moment(storage, study_id, monkeypatch, at_once):
    monkeypatch.setattr("storage.frozen_trials._AT_ONCE", at_once)
    everything = storage.read_trials(study_id, attributes=())

    def changes(from_number, trial_ids):
        pieces = []
        leased = storage.read_changes(study_id, from_number=from_number, trial_ids=trial_ids, on_trials=pieces.append)
        assert all(len(piece) <= at_once for piece in pieces)
        return [trial for piece in pieces for trial in piece], leased

    running = {trial._trial_id for trial in everything if trial.state is TrialState.RUNNING}
    assert changes(0, []) == (everything, running)
    assert changes(9, [everything[3]._trial_id]) == ([everything[3], *everything[9:]], running)
    assert changes(11, []) == ([], running)


def test_more_ids_than_one_statement_takes(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 2000))
    ids = [trial._trial_id for trial in storage.read_trials(study_id)]
    assert len(storage.read_trials(study_id, from_number=1990, trial_ids=ids)) == 2000
    with storage.worker(study_id) as worker:
        assert len(storage.claim(worker, 2000)) == 2000
        assert len(storage.release(worker)) == 2000


@pytest.mark.usefixtures("mixed")
def test_counts_and_last_activity(storage, study_id):
    counts = storage.count_by_state(study_id)
    assert {state.name: count for state, count in counts.items()} == {
        "RUNNING": 2,
        "COMPLETE": 6,
        "PRUNED": 1,
        "FAIL": 1,
        "WAITING": 1,
    }
    assert storage.last_activity(study_id).tzinfo is not None
    empty, _ = storage.create_or_get_study("empty", ["maximize"])
    assert storage.last_activity(empty) is None
    assert set(storage.count_by_state(empty).values()) == {0}


def test_test_results_may_come_with_the_result(storage, study_id, make_block):
    with storage.worker(study_id) as worker:
        one, other = storage.claim(worker, 2, cohort=make_block(0, 2))
        results = [
            Result(t.trial_id, [0.9, 0.5], test=[TestMeasures(t.trial_id, 0, {"accuracy": 0.8})]) for t in (one, other)
        ]
        storage.release(worker, [other.trial_id])
        assert storage.finish(worker, results) == [other.trial_id]
    assert storage.test_results(study_id) == [{"number": 0, "replicate": 0, "accuracy": 0.8}]


def test_test_results_replace_older_ones(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 2))
    one, two = (trial._trial_id for trial in storage.read_trials(study_id))
    storage.save_test_results(
        study_id, [TestMeasures(one, 0, {"accuracy": 0.5}), TestMeasures(two, 0, {"accuracy": 0.6})]
    )
    storage.save_test_results(study_id, [TestMeasures(one, 0, {"accuracy": 0.7, "log_loss": 1.0})])
    assert storage.test_results(study_id) == [
        {"number": 0, "replicate": 0, "accuracy": 0.7, "log_loss": 1.0},
        {"number": 1, "replicate": 0, "accuracy": 0.6},
    ]
    assert storage.test_results(study_id, numbers=[1]) == [{"number": 1, "replicate": 0, "accuracy": 0.6}]


def test_a_study_is_created_once_and_whole(storage):
    given = {"metric_names": ["accuracy"], "user_attrs": {"identity": {"seed": 0}}, "system_attrs": {"x": 1}}
    study_id, created = storage.create_or_get_study("digits", ["maximize"], **given)
    assert created
    assert storage.create_or_get_study("digits", ["minimize"], user_attrs={"identity": 1}) == (study_id, False)
    study = optuna.load_study(study_name="digits", storage=storage)
    assert study.user_attrs == {"identity": {"seed": 0}}
    assert study.metric_names == ["accuracy"]
    assert storage.get_study_system_attrs(study_id) == {"x": 1, "study:metric_names": ["accuracy"]}
    storage.set_study_attrs(study_id, user_attrs={"identity": 2, "total": 3}, system_attrs={"x": 2})
    assert storage.get_study_user_attrs(study_id) == {"identity": 2, "total": 3}
    assert storage.get_study_system_attrs(study_id)["x"] == 2


def test_a_study_needs_a_name_and_fitting_metric_names(storage):
    with pytest.raises(ValueError, match="1 to 512 characters"):
        storage.create_or_get_study("", ["maximize"])
    with pytest.raises(ValueError, match="2 metric names for 1 directions"):
        storage.create_or_get_study("digits", ["maximize"], metric_names=["a", "b"])
    assert storage.get_all_studies() == []


def test_a_study_that_does_not_exist_is_named_with_its_neighbours(storage):
    with pytest.raises(StudyNotFoundError, match="holds no study yet"):
        storage.study_id("digits")
    study_id, _ = storage.create_or_get_study("digits-core-1a2b3c", ["maximize"])
    assert storage.study_id("digits-core-1a2b3c") == study_id
    with pytest.raises(StudyNotFoundError, match=r"no study 'digit-core' .* did you mean 'digits-core-1a2b3c'\?"):
        storage.study_id("digit-core")
