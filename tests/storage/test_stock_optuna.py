"""Stock Optuna and optuna-dashboard read a database of `reluctant` as their own, and write into it."""

from __future__ import annotations

import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState
from optuna_dashboard._serializer import serialize_frozen_trial
from sqlalchemy import delete, insert

from storage import Proposal
from storage.tables import STUDIES, TRIALS


@pytest.fixture
def stock(storage, study_id, path):
    """The study as a user's own script opens it."""
    plain = optuna.storages.RDBStorage(f"sqlite:///{path}")
    yield optuna.load_study(study_name="digits", storage=plain)
    plain.remove_session()
    plain.engine.dispose()


@pytest.fixture
def finished(storage, study_id, make_block, make_result):
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 16, cohort=make_block(0, 16))
        storage.finish(worker, [make_result(trial) for trial in claimed])


@pytest.mark.usefixtures("finished")
def test_stock_optuna_reads_the_study(stock, make_block):
    assert stock.metric_names == ["accuracy", "sparsity"]
    assert [direction.name for direction in stock.directions] == ["MAXIMIZE", "MAXIMIZE"]
    assert [trial.number for trial in stock.trials] == list(range(16))
    assert [trial.params for trial in stock.trials] == [proposal.params for proposal in make_block(0, 16).proposals]
    assert {trial.state for trial in stock.trials} == {TrialState.COMPLETE}


@pytest.mark.usefixtures("finished")
def test_exactly_the_infeasible_trials_are_infeasible(stock):
    best = {trial.number for trial in stock.best_trials}
    assert best == {number for number in range(16) if number % 4 != 3}  # a front, but for the infeasible ones
    infeasible = {trial.number for trial in stock.trials if any(value > 0 for value in trial.constraints.values())}
    assert infeasible == {3, 7, 11, 15}
    assert stock.trials[3].constraints == {"0": 0.1}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("make", [optuna.samplers.GPSampler, optuna.samplers.NSGAIISampler, optuna.samplers.TPESampler])
def test_stock_samplers_go_on_with_a_constraint_of_their_own(stock, make):
    """Ours count as one constraint, whatever name the other program gives its own."""

    def objective(trial):
        dropout = trial.suggest_float("dropout", 0.0, 0.6)
        trial.set_constraint("accuracy_floor", -0.1)
        return 0.9 - dropout, dropout

    stock.sampler = make(seed=0)
    stock.optimize(objective, n_trials=3)
    assert [trial.state for trial in stock.trials[16:]] == [TrialState.COMPLETE] * 3


@pytest.mark.usefixtures("finished")
def test_the_dashboard_reads_the_constraints(storage, study_id):
    trials = storage.read_trials(study_id)
    shown = [serialize_frozen_trial(study_id, trial, {})["constraints"] for trial in trials]
    assert [any(value > 0 for value in constraints) for constraints in shown] == [n % 4 == 3 for n in range(16)]


@pytest.mark.filterwarnings("ignore:PedAnovaImportanceEvaluator computes")
@pytest.mark.usefixtures("finished")
def test_importances_come_out_for_both_objectives(stock):
    for objective in range(2):
        importances = optuna.importance.get_param_importances(stock, target=lambda trial, k=objective: trial.values[k])
        assert {"activation", "dropout"} <= set(importances)


@pytest.mark.usefixtures("finished")
def test_stock_optimize_goes_on_and_we_after_it(storage, study_id, stock, make_block, make_result):
    def objective(trial):
        trial.suggest_categorical("activation", ["relu", "leaky_relu", "tanh", None])
        return trial.suggest_float("dropout", 0.0, 0.6), 0.5

    stock.sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=5)
    stock.optimize(objective, n_trials=3)
    assert not storage.propose(study_id, make_block(16, 2))
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 2, cohort=make_block(19, 2))
        storage.finish(worker, [make_result(trial) for trial in claimed])
    assert [trial.number for trial in stock.trials] == list(range(21))
    assert {trial.state for trial in stock.trials} == {TrialState.COMPLETE}


def test_stock_ask_takes_a_waiting_trial_with_the_same_parameters(storage, study_id, stock, make_block, distributions):
    block = make_block(0, 2)
    storage.propose(study_id, block)
    for number in range(2):
        trial = stock.ask()
        assert trial.number == number
        for name, value in block.proposals[number].params.items():
            assert trial._suggest(name, distributions[name]) == value
        stock.tell(trial, [0.5, 0.5])
    assert [trial.params for trial in stock.trials] == [proposal.params for proposal in block.proposals]


