"""How rows are divided where chance alone must not: whole groups, or in the order of time."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from study.data.dataset import Dataset
from study.data.errors import DataError

_MANY_GROUPS = 10_000


def parts_of_groups(dataset: Dataset, rows: npt.NDArray[np.int64], parts: int, *, seed: int) -> npt.NDArray[np.int64]:
    """The part of each row, 0 … parts − 1: parts of equal size, stratified, as nearly as whole groups allow.

    It is scikit-learn's `StratifiedGroupKFold`, and from 10,000 groups on, where that takes long and chance alone gives
    each part its share of each stratum, shuffled `GroupKFold`. The largest parts have the highest numbers.

    Args:
        dataset: A data set with groups.
        rows: `[N]` its rows that are divided.
        parts: How many parts.
        seed: Seed of the order of groups.

    Returns:
        `[N]` part of each row.

    Raises:
        DataError: There are fewer groups than parts.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    assert dataset.groups is not None
    groups, strata = dataset.groups[rows], dataset.targets.groups[rows]
    found = len(np.unique(groups))
    if found < parts:
        raise DataError(
            f"{dataset.origin} has {found} groups to divide, and {parts} are needed; choose another --groups"
        )
    if parts > np.bincount(strata).max():
        strata = np.zeros_like(strata)  # no stratum has a member for each part
    few = found < _MANY_GROUPS
    kind = StratifiedGroupKFold if few else GroupKFold
    splitter = kind(parts, shuffle=True, random_state=seed)
    part = np.empty(len(rows), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        for number, (_, chosen) in enumerate(splitter.split(rows, strata, groups)):
            part[chosen] = number
    return np.bincount(part, minlength=parts).argsort(kind="stable").argsort()[part]


def blocks_in_time(dataset: Dataset, rows: npt.NDArray[np.int64], blocks: int) -> npt.NDArray[np.int64]:
    """The block of each row, 0 … blocks − 1: equal shares of the rows in the order of their times.

    Rows of the same time lie in the same block.

    Args:
        dataset: A data set with times.
        rows: `[N]` its rows that are divided.
        blocks: How many blocks.

    Returns:
        `[N]` block of each row.

    Raises:
        DataError: There are too few different times.
    """
    assert dataset.times is not None
    times = dataset.times[rows]
    first = np.sort(times)[np.arange(1, blocks) * len(times) // blocks]
    block = np.searchsorted(first, times, side="right")
    if len(np.unique(block)) < blocks:
        raise DataError(
            f"the rows of {dataset.origin} have {len(np.unique(times))} different times, too few for {blocks} blocks "
            "that follow each other; choose another --time"
        )
    return block.astype(np.int64)


def check_test_part(dataset: Dataset, test: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> None:
    """Refuses an official test part that shares a group with the other rows, or that does not follow them in time.

    Args:
        dataset: The data set.
        test: Rows of the test part.
        others: All other rows.

    Raises:
        DataError: It does; the text has the number of groups, or of rows.
    """
    if not len(test) or not len(others):
        return
    if dataset.groups is not None:
        shared = len(np.intersect1d(dataset.groups[test], dataset.groups[others]))
        if shared:
            raise DataError(
                f"{shared} groups of {dataset.origin} have rows in the test part and outside, so that it would tell "
                "too much; leave --groups out, or take these groups out of the test part"
            )
    if dataset.times is not None:
        early = int((dataset.times[test] < dataset.times[others].max()).sum())
        if early:
            raise DataError(
                f"{early} rows of the test part of {dataset.origin} are earlier than the last row outside, so that it "
                "would tell of the past; leave --time out, or choose a test part that follows the other rows"
            )
