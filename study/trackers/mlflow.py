"""Runs in MLflow: a study is an experiment of its name."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from reluctant.errors import ReluctantError
from storage.passwords import without_password
from study.trackers.runs import OF_ANOTHER, Run, StudyRuns, TrackerError

if TYPE_CHECKING:  # MLflow is an extra: without it this module is imported too, and only not used
    from mlflow import MlflowClient

_NUMBER = "reluctant.trial"
"""The tag that has a run's trial."""
_STUDY = "reluctant.study"
"""The tag that has an experiment's study."""
_BATCH = 900  # values in one request; servers take 1,000 in all
_STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}
_NO_NAME = re.compile(r"[^\w\-. /]")


@contextmanager
def opened(place: str, study: StudyRuns) -> Iterator[MLflow]:
    """The experiment of a study, which is made where it is missing.

    Args:
        place: The tracking URI: a server, a database, or a folder.
        study: The study.

    Raises:
        TrackerError: MLflow refused.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        yield MLflow(MlflowClient(tracking_uri=place), study)
    except ReluctantError:
        raise
    except Exception as error:  # MLflow lets those of its database, its server and its files through
        if not isinstance(error, MlflowException | OSError) and not type(error).__module__.startswith("sqlalchemy"):
            raise
        first, *_ = str(error).strip().splitlines() or [type(error).__name__]
        raise TrackerError(f"MLflow at {without_password(place)}: {without_password(first)}") from None


class MLflow:
    """The experiment of a study: one run a trial."""

    def __init__(self, client: MlflowClient, study: StudyRuns) -> None:
        found = client.get_experiment_by_name(study.name)
        if found is not None and found.lifecycle_stage == "deleted":
            raise TrackerError(
                f"MLflow holds a deleted experiment {study.name!r}; restore it there, or remove it for good by "
                "`mlflow gc`, and export again"
            )
        if found is not None and found.tags.get(_STUDY) != study.identity:
            raise TrackerError(f"MLflow {OF_ANOTHER.format(name=study.name)}")
        self._client = client
        self._id = (
            client.create_experiment(study.name, tags={**study.about, _STUDY: study.identity})
            if found is None
            else found.experiment_id
        )

    def present(self) -> set[int]:
        """The numbers of the trials that are there already; runs that an interrupted export left are removed."""
        numbers, token = set(), None
        while True:
            page = self._client.search_runs([self._id], f"tags.`{_NUMBER}` != ''", max_results=_BATCH, page_token=token)
            for run in page:
                if run.info.status == "RUNNING":
                    self._client.delete_run(run.info.run_id)
                else:
                    numbers.add(int(run.data.tags[_NUMBER]))
            token = page.token
            if not token:
                return numbers

    def write(self, run: Run) -> None:
        """Writes one run; it counts as there when it has ended."""
        from mlflow.entities import Metric, Param

        start, end = _milliseconds(run.started), _milliseconds(run.ended)
        made = self._client.create_run(
            self._id, start_time=start, run_name=f"trial {run.number}", tags={_NUMBER: str(run.number)}
        )
        points = [
            Metric(_key(name), value, start + (end - start) * step // len(curve), step)
            for name, curve in run.curves.items()
            for step, value in enumerate(curve, 1)
        ]
        points += [Metric(_key(name), value, end, 0) for name, value in run.metrics.items()]
        run_id = made.info.run_id
        params = [Param(_key(name), str(value)) for name, value in run.params.items()]
        self._client.log_batch(run_id, params=params)
        for first in range(0, len(points), _BATCH):
            self._client.log_batch(run_id, metrics=points[first : first + _BATCH])
        self._client.set_terminated(run_id, _STATUS[run.state], end)


def _milliseconds(when: datetime) -> int:
    return int(1000 * when.timestamp())


def _key(name: str) -> str:
    """A name as MLflow takes it."""
    return _NO_NAME.sub("_", name)
