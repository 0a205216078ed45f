"""Brackets at work: who is stopped where is a function of the study's identity, whoever trains it and however often."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from storage import CohortStorage, open_storage
from study.config import ConfigError, read_config
from study.problem import Search
from study.records.attributes import RUNGS, STOPPED_AT
from study.records.open_study import OpenStudy, create_or_open, reopen
from study.records.rung_results import rung_results
from study.training import Outcome, Replicate, Trainer, TrainingProcessError
from study.workers.worker import work

OPTIONS: dict[str, Any] = {
    **{"data": "iris", "seeds": 2, "epochs": 9, "cohort": 8, "hidden": "8", "name": "s", "threads": 1, "trials": 24},
    **{"pruner": "halving", "bracket": 4, "reduction_factor": 2, "min_epochs": 2, "min_seeds": 1},
}


def opened(storage: CohortStorage, **options: Any) -> OpenStudy:
    return create_or_open(Search.of(read_config(OPTIONS | options)), storage)


def work_with_interruptions(study: OpenStudy, *, every: int) -> None:
    """One worker after another, each of which stops after so many steps, until the study has its trials."""
    steps = iter(range(10**9))
    for _ in range(200):
        until = next(steps) + every
        if work(study, stop=lambda until=until: next(steps) > until, processes=False):
            return
    raise AssertionError("the study does not end")


def contents(storage: CohortStorage, study: OpenStudy) -> str:
    """All of a study that must not depend on its history."""
    trials = storage.read_trials(study.study_id)
    kept: list[Any] = [
        [
            (t.number, t.state.name, t.params, t.values, t.system_attrs),
            {name: value for name, value in t.user_attrs.items() if not name.startswith("seconds")},
        ]
        for t in trials
    ]
    kept += [storage.layer_measures(study.study_id), storage.learning_curves(study.study_id)]
    return json.dumps(kept, sort_keys=True)


def lose(storage: CohortStorage, study: OpenStudy, count: int, *, cohort: Any = None) -> None:
    """Workers that claimed the first trials died twice."""
    for _ in range(2):
        worker = storage.worker(study.study_id)
        assert len(storage.claim(worker, count)) == count
        storage.abandon(worker, "worker died")
        worker.close()


@pytest.fixture
def whole(storage: CohortStorage) -> OpenStudy:
    study = opened(storage, name="whole")
    assert work(study, processes=False)
    return study


def of_brackets(trials: list[FrozenTrial]) -> list[list[FrozenTrial]]:
    return [[t for t in trials if t.number // 4 == block and t.number] for block in range(6)]


def test_exactly_half_go_on_at_each_rung_and_the_last_have_all_replicates(
    storage: CohortStorage, whole: OpenStudy
) -> None:
    trials = storage.read_trials(whole.study_id)
    assert trials[0].state is TrialState.COMPLETE  # the baseline competes with nobody
    assert RUNGS not in trials[0].system_attrs
    for bracket in of_brackets(trials):
        reached = [list(rung_results(trial)) for trial in bracket]
        at_second = [trial for trial, epochs in zip(bracket, reached, strict=True) if 4 in epochs]
        complete = [trial for trial in bracket if trial.state is TrialState.COMPLETE]
        assert all(epochs[0] == 2 for epochs in reached)
        assert len(at_second) == -(-len(bracket) // 2)
        assert len(complete) == -(-len(at_second) // 2)
        assert {trial.state for trial in bracket} == {TrialState.COMPLETE, TrialState.PRUNED}
        for trial in bracket:
            epochs = {len(row["points"]) for row in storage.learning_curves(whole.study_id, numbers=[trial.number])}
            seeds = {row["replicate"] for row in storage.layer_measures(whole.study_id, numbers=[trial.number])}
            if trial.state is TrialState.COMPLETE:
                assert (epochs, seeds) == ({9}, {0, 1})
            else:
                assert (epochs, seeds) == ({trial.user_attrs[STOPPED_AT]}, {0})
                assert trial.user_attrs[STOPPED_AT] == max(rung_results(trial))
                assert (trial.values, trial.intermediate_values) == (None, {})


def test_killed_at_any_time_it_is_the_same_study(storage: CohortStorage, whole: OpenStudy) -> None:
    study = opened(storage, checkpoint_every=1e-6)
    work_with_interruptions(study, every=61)
    assert contents(storage, study) == contents(storage, whole)


def test_three_workers_decide_as_one(storage: CohortStorage, whole: OpenStudy) -> None:
    study = opened(storage)

    def of_a_worker(_: int) -> bool:
        own = open_storage(storage.address)
        try:
            return work(reopen(own, "s", overrides={"threads": 1}), processes=False)
        finally:
            own.close()

    with ThreadPoolExecutor(3) as workers:
        assert list(workers.map(of_a_worker, range(3))) == [True] * 3
    assert len({row["token"] for row in storage.workers(study.study_id)}) == 3
    assert contents(storage, study) == contents(storage, whole)


def test_where_replicates_end_early_it_is_the_same_study_too(storage: CohortStorage) -> None:
    """Values at a rung are those of the weights that are kept there; ended replicates compete with them."""
    options = {"learning_rate": 0.05, "patience": 1, "trials": 8, "min_seeds": 2}
    whole, study = opened(storage, name="patient", **options), opened(storage, checkpoint_every=1e-6, **options)
    assert work(whole, processes=False)
    work_with_interruptions(study, every=31)
    assert contents(storage, study) == contents(storage, whole)
    stopped = [t for t in storage.read_trials(study.study_id) if t.state is TrialState.PRUNED]
    assert len(stopped) == 5
    for trial in stopped:
        assert trial.user_attrs["clamped_accuracy"] == rung_results(trial)[trial.user_attrs[STOPPED_AT]].values[0]
    assert any(trial.user_attrs["best_epoch"] < trial.user_attrs[STOPPED_AT] for trial in stopped)


def test_suspects_that_train_alone_change_no_decision(storage: CohortStorage, whole: OpenStudy) -> None:
    study = opened(storage)
    stops = iter([False])
    work(study, stop=lambda: next(stops, True), processes=False)
    if not storage.read_trials(study.study_id):
        pytest.fail("the first cohort was not proposed")
    lose(storage, study, 6)
    assert work(study, processes=False)
    assert contents(storage, study) == contents(storage, whole)


@pytest.mark.parametrize("cut", [5, 14, 23])
def test_a_total_that_cuts_a_bracket_changes_no_decision(storage: CohortStorage, whole: OpenStudy, cut: int) -> None:
    study = opened(storage, trials=cut)
    assert work(study, processes=False)
    assert len(storage.read_trials(study.study_id)) == cut
    raised = reopen(storage, "s", overrides={"trials": 24, "threads": 1})
    assert work(raised, processes=False)
    assert contents(storage, raised) == contents(storage, whole)


def losses_until_done(study: OpenStudy) -> int:
    """Works on a study, each time with a new worker where one is gone; returns how many were gone."""
    for gone in range(30):
        with suppress(TrainingProcessError):
            assert work(study, processes=False)
            return gone
    pytest.fail("workers are lost for ever")


@pytest.mark.parametrize("cut", [21, 22, 23])
def test_a_member_beyond_the_total_that_ends_its_workers_fails_as_one_below_it_does(
    storage: CohortStorage, whole: OpenStudy, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, fit = whole.problem, Trainer.fit
    killer = problem.space.hyperparameters(storage.read_trials(whole.study_id)[23].params, problem.defaults)

    def die(self: Trainer, trials: Sequence[Any], **options: Any) -> list[Outcome]:
        is_known = (keeper := options["keeper"]) is not None and isinstance(keeper.known(len(trials) - 1, 0), Replicate)
        if any(trial.values == killer.values for trial in trials) and not is_known:
            raise TrainingProcessError("killed")
        return fit(self, trials, **options)

    monkeypatch.setattr(Trainer, "fit", die)
    study, uncut = opened(storage, trials=cut), opened(storage, name="uncut")
    losses_until_done(uncut)
    assert storage.read_trials(uncut.study_id)[23].state is TrialState.FAIL
    assert losses_until_done(study) <= 2 + 3
    assert len(storage.read_trials(study.study_id)) == cut
    states = [trial.state for trial in storage.read_trials(study.study_id)[20:]]
    assert set(states) <= {TrialState.COMPLETE, TrialState.PRUNED}
    raised = reopen(storage, "s", overrides={"trials": 24, "threads": 1})
    losses_until_done(raised)
    assert contents(storage, raised) == contents(storage, uncut)


def test_an_enqueued_trial_is_trained_to_the_end_also_one_that_was_stopped(
    storage: CohortStorage, whole: OpenStudy
) -> None:
    stopped = next(t for t in storage.read_trials(whole.study_id) if t.state is TrialState.PRUNED)
    optuna.load_study(study_name="whole", storage=storage).enqueue_trial(stopped.params)
    assert work(reopen(storage, "whole", overrides={"trials": 28, "threads": 1}), processes=False)
    again = storage.read_trials(whole.study_id)[24]
    assert (again.state, again.params) == (TrialState.COMPLETE, stopped.params)
    assert RUNGS not in again.system_attrs
    assert {len(row["points"]) for row in storage.learning_curves(whole.study_id, numbers=[24])} == {9}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"min_epochs": 9}, "--min-epochs is 9, and --epochs is 9.*give 1 to 8"),
        ({"min_epochs": 12}, "--min-epochs is 12, and --epochs is 9.*give 1 to 8"),
        ({"bracket": 3}, "--bracket is 3, which does not divide --cohort 8; give one of 2, 4, 8"),
        ({"min_seeds": 3}, "--min-seeds is 3, and --seeds is 2; give 1 to 2"),
        ({"epochs": 1, "min_epochs": None}, "--epochs is 1.*give 2 epochs or more"),
        ({"cohort": 1, "bracket": None}, "--cohort is 1.*give a larger"),
        ({"pruner": "none"}, "--min-epochs is given, and --pruner is none.*leave one of the two out"),
        ({"reduction_factor": 1}, "--reduction-factor is 1; it needs to be greater than or equal to 2"),
        ({"pruner": "halvin"}, "unknown pruner 'halvin'; did you mean 'halving'"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_what_would(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Search.of(read_config(OPTIONS | options))
