"""Options that belong to one task: refused where the study learns another, with what was probably meant."""

from __future__ import annotations

from collections.abc import Sequence

from study.config import ConfigError, StudyConfig
from study.data.dataset import Dataset
from study.data.errors import listing
from study.data.split import Split
from study.tasks import CLASSIFICATION, REGRESSION, TASKS

_MEANT = {"log_loss": "rmse", "rmse": "log_loss", "mae": "log_loss"}
"""The metric of the other task that is nearest to one, where it is not the default."""
_OF_TASKS = {"class_weight": CLASSIFICATION.name, "label_smoothing": CLASSIFICATION.name, "loss": REGRESSION.name}
"""The task that an option belongs to."""


def check_task(config: StudyConfig, dataset: Dataset, *, asked: str | None) -> None:
    """Refuses options of another task.

    Args:
        config: The configuration, its task and metric decided.
        dataset: The data.
        asked: The task that was asked for; None: none.

    Raises:
        ConfigError: The text names the option, and what to do.
    """
    task, target = TASKS[dataset.targets.task], f"the target of {dataset.origin}"
    if asked not in (None, task.name):
        raise ConfigError(f"--task is {asked}, but {target} is for {task.name}; leave --task out, or choose other data")
    if config.judged_by not in task.metrics:
        names = ", ".join(metric.name for metric in task.metrics)
        raise ConfigError(
            f"--metric is {config.metric}, but {target} is for {task.name}, which is judged by {names}; did you mean "
            f"--metric {_MEANT.get(config.metric, task.metrics[0].name)}?"
        )
    for name, owner in _OF_TASKS.items():
        value = getattr(config, name)
        if owner != task.name and value != type(config).model_fields[name].default:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} is {value}, but {target} is for {task.name}; leave {option} out")
    weights = config.class_weight
    if weights is not None and weights != "balanced" and len(weights) != len(dataset.classes):
        raise ConfigError(
            f"--class-weight has {len(weights)} numbers, and {dataset.origin} has {len(dataset.classes)} classes: give "
            f"one for each, in this order: {listing(dataset.classes)}"
        )
    if config.min_accuracy is not None and not config.judged_by.higher_is_better:
        raise ConfigError(
            f"--min-accuracy is {config.min_accuracy:g}, but --metric is {config.metric}, of which less is better; "
            "leave --min-accuracy out"
        )


def check_every_class(config: StudyConfig, splits: Sequence[Split]) -> None:
    """Refuses a part of the data that lacks a class, where the metric needs every class in every part.

    Raises:
        ConfigError: The text names the part and the classes.
    """
    for split in splits:
        for name in ("training", "validation", "test"):
            part = getattr(split, name)
            if not len(part):  # a program may have no test part
                continue
            counted = part.y if part.weights is None else part.y[part.weights > 0]
            members = counted.bincount(minlength=len(split.classes)).tolist()
            lacking = [label for label, count in zip(split.classes, members, strict=True) if not count]
            if lacking:
                raise ConfigError(
                    f"--metric is {config.metric}, which needs every class in every part, and the {name} part has no "
                    f"row of class {listing(lacking)}; choose another --metric, or data with such rows"
                )