def test_a_trial_that_a_user_enqueued_is_claimed_and_completed(storage, study_id, stock, distributions, make_result):
    stock.enqueue_trial({"dropout": 0.25}, user_attrs={"why": "a hunch"})
    asked = []

    def complete(trial):
        asked.append((trial.number, trial.fixed, trial.params))
        params = {"activation": "tanh", "dropout": 0.25}
        return Proposal(params, {name: distributions[name] for name in params})

    with storage.worker(study_id) as worker:
        (claimed,) = storage.claim(worker, 8, complete=complete)
        assert asked == [(0, {"dropout": 0.25}, {})]
        assert claimed.params == {"activation": "tanh", "dropout": 0.25}
        assert claimed.distributions == {name: distributions[name] for name in claimed.params}
        storage.release(worker)
        # What was completed once stays as it is.
        (claimed,) = storage.claim(worker, 8, complete=complete)
        assert claimed.params == {"activation": "tanh", "dropout": 0.25}
        storage.finish(worker, [make_result(claimed)])
    (trial,) = stock.trials
    assert trial.params == {"activation": "tanh", "dropout": 0.25}
    assert trial.user_attrs["why"] == "a hunch"


def test_trials_that_stock_optuna_runs_are_never_taken_back(storage, study_id, stock):
    trial = stock.ask()
    assert storage.reclaim(study_id) == []
    assert storage.get_trial(trial._trial_id).state == TrialState.RUNNING


def test_ids_used_again_do_not_inherit_our_rows(storage, study_id, stock, make_block, make_result):
    from storage import TestMeasures

    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 4, cohort=make_block(0, 4))
        storage.finish(worker, [make_result(trial) for trial in claimed[:3]])
        storage.save_test_results(study_id, [TestMeasures(t.trial_id, 0, {"accuracy": 0.9}) for t in claimed])
        optuna.delete_study(study_name="digits", storage=stock._storage)  # leaves the rows of reluctant

    again, _ = storage.create_or_get_study("digits", ["maximize", "maximize"])
    assert storage.propose(again, make_block(0, 4))
    assert {trial._trial_id for trial in storage.read_trials(again)} & {trial.trial_id for trial in claimed}
    assert storage.layer_measures(again) == []
    assert storage.learning_curves(again) == []
    assert storage.test_results(again) == []
    assert storage.losses(again) == []


@pytest.mark.parametrize("creates", ["ours", "theirs"])
def test_trials_that_outlived_their_study_are_not_adopted(storage, study_id, make_block, make_result, creates):
    """SQLite enforces no foreign keys: what a worker commits while stock Optuna deletes its study stays behind."""
    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 4, cohort=make_block(0, 4))
        storage.finish(worker, [make_result(trial) for trial in claimed[:3]])
        with storage.engine.begin() as connection:
            connection.execute(delete(STUDIES))
    assert storage.traces_of_deletion() == [
        "trials of a study that was deleted while it was trained are left (4); they go when the next study is created"
    ]
    if creates == "ours":
        again, _ = storage.create_or_get_study("next", ["maximize", "maximize"])
    else:
        again = storage.create_new_study([StudyDirection.MAXIMIZE] * 2, "next")
    assert again == study_id
    assert storage.read_trials(again) == []
    assert storage.get_study_system_attrs(again).keys() <= {"study:metric_names"}
    assert storage.traces_of_deletion() == []
    assert storage.propose(again, make_block(0, 4))
    assert [trial.user_attrs for trial in storage.read_trials(again)] == [{}] * 4


def test_a_study_that_adopted_anothers_trials_is_named(storage, study_id, make_block):
    storage.propose(study_id, make_block(0, 2))
    with storage.engine.begin() as connection:
        connection.execute(insert(TRIALS), {"number": 1, "study_id": study_id, "state": TrialState.WAITING})
    (said,) = storage.traces_of_deletion()
    assert said.startswith("study 'digits' also holds trials of a study that was deleted")


def test_a_lease_does_not_pass_to_a_trial_with_the_same_id(storage, study_id, stock, make_block, path):
    with storage.worker(study_id) as worker:
        storage.claim(worker, 1, cohort=make_block(0, 1))
        optuna.delete_study(study_name="digits", storage=stock._storage)
        theirs = optuna.create_study(study_name="theirs", storage=stock._storage)
        theirs.ask()
        worker._lock.release()  # as if it had died
        assert storage.reclaim(theirs._study_id) == []
        assert theirs.trials[0].state == TrialState.RUNNING


def test_deleting_a_study_clears_our_tables(storage, study_id, make_block, make_result):
    from sqlalchemy import func, select

    from storage.tables import METADATA

    with storage.worker(study_id) as worker:
        claimed = storage.claim(worker, 3, cohort=make_block(0, 3))
        storage.finish(worker, [make_result(trial) for trial in claimed[:2]])
        storage.delete_study(study_id)
    with storage.engine.connect() as connection:
        for table in METADATA.tables.values():
            rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
            assert rows == (1 if table.name == "reluctant_schema" else 0), table.name
