"""The parts of a cross-validation: one test part for all folds, and each fold's training and validation rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from study.data.dataset import Dataset
from study.data.division import blocks_in_time, parts_of_groups
from study.data.errors import DataError
from study.data.partition import Partition, partition

_PURPOSE = 6


def partitions(dataset: Dataset, *, seed: int, folds: int, draw_test_part: bool = True) -> tuple[Partition, ...]:
    """Divide the rows outside of the test part into folds, each of which is the validation part once.

    The test part is the one of a study without folds. Folds are stratified as parts are, and keep groups together. Rows
    with times are divided into one block more than there are folds: each fold is trained on the blocks before it.
    Folds that were chosen already are kept.

    Args:
        dataset: The data set.
        seed: The study's seed.
        folds: How many folds.
        draw_test_part: As for `partition`.

    Returns:
        The rows of each fold's parts; the test part is the same in all of them.

    Raises:
        DataError: There are too few rows, of a class or in all, or too few groups or different times.

    Example:
        >>> from study.data import load_dataset
        >>> [len(fold.validation) for fold in partitions(load_dataset("iris"), seed=0, folds=5)]
        [24, 24, 24, 24, 24]
    """
    if dataset.folds:
        each = [replace(dataset, folds=(fold,)) for fold in dataset.folds]
        return tuple(partition(one, seed=seed, draw_test_part=draw_test_part) for one in each)
    whole = partition(dataset, seed=seed, draw_test_part=draw_test_part)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PURPOSE,)))
    rows = np.sort(np.concatenate([whole.training, whole.validation]))
    keys = rng.random(len(rows))
    if dataset.groups is not None:
        fold = parts_of_groups(dataset, rows, folds, seed=int(rng.integers(2**31)))
    elif dataset.times is not None:
        fold = blocks_in_time(dataset, rows, folds + 1) - 1
    else:
        _check_members(dataset, rows, folds)
        order = np.lexsort((keys, dataset.targets.groups[rows]))
        fold = np.empty(len(rows), dtype=np.int64)
        fold[order] = (np.arange(len(rows)) + rng.integers(folds)) % folds
    shuffled = np.argsort(keys)
    rows, fold = rows[shuffled], fold[shuffled]
    return tuple(
        Partition(
            rows[fold < number if dataset.times is not None else fold != number], rows[fold == number], whole.test
        )
        for number in range(folds)
    )


def _check_members(dataset: Dataset, rows: npt.NDArray[np.int64], folds: int) -> None:
    if len(rows) < 2 * folds:
        raise DataError(
            f"{dataset.origin} has {len(rows)} rows outside its test part; at least {2 * folds} are needed for --cv "
            f"{folds}; choose fewer folds"
        )
    counts = np.bincount(dataset.y[rows], minlength=len(dataset.classes)) if dataset.classes else np.array([], int)
    small = [f"{dataset.classes[index]!r} has {counts[index]}" for index in np.flatnonzero(counts < folds)]
    if small:
        raise DataError(
            f"too few rows of a class in {dataset.origin} outside its test part: class {', '.join(small[:5])}; at "
            f"least {folds} are needed for --cv {folds}, so that every fold has one; choose fewer folds"
        )
