"""Runs in the trackers of others, read back by these trackers' own readers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from command import run_command

import reluctant
from storage import CohortStorage, open_storage
from study.trackers import TrackerError, destination, track

SEEDS, EPOCHS = 2, 3


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("tracked") / "s.db")


@pytest.fixture(scope="module")
def study(place: str) -> Iterator[reluctant.Study]:
    options = {"trials": 8, "cohort": 4, "seeds": SEEDS, "epochs": EPOCHS, "progress": False}
    with reluctant.run("iris", storage=place, name="a/b: ../c", **options) as study:
        yield study


def _curves(study: reluctant.Study) -> dict[tuple[int, str], list[list[float]]]:
    opened = study._opened
    found: dict[tuple[int, str], list[list[float]]] = {}
    for row in opened.storage.learning_curves(opened.study_id):
        found.setdefault((row["number"], row["name"]), []).append(row["points"])
    return found


def _hparams_page(folder: Path) -> tuple[Any, Any]:
    """What the HParams page of TensorBoard asks its server for: the experiment, and its sessions."""
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    context = backend_context.Context(TBContext(data_provider=provider))
    request = RequestContext()
    asked = api_pb2.GetExperimentRequest(include_metrics=True)
    experiment = get_experiment.Handler(request, context, "", asked).run()
    groups = list_session_groups.Handler(
        request,
        context,
        "",
        api_pb2.ListSessionGroupsRequest(
            start_index=0,
            slice_size=100,
            allowed_statuses=[api_pb2.STATUS_SUCCESS],
            aggregation_type=api_pb2.AGGREGATION_AVG,
            col_params=[api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos],
            include_metrics=True,
        ),
    ).run()
    return experiment, groups


def test_tensorboard_reads_every_trial_with_its_curves(study: reluctant.Study, place: str, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    arguments = ("export", study.name, "--to", "tensorboard:runs", "--storage", place)
    assert "8 runs written to runs" in run_command(*arguments, cwd=tmp_path, check=True).stderr
    (folder,) = (tmp_path / "runs").iterdir()  # no name leaves the folder
    trials, curves = study.trials(), _curves(study)
    assert [path.name for path in sorted(folder.glob("trial-*"))] == [f"trial-{number:05d}" for number in range(8)]
    for number, row in trials.iterrows():
        assert isinstance(number, int)
        read = EventAccumulator(str(folder / f"trial-{number:05d}")).Reload()
        for name in ("training_loss", "validation_accuracy"):
            replicates = curves[number, name]
            assert len(replicates) == SEEDS
            for tag, points in {
                name: np.mean(replicates, axis=0),
                **{f"{name}/replicate{number}": points for number, points in enumerate(replicates)},
            }.items():
                events = read.Scalars(tag)
                assert [event.step for event in events] == [1, 2, 3]
                assert [event.value for event in events] == pytest.approx(list(points), rel=1e-6)
            assert row["started"].timestamp() <= events[0].wall_time <= row["completed"].timestamp()
        for name in ("clamped_accuracy", "clamped_zeros", "near_zero"):
            (event,) = read.Scalars(name)
            assert event.value == pytest.approx(row[name], rel=1e-6)


def test_the_hparams_page_has_its_columns(study: reluctant.Study, place: str, tmp_path: Path) -> None:
    run_command("export", study.name, "--to", "tensorboard:runs", "--storage", place, cwd=tmp_path, check=True)
    (folder,) = (tmp_path / "runs").iterdir()
    experiment, groups = _hparams_page(folder)
    trials = study.trials()
    searched = {name.removeprefix("param_") for name in trials.columns if name.startswith("param_")}
    assert {info.name for info in experiment.hparam_infos} == searched >= {"activation", "dropout", "negative_slope"}
    metrics = [info.name.tag for info in experiment.metric_infos]
    assert metrics[:2] == ["clamped_accuracy", "clamped_zeros"]
    (activations,) = (info for info in experiment.hparam_infos if info.name == "activation")
    assert {value.string_value for value in activations.domain_discrete.values} >= set(trials["param_activation"])
    assert len(groups.session_groups) == 8
    for group in groups.session_groups:
        number = int(group.name.removeprefix("trial "))
        assert group.hparams["activation"].string_value == trials.loc[number, "param_activation"]
        (value,) = (each.value for each in group.metric_values if each.name.tag == "clamped_accuracy")
        assert value == pytest.approx(trials.loc[number, "clamped_accuracy"], rel=1e-6)


def test_exported_again_the_trials_that_ended_since_are_added(study: reluctant.Study, tmp_path: Path) -> None:
    opened, where = study._opened, destination(f"tensorboard:{tmp_path}")
    assert track(opened.storage, study.name, where) == (8, 0)
    assert track(opened.storage, study.name, where) == (0, 8)
    (folder,) = tmp_path.iterdir()
    (folder / "trial-00003").rename(tmp_path / "gone")
    study.export(f"tensorboard:{tmp_path}")
    assert track(opened.storage, study.name, where) == (0, 8)


def test_a_stock_study_is_tracked_too(tmp_path: Path) -> None:
    """One without curves or measures, with a failed trial, choices of several types, and infinite values."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    storage = open_storage(tmp_path / "s.db")
    study = optuna.create_study(storage=storage, study_name="stock")
    for number, choice in enumerate((1, "1", None)):
        study.enqueue_trial({"choice": choice})
        trial = study.ask({"choice": optuna.distributions.CategoricalDistribution([1, "1", None])})
        study.tell(trial, float("inf") if number == 1 else 0.5)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    study.ask()  # still runs
    assert track(storage, "stock", destination(f"tensorboard:{tmp_path}/runs")) == (4, 0)
    read = EventAccumulator(str(tmp_path / "runs" / "stock" / "trial-00001")).Reload()
    assert read.Scalars("value_0")[0].value == float("inf")
    storage.close()


