"""What is learned: tasks and the metrics that judge them; importing this package loads no torch.

base.py says what a task and a metric are; each other module is one task with its metrics. A new metric is one entry in
the `metrics` of its task, a new task one module and one entry in `TASKS`. reference_models.py has the models of
scikit-learn that a task's networks are compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from study.tasks.base import Metric, Task, clamped
from study.tasks.classification import CLASSIFICATION, Classification
from study.tasks.regression import LOSSES, REGRESSION, Regression

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from study.data.targets import Targets

TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION, REGRESSION)}
METRICS: dict[str, Metric] = {metric.name: metric for task in TASKS.values() for metric in task.metrics}


def task_of(metric: str) -> Task:
    """The task whose metric goes by a name.

    Example:
        >>> task_of("balanced_accuracy").name
        'classification'
    """
    return next(task for task in TASKS.values() if METRICS[metric] in task.metrics)


def read_recognized(values: pd.Series[Any] | npt.NDArray[Any], /, *, what: str, comma_first: bool = False) -> Targets:
    """The column to predict as the task reads it that its values call for: regression where they are a quantity.

    Args:
        values: `[N]` values of any type.
        what: What the values are, for error texts.
        comma_first: Whether `1,234` is rather 1.234.

    Raises:
        DataError: The values cannot be targets of this task.
    """
    from study.data.quantities import is_quantity

    task = REGRESSION if is_quantity(values, comma_first=comma_first) else CLASSIFICATION
    return task.read_target(values, what=what, comma_first=comma_first)


__all__ = [
    "CLASSIFICATION",
    "LOSSES",
    "METRICS",
    "REGRESSION",
    "TASKS",
    "Classification",
    "Metric",
    "Regression",
    "Task",
    "clamped",
    "read_recognized",
    "task_of",
]
