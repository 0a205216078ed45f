"""The data that a configuration names, and the configuration as the data complete it: its target, task and metric."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from study.config import StudyConfig
from study.data import READER, Dataset, TableOptions, load_dataset, sample_rows
from study.problem.network_of_study import from_any_folder
from study.problem.network_options import completed_options
from study.problem.rung_options import completed_rungs
from study.problem.task_options import check_task
from study.tasks import CLASSIFICATION, TASKS, Task


def read_data(config: StudyConfig, *, reader: int = READER, task: Task | None = None) -> Dataset:
    """The data that a configuration names, or the part of them that it asks for.

    Args:
        config: The configuration.
        reader: Version of the reader of tables.
        task: How the target is read; None: as the configuration says, or as its values are recognized.
    """
    options = TableOptions(
        reader=reader,
        drop=config.drop,
        keep=config.keep,
        read_target=config.read_target if task is None else task.read_target,
        weights=config.weights,
        groups=config.groups,
        time=config.time,
        test=config.test,
        image_size=config.image_size,
    )
    return sample_rows(load_dataset(config.data, target=config.target, options=options), config.rows, seed=config.seed)


def with_learning_rate(config: StudyConfig) -> StudyConfig:
    """The complete configuration of a search, with the learning rate of its task where none is asked for.

    It was measured with Adam, which perceptrons of other tasks, other networks and SGD keep their own rate for.
    """
    rate = config.what_is_learned.learning_rate
    of_others = config.network != "mlp" or config.optimizer != "adam"
    if rate is None or of_others or "learning_rate" in config.model_fields_set:
        return config
    completed = config.model_copy(update={"learning_rate": rate})
    completed.model_fields_set.discard("learning_rate")
    return completed


def complete_config(config: StudyConfig, dataset: Dataset) -> StudyConfig:
    """A configuration that names the target, which it may have given by number, and the task that read it.

    Raises:
        ConfigError: An option belongs to another task.
    """
    task = TASKS[dataset.targets.task]
    # Of classification nothing is said, so that a study is the same whether it was asked for or recognized.
    of_network = completed_options(config)
    of_rungs = completed_rungs(config)
    update: dict[str, Any] = {"task": None if task is CLASSIFICATION else task.name, **of_network, **of_rungs}
    if config.target is not None:
        update["target"] = dataset.target
    if config.judged_by not in task.metrics and "metric" not in config.model_fields_set:
        update["metric"] = task.metrics[0].name
    if config.test is not None:
        update["test"] = os.path.abspath(Path(config.test).expanduser())
    if config.network != (network := from_any_folder(config.network)):
        update["network"] = network
    completed = config.model_copy(update=update)
    # What was recognized or completed was not asked for.
    completed.model_fields_set.difference_update({"task", "metric", *of_network, *of_rungs} - config.model_fields_set)
    check_task(completed, dataset, asked=config.task)
    return completed
