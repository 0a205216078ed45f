"""Runs in TensorBoard's files: scalars and curves by torch's writer, hyperparameters for the HParams page."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS, STATUS_UNKNOWN
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary_v2 import (
    Discrete,
    HParam,
    IntInterval,
    Metric,
    RealInterval,
    hparams_config_pb,
    hparams_pb,
)
from torch.utils.tensorboard import SummaryWriter

from study.trackers.runs import OF_ANOTHER, Run, StudyRuns, TrackerError

_TRIAL = "trial-"
_STATUS = {TrialState.COMPLETE: STATUS_SUCCESS, TrialState.PRUNED: STATUS_UNKNOWN}
"""What the HParams page says of a trial; all others failed. It has no word for one that was stopped early."""
_MARK = "reluctant.json"
"""The file that says of which study a folder is, and which columns the HParams page has."""


@contextmanager
def opened(place: str, study: StudyRuns) -> Iterator[TensorBoard]:
    """The runs of a study, in a folder of its name below another.

    Args:
        place: The folder that `tensorboard --logdir` is given.
        study: The study.

    Raises:
        TrackerError: The folder cannot be written.
    """
    folder = Path(place).expanduser() / quote(study.name, safe=" ").replace("..", "%2E%2E")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield TensorBoard(folder, study)
    except OSError as error:
        raise TrackerError(f"cannot write {folder}: {error.strerror or error}; choose another folder") from None


class TensorBoard:
    """The folder of a study: one folder a trial, and an event file that says what the HParams page shows."""

    def __init__(self, folder: Path, study: StudyRuns) -> None:
        self._folder, self._study = folder, study
        columns = {"hyperparameters": sorted(study.distributions), "metrics": list(study.measures)}
        self._mark = {"study": study.identity, **columns}
        mark = folder / _MARK
        written = json.loads(mark.read_text("utf-8")) if mark.exists() else {}
        if written.get("study", study.identity) != study.identity or (not written and any(folder.iterdir())):
            raise TrackerError(f"{folder} {OF_ANOTHER.format(name=study.name)}")
        self._described = written == self._mark

    def present(self) -> set[int]:
        """The numbers of the trials that are there already."""
        found = (path.name.removeprefix(_TRIAL) for path in self._folder.glob(f"{_TRIAL}*"))
        return {int(number) for number in found if number.isdecimal()}

    def write(self, run: Run) -> None:
        """Writes one run, whole: it is given its name when it is finished."""
        if not self._described:
            self._describe()
        written = Path(tempfile.mkdtemp(prefix=".writing-", dir=self._folder))
        try:
            with SummaryWriter(str(written)) as writer:
                _write(writer, run)
            written.chmod(0o755)  # temporary folders are their maker's alone
            written.rename(self._folder / f"{_TRIAL}{run.number:05d}")
        except BaseException:
            shutil.rmtree(written, ignore_errors=True)
            raise

    def _describe(self) -> None:
        """Writes which hyperparameters and metrics the HParams page has, in place of what an earlier export wrote."""
        (self._folder / _MARK).write_text(json.dumps(self._mark, indent=1) + "\n", "utf-8")
        for earlier in self._folder.glob("events.*"):
            earlier.unlink()
        params = [HParam(name, _domain(each)) for name, each in self._study.distributions.items()]
        metrics = [Metric(name) for name in self._study.measures]
        with SummaryWriter(str(self._folder)) as writer:
            writer.file_writer.add_summary(hparams_config_pb(params, metrics))
            about = "\n".join(f"| {name} | {value} |" for name, value in self._study.about.items())
            writer.add_text("study", f"| | |\n|---|---|\n{about}")
        self._described = True


def _write(writer: Any, run: Run) -> None:
    start, end = run.started.timestamp(), run.ended.timestamp()
    params = {name: value for name, value in run.params.items() if isinstance(value, bool | int | float | str)}
    writer.file_writer.add_summary(hparams_pb(params, f"trial {run.number}", start), walltime=start)
    for name, points in run.curves.items():
        for epoch, point in enumerate(points, 1):
            writer.add_scalar(name, point, epoch, walltime=start + (end - start) * epoch / len(points))
    for name, value in run.metrics.items():
        writer.add_scalar(name, value, walltime=end)
    writer.file_writer.add_summary(_session_end(run, end), walltime=end)


def _session_end(run: Run, end: float) -> Any:
    """What `tensorboard.plugins.hparams.summary.session_end_pb` gives, which needs TensorFlow."""
    content = HParamsPluginData()
    content.session_end_info.status = _STATUS.get(run.state, STATUS_FAILURE)
    content.session_end_info.end_time_secs = end
    summary = Summary()
    described = metadata.create_summary_metadata(content)
    summary.value.add(tag=metadata.SESSION_END_INFO_TAG, metadata=described, tensor=metadata.NULL_TENSOR)
    return summary


def _domain(distribution: BaseDistribution | None) -> Any:
    """The values of a hyperparameter as TensorBoard knows them; None where it has no word for them."""
    match distribution:
        case CategoricalDistribution(choices=choices) if len({type(each) for each in choices}) == 1:
            return Discrete(choices) if isinstance(choices[0], bool | int | float | str) else None
        case FloatDistribution(low=low, high=high):
            return RealInterval(low, high)
        case IntDistribution(low=low, high=high):
            return IntInterval(low, high)
    return None
