"""The loop against a real database, with trainings of a blink."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from storage import CohortStorage, StorageError, StudyDeletedError
from study.config import read_config
from study.estimate import estimate
from study.problem import Search
from study.records.open_study import OpenStudy, create_or_open, reopen
from study.training import Outcome, Replicate, TrainingProcessError
from study.training.processes import can_fork
from study.workers.worker import StudyProgress, work

OPTIONS: dict[str, Any] = {"data": "iris", "seeds": 2, "epochs": 3, "cohort": 4, "hidden": "16", "name": "s"}


def opened(storage: CohortStorage, **options: Any) -> OpenStudy:
    return create_or_open(Search.of(read_config(OPTIONS | options)), storage)


def values(storage: CohortStorage, study: OpenStudy) -> list[tuple[float, ...]]:
    return [tuple(trial.values) for trial in storage.read_trials(study.study_id)]


def test_it_ends_at_the_total_and_reports_every_cohort(storage: CohortStorage) -> None:
    study = opened(storage, trials=10)
    seen: list[StudyProgress] = []
    assert work(study, report=seen.append)
    assert [progress.done for progress in seen] == [0, 4, 8, 10]
    assert storage.count_by_state(study.study_id)[TrialState.COMPLETE] == 10
    assert work(study, report=seen.append)
    assert seen[-1].trained == 0


def test_every_measure_is_kept(storage: CohortStorage) -> None:
    study = opened(storage, trials=2)
    work(study)
    trial = storage.read_trials(study.study_id)[1]
    wanted = {"accuracy", "balanced_accuracy", "log_loss", "near_zero", "zeros", "hoyer", "gini", "removable"}
    wanted |= {"raw_zeros", "dead", "dormant", "live", "saturation", "gradient_ratio_start", "gradient_ratio_end"}
    wanted |= {"generalization_gap", "seconds_per_slot_of_cohort"}
    assert wanted <= trial.user_attrs.keys()
    layers = storage.layer_measures(study.study_id, numbers=[1])
    assert [(row["replicate"], row["layer"]) for row in layers] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert {"treves_rolls_population", "near_zero", "gradient_norm_end"} <= layers[0].keys()
    curves = storage.learning_curves(study.study_id, numbers=[1])
    assert {(row["replicate"], row["name"], len(row["points"])) for row in curves} == {
        (replicate, name, 3) for replicate in (0, 1) for name in ("training_loss", "validation_accuracy")
    }


def test_what_a_stop_interrupts_is_given_back_and_trained_later(storage: CohortStorage) -> None:
    whole = opened(storage, trials=8, name="whole")
    work(whole)
    study = opened(storage, trials=8, threads=1)
    calls = iter(range(10**9))
    lines: list[str] = []
    assert not work(study, stop=lambda: next(calls) > 18, log=lines.append)
    counts = storage.count_by_state(study.study_id)
    assert counts[TrialState.RUNNING] == 0
    assert counts[TrialState.WAITING] == 4
    assert any(line.startswith("given back, to be trained by whoever comes next: trials ") for line in lines)
    assert work(study)
    assert values(storage, study) == values(storage, whole)


@pytest.mark.parametrize(("total", "ends_with"), [(14, 14), (9, 9)])
def test_a_worker_under_way_hears_of_another_total(storage: CohortStorage, total: int, ends_with: int) -> None:
    work(whole := opened(storage, trials=ends_with, name="whole"))
    study = opened(storage, trials=12)
    lines: list[str] = []
    seen: list[StudyProgress] = []

    def change(progress: StudyProgress) -> None:
        seen.append(progress)
        if progress.done == 4:
            assert reopen(storage, "s", overrides={"trials": total}).total == total

    assert work(study, report=change, log=lines.append)
    assert f"study s is now to have {total} trials, not 12" in lines
    assert (seen[-1].done, seen[-1].total) == (ends_with, total)
    assert values(storage, study) == values(storage, whole)


def test_a_worker_whose_database_is_removed_does_not_report_success(storage: CohortStorage) -> None:
    study = opened(storage, trials=8)

    def remove(progress: StudyProgress) -> None:
        if progress.done == 8:
            assert storage.file is not None
            storage.file.unlink()

    with pytest.raises(StorageError, match="was removed while it was in use"):
        work(study, report=remove)


def test_a_total_that_another_command_raised_meanwhile_is_kept(
    storage: CohortStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(storage, trials=8)
    check = Search.check_total

    def raise_it(problem: Search, name: str) -> None:
        monkeypatch.setattr(Search, "check_total", check)
        reopen(storage, "s", overrides={"trials": 40})

    monkeypatch.setattr(Search, "check_total", raise_it)
    assert reopen(storage, "s").total == 40


@pytest.mark.parametrize("same_id", [False, True])
def test_a_worker_whose_study_is_deleted_ends_and_spares_the_next_study(storage: CohortStorage, same_id: bool) -> None:
    study = opened(storage, trials=40)

    def delete(progress: StudyProgress) -> None:
        if progress.done == 8:
            optuna.delete_study(study_name="s", storage=f"sqlite:///{storage.file}")
            if same_id:
                assert opened(storage, trials=4, name="next").study_id == study.study_id

    with pytest.raises(StudyDeletedError, match="was deleted while it was in use"):
        work(study, report=delete)
    if same_id:
        assert storage.read_trials(study.study_id) == []


@pytest.mark.skipif(not can_fork(), reason="blocks train in threads here")
def test_a_worker_whose_training_process_is_killed_counts_as_one_that_died(storage: CohortStorage) -> None:
    study = opened(storage, trials=4, epochs=10**6, threads=2)
    others = set(multiprocessing.active_children())  # of other tests

    def kill_one() -> None:
        own = [child for child in multiprocessing.active_children() if child not in others]
        assert own
        own[0].kill()

    def kill(progress: StudyProgress) -> None:
        threading.Timer(0.5, kill_one).start()

    with pytest.raises(TrainingProcessError, match="ended by SIGKILL"):
        work(study, report=kill)
    assert storage.count_by_state(study.study_id)[TrialState.WAITING] == 4
    assert not storage.living_workers(study.study_id)
    losses = storage.losses(study.study_id)
    assert [(loss["number"], loss["reason"]) for loss in losses] == [
        (number, "a process that trained networks ended by SIGKILL") for number in range(4)
    ]


def test_trials_of_other_programs_are_neither_waited_for_nor_run_twice(storage: CohortStorage) -> None:
    study = opened(storage, trials=12)
    stock = optuna.load_study(study_name="s", storage=storage)
    stock.ask()
    assert work(study)
    counts = storage.count_by_state(study.study_id)
    assert counts[TrialState.COMPLETE] == 11
    assert counts[TrialState.RUNNING] == 1


def test_what_waits_beyond_the_total_is_left_alone(storage: CohortStorage) -> None:
    study = opened(storage, trials=4)
    work(study)
    optuna.load_study(study_name="s", storage=storage).enqueue_trial({"activation": "tanh"})
    assert work(study)
    assert storage.count_by_state(study.study_id)[TrialState.WAITING] == 1
    assert work(reopen(storage, "s", overrides={"trials": 5}))
    last = storage.read_trials(study.study_id)[4]
    assert last.state is TrialState.COMPLETE
    assert last.params["activation"] == "tanh"


def test_an_estimate_counts_slots_and_grows_with_the_study() -> None:
    small = estimate(Search.of(read_config(OPTIONS | {"trials": 8})))
    large = estimate(Search.of(read_config(OPTIONS | {"trials": 800})))
    assert (small.slots, small.slots_a_cohort, large.slots) == (16, 8, 1600)
    assert large.seconds > 5 * small.seconds > 0
    assert small.memory == large.memory > 0


def test_foreign_waiting_trials_fail_with_a_reason_and_the_study_goes_on(storage: CohortStorage) -> None:
    study = opened(storage, trials=6)
    stock = optuna.load_study(study_name="s", storage=storage)
    momentum = {"momentum": optuna.distributions.FloatDistribution(0, 1)}
    state = TrialState.WAITING
    stock.add_trial(optuna.trial.create_trial(state=state, params={"momentum": 0.5}, distributions=momentum))
    lines: list[str] = []
    assert work(study, log=lines.append)
    assert any("unknown parameter 'momentum'" in line for line in lines)
    counts = storage.count_by_state(study.study_id)
    assert (counts[TrialState.FAIL], counts[TrialState.COMPLETE]) == (1, 5)


def test_seeds_keep_their_place_where_one_diverges() -> None:
    outcome = Outcome(
        (
            Replicate(diverged=True, scores={"accuracy": 0.3}),
            Replicate(diverged=False, scores={"accuracy": 0.9, "log_loss": 0.2}),
        )
    )
    assert outcome.values("log_loss") == [None, 0.2]
    assert outcome.mean("log_loss") == 0.2


def test_a_cohort_that_memory_splits_is_said_once_and_gives_the_same(
    storage: CohortStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(plenty := opened(storage, trials=8))
    monkeypatch.setattr("study.workers.cohort.available_memory", lambda: 2)
    lines: list[str] = []
    work(little := opened(storage, trials=8, name="little"), log=lines.append)
    assert [line for line in lines if "of memory do not hold the cohort" in line] == lines
    assert len(lines) == 1
    assert values(storage, little) == values(storage, plenty)
