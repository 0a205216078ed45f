"""Divides the rows of a data set into training, validation and test part, stratified as the task asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from study.data.dataset import Dataset
from study.data.division import blocks_in_time, check_test_part, parts_of_groups
from study.data.errors import DataError

_NONE, _TRAINING, _VALIDATION, _TEST = -1, 0, 1, 2
_PATTERN = np.array([_TRAINING, _VALIDATION, _TRAINING, _TEST, _TRAINING])
_PATTERN_WITHOUT_TEST = np.array([_TRAINING, _TRAINING, _VALIDATION, _TRAINING, _TRAINING])
FEWEST_MEMBERS = len(_PATTERN)
_PURPOSE = 0


@dataclass(frozen=True, eq=False)
class Partition:
    """The rows of each part, in random order.

    Attributes:
        training: `[N]` rows to fit networks on.
        validation: `[N]` rows to judge trials by.
        test: `[N]` rows that are read only after the choice is made.
    """

    training: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def partition(dataset: Dataset, *, seed: int, replicate: int | None = None, draw_test_part: bool = True) -> Partition:
    """Divide the rows 60/20/20, stratified; an official test part is kept, and the other rows divided 80/20.

    The rows are sorted by the group that they are stratified by, which in classification is the class, in random order
    within a group, and assigned to the parts in a repeated pattern of
    five. Any five consecutive rows have the exact shares. Five members of a class are therefore necessary and enough
    for the class to be in every part, and the sizes of the parts are exact to one row. A validation part that was
    chosen already is kept too. Rows of one group stay in one part, which then have these shares as nearly as the groups
    allow; rows with times are divided in their order, the test part last.

    Args:
        dataset: The data set.
        seed: The study's seed.
        replicate: The replicate that gets a division of its own; None for the one that all replicates share.
        draw_test_part: Whether the rows of an official test part are put in random order, so that the first of them
            are a sample of all; else they keep the order of their file.

    Returns:
        The rows of each part.

    Raises:
        DataError: A class has fewer than five members outside the official test part, or there are too few groups or
            different times.

    Example:
        >>> from study.data import load_dataset
        >>> rows = partition(load_dataset("iris"), seed=0)
        >>> len(rows.training), len(rows.validation), len(rows.test)
        (90, 30, 30)
    """
    official = dataset.test_rows
    free = np.ones(len(dataset), dtype=bool)
    if official is not None:
        free[official] = False
    rows = np.flatnonzero(free)
    if official is not None:
        check_test_part(dataset, official, rows)
    if not dataset.folds:
        _check_members(dataset, rows)
    place = () if replicate is None else (replicate,)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PURPOSE, *place)))
    keys = rng.random(len(rows))
    order = np.lexsort((keys, dataset.targets.groups[rows]))
    pattern = _PATTERN if official is None else _PATTERN_WITHOUT_TEST
    part = np.empty(len(rows), dtype=np.int64)
    part[order] = pattern[(np.arange(len(rows)) + rng.integers(len(pattern))) % len(pattern)]
    if dataset.folds:
        chosen = dataset.folds[0]
        part = np.where(np.isin(rows, chosen.training), _TRAINING, _NONE)
        part[np.isin(rows, chosen.validation)] = _VALIDATION
    elif dataset.groups is not None:
        part = np.sort(pattern)[::-1][parts_of_groups(dataset, rows, len(pattern), seed=int(rng.integers(2**31)))]
    elif dataset.times is not None:
        part = np.sort(pattern)[blocks_in_time(dataset, rows, len(pattern))]
    shuffled = np.argsort(keys)
    training, validation, test = (rows[shuffled[part[shuffled] == each]] for each in (_TRAINING, _VALIDATION, _TEST))
    if official is not None:
        test = rng.permutation(official) if draw_test_part else official
    return Partition(training, validation, test)


def _check_members(dataset: Dataset, rows: npt.NDArray[np.int64]) -> None:
    outside = "" if dataset.test_rows is None else " outside its test part"
    if len(rows) < 2 * FEWEST_MEMBERS:
        of_each = f", {FEWEST_MEMBERS} of each of two classes" if dataset.classes else ""
        raise DataError(
            f"{dataset.origin} has {len(rows)} rows{outside}; at least {2 * FEWEST_MEMBERS} are needed{of_each}; add "
            "rows"
        )
    if not dataset.classes or dataset.groups is not None or dataset.times is not None:
        return  # their parts are not stratified to the row
    counts = np.bincount(dataset.y[rows], minlength=len(dataset.classes))
    small = [f"{dataset.classes[index]!r} has {counts[index]}" for index in np.flatnonzero(counts < FEWEST_MEMBERS)]
    if small:
        more = f", and {len(small) - 5} more classes" if len(small) > 5 else ""
        raise DataError(
            f"too few rows of a class in {dataset.origin}{outside}: class {', '.join(small[:5])}{more}; at least "
            f"{FEWEST_MEMBERS} are needed, so that every part of the split has one; add rows, or merge or remove the "
            "class"
        )
