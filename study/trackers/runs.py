"""A study as runs of a tracker: the hyperparameters, measures and learning curves of each trial that has ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any, Protocol

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from storage import CohortStorage
from study.config import ConfigError, digest
from study.records.attributes import IDENTITY, resolve_name
from study.records.own_trials import known_feasible

_CHUNK = 200
OF_ANOTHER = "holds runs of another study of the name {name!r}; export elsewhere, or `reluctant rename` this one"
"""What is said where the runs of a study would be mixed with those of another."""


class TrackerError(ConfigError):
    """A study cannot be written where it is asked for."""


@dataclass(frozen=True)
class Run:
    """One trial that has ended.

    Attributes:
        number: The trial's number.
        params: Its hyperparameters; those that it does not have are missing.
        metrics: Its objective values and measures by name; `feasible` is 1 or 0.
        curves: Its learning curves by name, a point an epoch: means over replicates, and each as `NAME/replicate0`, …
        state: Whether it was trained to its end (COMPLETE), stopped early (PRUNED), or failed.
        started: When its training started.
        ended: When it ended.
    """

    number: int
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    curves: Mapping[str, Sequence[float]]
    state: TrialState
    started: datetime
    ended: datetime


@dataclass(frozen=True)
class StudyRuns:
    """A study as a tracker shows it.

    Attributes:
        name: The study's name.
        identity: Tells the study from others of its name.
        about: What the study is about, as text by name.
        objectives: Names of the objectives, which are among each run's metrics.
        measures: Names of all metrics of its runs, the objectives first.
        distributions: The values that each hyperparameter may have; None where trials differ in that.
    """

    name: str
    identity: str
    about: Mapping[str, str]
    objectives: Sequence[str]
    measures: Sequence[str]
    distributions: Mapping[str, BaseDistribution | None]


class Tracker(Protocol):
    """Where runs are written; a context manager, whose exit ends what is open."""

    def present(self) -> set[int]:
        """The numbers of the trials that are there already."""

    def write(self, run: Run) -> None:
        """Writes one run, whole."""


class OpenTracker(Protocol):
    """Opens the tracker of a study."""

    def __call__(self, study: StudyRuns) -> Any:
        """Opens it; the result is a context manager that gives a `Tracker`."""


def track(storage: CohortStorage, name: str | None, opened: OpenTracker) -> tuple[int, int]:
    """Writes the trials of a study that have ended, and are not there yet, as runs.

    Args:
        storage: Where the study lives.
        name: The study's name; None: the only one there is.
        opened: Opens the tracker; see `destination`.

    Returns:
        How many runs were written, and how many were there already.

    Raises:
        StudyNotFoundError: There is none of that name, or not one alone.
        TrackerError: The tracker cannot be written.
    """
    name = resolve_name(storage, name)
    study_id = storage.study_id(name)
    trials = [trial for trial in storage.read_trials(study_id) if trial.state.is_finished()]
    names = storage.get_study_system_attrs(study_id).get("study:metric_names")
    objectives = names or [f"value_{index}" for index in range(len(storage.get_study_directions(study_id)))]
    about = {key: str(value) for key, value in storage.get_study_user_attrs(study_id).items()}
    of_stock = {"place": storage.place, "id": study_id}
    identity = storage.get_study_system_attrs(study_id).get(IDENTITY, of_stock)
    measures = dict.fromkeys([*objectives, *(name for trial in trials for name in _measures(trial, objectives))])
    runs = StudyRuns(name, digest(identity), about, objectives, tuple(measures), _distributions(trials))
    with opened(runs) as tracker:
        present: set[int] = tracker.present()
        missing = [trial for trial in trials if trial.number not in present]
        for run in _runs(storage, study_id, missing, objectives):
            tracker.write(run)
    return len(missing), len(trials) - len(missing)


def _runs(
    storage: CohortStorage, study_id: int, trials: Sequence[FrozenTrial], objectives: Sequence[str]
) -> Iterator[Run]:
    for start in range(0, len(trials), _CHUNK):
        chunk = trials[start : start + _CHUNK]
        curves: dict[int, dict[str, list[Sequence[float]]]] = defaultdict(lambda: defaultdict(list))
        for row in storage.learning_curves(study_id, numbers=[trial.number for trial in chunk]):
            curves[row["number"]][row["name"]].append(row["points"])
        for trial in chunk:
            yield _run(trial, curves[trial.number], objectives)


def _measures(trial: FrozenTrial, objectives: Sequence[str]) -> dict[str, float]:
    """The objective values and measures of a trial by name; `feasible` is 1 or 0."""
    measures = {name: float(value) for name, value in trial.user_attrs.items() if isinstance(value, bool | int | float)}
    if trial.values is not None:
        measures |= dict(zip(objectives, trial.values, strict=False))
    return measures | ({} if (feasible := known_feasible(trial)) is None else {"feasible": float(feasible)})


def _run(trial: FrozenTrial, curves: Mapping[str, Sequence[Sequence[float]]], objectives: Sequence[str]) -> Run:
    ended = trial.datetime_complete or trial.datetime_start or datetime.now()
    return Run(
        trial.number,
        trial.params,
        _measures(trial, objectives),
        {name: points for curve, replicates in curves.items() for name, points in _lines(curve, replicates)},
        trial.state,
        trial.datetime_start or ended,
        ended,
    )


def _lines(name: str, replicates: Sequence[Sequence[float]]) -> Iterator[tuple[str, Sequence[float]]]:
    """The mean of a curve over the replicates that have come to an epoch, and each replicate where there are several.

    Example:
        >>> dict(_lines("loss", [[2.0, 1.0], [4.0]]))
        {'loss': [3.0, 1.0], 'loss/replicate0': [2.0, 1.0], 'loss/replicate1': [4.0]}
    """
    epochs = range(max(map(len, replicates)))
    yield name, [fmean(points[epoch] for points in replicates if epoch < len(points)) for epoch in epochs]
    if len(replicates) > 1:
        yield from ((f"{name}/replicate{number}", points) for number, points in enumerate(replicates))


def _distributions(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution | None]:
    found: dict[str, BaseDistribution | None] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            found[name] = distribution if found.setdefault(name, distribution) == distribution else None
    return found
