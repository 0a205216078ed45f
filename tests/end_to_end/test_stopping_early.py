"""A search whose trials are stopped early, as every command and stock Optuna read it."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import optuna
import pandas as pd
import pytest
from command import Reluctant, run_here
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import TrialState

import reluctant
from reluctant.exit_codes import WRONG_USAGE
from storage import open_storage
from study.cli.live_status import status_rows
from study.config import ConfigError, StudyConfig, read_config
from study.estimate import estimate
from study.problem import Search
from study.records.attributes import RUNGS, STOPPED_AT
from study.records.open_study import reopen
from study.report.dashboard_figures import dashboard_content
from study.search.fresh_seeds import largest_cheap_front
from study.training.rungs import phases

SMALL = {"seeds": 2, "epochs": 9, "cohort": 8, "hidden": 8, "learning_rate": 0.01, "name": "s", "threads": 1}
RUNGS_OF_ALL = {"pruner": "halving", "bracket": 4, "reduction_factor": 2, "min_epochs": 2}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study with rungs."""
    folder = tmp_path_factory.mktemp("rungs")
    place = str(folder / "reluctant.db")
    reluctant.run("iris", trials=24, storage=place, progress=False, **SMALL, **RUNGS_OF_ALL).close()
    return folder


@pytest.fixture
def study(finished: Path) -> Iterator[reluctant.Study]:
    with reluctant.load("s", storage=str(finished / "reluctant.db")) as study:
        yield study


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> str:
    """A database with the same study, for those who change it."""
    return str(shutil.copy(finished / "reluctant.db", tmp_path / "reluctant.db"))


def test_status_tells_stopped_trials_from_failed_ones(finished: Path, study: reluctant.Study) -> None:
    (row,) = status_rows(study._opened.storage)
    assert (row["complete"] + row["pruned"], row["failed"]) == (24, 0)
    shown = run_here("status", cwd=finished, check=True).stdout.splitlines()
    assert "pruned" in shown[0].split()


def test_only_complete_trials_are_on_the_front_and_they_have_all_seeds(study: reluctant.Study) -> None:
    trials = study.trials()
    assert set(trials["state"]) == {"COMPLETE", "PRUNED"}
    front = study.front()
    assert (trials.loc[front.index, "state"] == "COMPLETE").all()
    assert trials.loc[front.index, ["accuracy_seed0", "accuracy_seed1"]].notna().all(axis=None)


def test_stopped_trials_have_a_row_with_their_measures_at_the_rung(finished: Path, study: reluctant.Study) -> None:
    run_here("export", "s", "-o", "trials.csv", cwd=finished, check=True)
    read = pd.read_csv(finished / "trials.csv", index_col="number")
    stopped = read[read["state"] == "PRUNED"]
    assert len(stopped) > 12
    assert set(stopped[STOPPED_AT]) == {2.0, 4.0}
    assert stopped[["accuracy", "clamped_zeros", "accuracy_seed0", "feasible"]].notna().all(axis=None)
    assert stopped[["value_clamped_accuracy", "accuracy_seed1"]].isna().all(axis=None)


