"""Studies in the trackers of others, after the fact: TensorBoard and MLflow, one run a trial.

`runs.py` reads a study as runs; `tensorboard.py` and `mlflow.py` write them; `destinations.py` knows both by name.
"""

from __future__ import annotations

from study.trackers.destinations import Destination, destination
from study.trackers.runs import TrackerError, track

__all__ = ["Destination", "TrackerError", "destination", "track"]
