"""What is learned: tasks and the metrics that judge them; importing this package loads no torch.

base.py says what a task and a metric are; each other module is one task with its metrics. A new metric is one entry in
the `metrics` of its task, a new task one module and one entry in `TASKS`. reference_models.py has the models of
scikit-learn that a task's networks are compared with.
"""

from __future__ import annotations

from study.tasks.base import Metric, Task, clamped
from study.tasks.classification import CLASSIFICATION

TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION,)}
METRICS: dict[str, Metric] = {metric.name: metric for task in TASKS.values() for metric in task.metrics}


def task_of(metric: str) -> Task:
    """The task whose metric goes by a name.

    Example:
        >>> task_of("balanced_accuracy").name
        'classification'
    """
    return next(task for task in TASKS.values() if METRICS[metric] in task.metrics)


__all__ = ["CLASSIFICATION", "METRICS", "TASKS", "Metric", "Task", "clamped", "task_of"]
