"""The trackers by name, as `--to` has them: `tensorboard:FOLDER`, `mlflow:URI`. Adding one is one entry."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from reluctant.errors import unknown
from storage.passwords import without_password
from study.trackers.runs import StudyRuns, TrackerError

# By the names of the packages that they need.
_TRACKERS = {
    "tensorboard": ("study.trackers.tensorboard", "a folder, as in tensorboard:runs"),
    "mlflow": ("study.trackers.mlflow", "a tracking URI, as in mlflow:sqlite:///mlflow.db"),
}


@dataclass(frozen=True)
class Destination:
    """Where runs are to be written; calling it opens that.

    Attributes:
        kind: The tracker's name.
        place: Folder or URI.
    """

    kind: str
    place: str

    def __call__(self, study: StudyRuns) -> Any:
        """Opens the tracker of a study.

        Raises:
            TrackerError: Its package is not installed, or it cannot be written.
        """
        try:
            importlib.import_module(self.kind)
        except ModuleNotFoundError as error:
            raise TrackerError(
                f"--to {self.kind} needs the package {error.name}, which is not installed; "
                f"pip install 'reluctant[{self.kind}]'"
            ) from None
        return importlib.import_module(_TRACKERS[self.kind][0]).opened(self.place, study)

    def __str__(self) -> str:
        return without_password(self.place)


def destination(text: str) -> Destination:
    """Reads where runs are to be written.

    Args:
        text: `tensorboard:FOLDER` or `mlflow:URI`.

    Raises:
        TrackerError: There is no such tracker, or the place is missing.

    Example:
        >>> destination("mlflow:http://localhost:5000").place
        'http://localhost:5000'
    """
    kind, _, place = text.partition(":")
    if kind not in _TRACKERS:
        raise TrackerError(unknown("tracker", kind, _TRACKERS, where="--to"))
    if not place:
        raise TrackerError(f"--to is {text!r}; it needs {_TRACKERS[kind][1]}")
    return Destination(kind, place)