def test_a_tracker_has_stopped_trials_as_such(study: reluctant.Study, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS, STATUS_UNKNOWN
    from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG, parse_session_end_info_plugin_data

    study.export(f"tensorboard:{tmp_path}")
    (folder,) = tmp_path.iterdir()
    for number, row in study.trials().iterrows():
        read = EventAccumulator(str(folder / f"trial-{number:05d}")).Reload()
        ended = parse_session_end_info_plugin_data(read.SummaryMetadata(SESSION_END_INFO_TAG).plugin_data.content)
        assert ended.status == (STATUS_SUCCESS if row["state"] == "COMPLETE" else STATUS_UNKNOWN)
        if row["state"] == "PRUNED":
            assert len(read.Scalars("training_loss")) == row[STOPPED_AT]
            assert read.Scalars("feasible")[0].value == row["feasible"]


def test_a_stopped_trial_is_no_model_and_the_error_says_why(finished: Path, study: reluctant.Study) -> None:
    trials = study.trials()
    number = trials.index[trials["state"] == "PRUNED"][0]
    result = run_here("export", "s", "--model", "m", "--trial", number, cwd=finished)
    assert result.returncode == WRONG_USAGE
    assert f"trial {number} of 's' was stopped early" in result.stderr
    assert not (finished / "m").exists()


def test_dashboard_and_figures_show_who_was_stopped_where(study: reluctant.Study) -> None:
    storage, study_id = study._opened.storage, study._opened.study_id
    panels, note = dashboard_content(storage, study_id, storage.read_trials(study_id))
    assert {"front-figure", "stopping-2", "stopping-4"} <= {panel.id for panel in panels}
    assert "Use trial" in note
    trials = study.trials()
    for epoch, reached in ((2, 23), (4, 12)):
        here, others = study.figure(f"stopping-{epoch}").data
        assert (here.name, len(here.x)) == ("stopped here", (trials[STOPPED_AT] == epoch).sum())
        assert (others.name, len(here.x) + len(others.x)) == ("went on", reached)


def test_the_report_says_what_a_stopped_trial_is_worth_where_that_is_known(copy: str) -> None:
    folder = Path(copy).parent
    run_here("report", "s", "-o", "before.html", cwd=folder, check=True)
    with reluctant.load("s", storage=copy) as study:
        stopped = (study.trials()["state"] == "PRUNED").sum()
    first_line = rf"24 trials \({stopped} stopped early[^)]*\), 2 seeds for each that was trained to the end"
    assert re.search(first_line, (folder / "before.html").read_text())
    before = (folder / "before.html").read_text()
    assert "of each 4 trials, after epoch 2 the best 2 go on" in before
    assert "is known of none" in before
    storage = open_storage(copy)
    (stopped, *_) = (trial for trial in storage.read_trials(1) if trial.state is TrialState.PRUNED)
    optuna.load_study(study_name="s", storage=storage).enqueue_trial(stopped.params)
    storage.close()
    run_here("resume", "s", "--trials", 25, cwd=folder, check=True)
    run_here("report", "s", "-o", "after.html", cwd=folder, check=True)
    after = (folder / "after.html").read_text()
    assert "Of the stopped ones 1 were trained to the end later" in after
    assert f"trial {stopped.number}, stopped at epoch {stopped.user_attrs[STOPPED_AT]}, is worth" in after
    with reluctant.load("s", storage=copy) as study:
        assert "trained to the end later" in {
            trace.name for trace in study.figure(f"stopping-{stopped.user_attrs[STOPPED_AT]}").data
        }


@pytest.mark.parametrize("objective", ["accuracy", "weighted"])
def test_with_one_objective_the_figure_is_over_trials(here: Reluctant, tmp_path: Path, objective: str) -> None:
    options = ("--seeds", 1, "--epochs", 4, "--cohort", 4, "--hidden", 8, "--pruner", "halving", "--name", "one")
    here("run", "iris", "--trials", 4, "--objective", objective, "--min-accuracy", 0, *options, check=True)
    with reluctant.load("one", storage=str(tmp_path / "reluctant.db")) as study:
        here_, others = study.figure("stopping-1").data
        assert sorted([*here_.x, *others.x]) == [1, 2, 3]


def test_an_estimate_counts_what_is_trained(study: reluctant.Study) -> None:
    search = study._opened.search
    plan = estimate(search)
    assert search.halving is not None
    parts = phases(search.halving, epochs=9, replicates=2)
    # Of 4 trials 2 go on after 2 epochs, 1 after 4, and gets its second seed.
    assert [(part.slots, part.epochs) for part in parts] == [(4, 2), (2, 2), (1, 5), (1, 9)]
    assert plan.slot_epochs == 6 * (8 + 4 + 5 + 9)
    assert plan.share == pytest.approx(plan.slot_epochs / (24 * 2 * 9))
    assert plan.slots == 6 * 5
    whole = estimate(Search.of(read_config({"data": "iris", "trials": 24, **SMALL})))
    assert (whole.slot_epochs, whole.share) == (24 * 2 * 9, 1.0)


def test_fresh_seeds_are_cheap_by_the_epochs_that_the_search_trains(study: reluctant.Study) -> None:
    """Guards against a confirmation that costs as much as a search whose trials are stopped early."""
    config = study._opened.problem.config.model_copy(update={"trials": 1000})
    assert largest_cheap_front(config.model_copy(update={"pruner": "none"})) == 20
    assert largest_cheap_front(config) == int(2000 * 26 / 72) // 100


def test_begin_and_dry_run_say_who_is_stopped_where(here: Reluctant) -> None:
    options = [part for name, value in {**SMALL, **RUNGS_OF_ALL}.items() for part in (f"--{name}", value)]
    options = [str(part).replace("_", "-") for part in options]
    text = "of each 4 trials, after epoch 2 the best 2 go on, after epoch 4 the best 1; up to there with 1 of 2 seeds"
    planned = here("run", "iris", "--trials", 4, *options, "--dry-run", "--format", "json", check=True)
    assert json.loads(planned.stdout)["remarks"][0] == text
    assert text in here("run", "iris", "--trials", 4, *options, check=True).stderr


def test_a_study_without_rungs_is_not_continued_with_them_nor_the_reverse(finished: Path) -> None:
    small = ("iris", "--trials", 4, "--seeds", 2, "--epochs", 9, "--cohort", 8)
    run_here("run", *small, "--name", "whole", cwd=finished, check=True)
    for name, options in (("whole", ("--pruner", "halving")), ("s", ())):
        refused = run_here("run", *small, "--name", name, *options, cwd=finished)
        assert refused.returncode == WRONG_USAGE
        assert f"the name '{name}' is taken by a study with another configuration" in refused.stderr
        assert "pruner" in refused.stderr
    assert run_here("resume", "whole", "--pruner", "halving", cwd=finished).returncode == WRONG_USAGE


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pruner", "halving", "--min-epochs", 30), "give 1 to 29"),
        (("--pruner", "halving", "--reduction-factor", 1), "greater than or equal to 2"),
        (("--pruner", "halving", "--bracket", 5, "--cohort", 32), "give one of 2, 4, 8, 16, 32"),
        (("--bracket", 4, "--pruner", "none"), "leave one of the two out"),
    ],
)
def test_bad_input_is_wrong_usage_and_writes_nothing(
    here: Reluctant, tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    refused = here("run", "iris", *options)
    assert (refused.returncode, said in refused.stderr) == (WRONG_USAGE, True)
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_does_not_know_rungs_refuses_a_study_with_them(
    study: reluctant.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against workers of an earlier version that would train its trials to the end."""

    class Earlier(StudyConfig):
        pass

    for name in ("pruner", "min_epochs", "reduction_factor", "bracket", "min_seeds"):
        del Earlier.model_fields[name]
    Earlier.model_rebuild(force=True)
    monkeypatch.setattr("study.records.attributes.StudyConfig", Earlier)
    with pytest.raises(ConfigError, match="pruner"):
        reopen(study._opened.storage, "s")


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", [TPESampler, NSGAIISampler, RandomSampler, GPSampler])
def test_stock_optuna_goes_on_with_it_and_reluctant_after_that(copy: str, sampler: type[BaseSampler]) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stock = optuna.load_study(study_name="s", storage=f"sqlite:///{copy}", sampler=sampler(seed=0))
    assert len(stock.get_trials(states=(TrialState.PRUNED,))) > 12
    space = next(trial.distributions for trial in stock.trials if len(trial.distributions) == 4)
    for _ in range(3):
        trial = stock.ask(dict(space))
        stock.tell(trial, [0.5, 0.5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = optuna.importance.get_param_importances(stock, target=lambda trial: trial.values[0])
    assert set(shares) >= {"activation", "dropout"}
    stock._storage.remove_session()
    with reluctant.load("s", storage=copy, progress=False) as study:
        study.resume(trials=36)
        trials = study._opened.storage.read_trials(study._opened.study_id)
        assert [trial.state for trial in trials[24:27]] == [TrialState.COMPLETE] * 3
        assert all(trial.state.is_finished() for trial in trials)
        assert len(trials) == 36
        assert all(RUNGS in trial.system_attrs for trial in trials[27:])
        assert not set(study.front().index) & {24, 25, 26}
    storage = open_storage(copy)
    assert storage.integrity_check() == []
    storage.close()