def _searched(storage: CohortStorage, *names: str) -> None:
    """A stock study named `s` with a finished trial that has these hyperparameters."""
    study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
    trial = study.ask({name: optuna.distributions.FloatDistribution(0, 1) for name in names})
    for name in names:
        trial.set_user_attr(f"measure of {name}", 1.0)
    study.tell(trial, 0.5)


def test_the_hparams_page_has_what_later_trials_bring(tmp_path: Path) -> None:
    with closing(open_storage(tmp_path / "s.db")) as storage:
        for names in (("a",), ("a", "b")):
            _searched(storage, *names)
            track(storage, "s", destination(f"tensorboard:{tmp_path}/runs"))
            experiment, _ = _hparams_page(tmp_path / "runs")
            assert {info.name for info in experiment.hparam_infos} == set(names)
            assert {info.name.tag for info in experiment.metric_infos} >= {f"measure of {name}" for name in names}


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")  # of what MLflow does
@pytest.mark.parametrize("tracker", ["tensorboard", "mlflow"])
def test_another_study_of_the_name_is_refused(tracker: str, tmp_path: Path) -> None:
    pytest.importorskip(tracker)
    where = destination(f"{tracker}:{'sqlite:///' if tracker == 'mlflow' else ''}{tmp_path}/runs")
    for place, refused in (("one.db", False), ("two.db", True), ("one.db", False)):
        with closing(open_storage(tmp_path / place)) as storage:
            _searched(storage, "a")
            if refused:
                with pytest.raises(TrackerError, match="holds runs of another study of the name 's'; export elsewhere"):
                    track(storage, "s", where)
            else:
                track(storage, "s", where)


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")  # of what MLflow does
@pytest.mark.parametrize("address", ["sqlite:////proc/nope/m.db", "sqlite:////dev/full"])
def test_a_place_where_mlflow_cannot_write_is_said(study: reluctant.Study, address: str) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed (pip install 'reluctant[mlflow]')")
    with pytest.raises(TrackerError, match="MLflow at sqlite:"):
        track(study._opened.storage, study.name, destination(f"mlflow:{address}"))


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")  # of what MLflow does
def test_mlflow_reads_every_trial_with_its_curves(study: reluctant.Study, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed (pip install 'reluctant[mlflow]')")
    opened, address = study._opened, f"sqlite:///{tmp_path}/mlflow.db"
    assert track(opened.storage, study.name, destination(f"mlflow:{address}")) == (8, 0)
    client = mlflow.MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name(study.name)
    runs = {int(run.data.tags["reluctant.trial"]): run for run in client.search_runs([experiment.experiment_id])}
    trials, curves = study.trials(), _curves(study)
    assert sorted(runs) == list(trials.index)
    for number, run in runs.items():
        assert run.data.params["activation"] == trials.loc[number, "param_activation"]
        assert run.data.metrics["clamped_zeros"] == pytest.approx(trials.loc[number, "clamped_zeros"])
        assert run.info.status == "FINISHED"
        history = client.get_metric_history(run.info.run_id, "training_loss/replicate1")
        assert [point.value for point in sorted(history, key=lambda each: each.step)] == curves[
            number, "training_loss"
        ][1]
    left = client.create_run(experiment.experiment_id, tags={"reluctant.trial": "99"})  # by an interrupted export
    assert track(opened.storage, study.name, destination(f"mlflow:{address}")) == (0, 8)
    assert client.get_run(left.info.run_id).info.lifecycle_stage == "deleted"


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("tensorbord:runs", "unknown tracker 'tensorbord' in --to; did you mean 'tensorboard'"),
        ("tensorboard", "--to is 'tensorboard'; it needs a folder, as in tensorboard:runs"),
        ("mlflow:", "it needs a tracking URI, as in mlflow:sqlite:///mlflow.db"),
    ],
)
def test_what_is_no_tracker_is_said(to: str, said: str) -> None:
    with pytest.raises(TrackerError, match=said):
        destination(to)


def test_it_says_what_it_cannot_do(study: reluctant.Study, place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    arguments = ("export", study.name, "--storage", place)
    no_folder = run_command(*arguments, "--to", "tensorboard:file", cwd=tmp_path)
    assert (no_folder.returncode, "cannot write file" in no_folder.stderr) == (2, True), no_folder.stderr
    beside = run_command(*arguments, "--to", "tensorboard:runs", "-o", "t.csv", cwd=tmp_path)
    assert (beside.returncode, "--output is given beside --to" in beside.stderr) == (2, True), beside.stderr
    assert not (tmp_path / "runs").exists()


def test_a_missing_package_is_named_with_its_extra(study: reluctant.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrackerError, match=r"needs the package mlflow.*pip install 'reluctant\[mlflow\]'"):
        track(study._opened.storage, study.name, destination("mlflow:sqlite://"))
