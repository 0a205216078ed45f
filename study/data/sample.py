"""Draws a part of a data set's rows, for data sets that would take too long to train on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.dataset import Dataset, make_dataset
from study.data.errors import DataError
from study.data.partition import FEWEST_MEMBERS

_PURPOSE = 5


def sample_rows(dataset: Dataset, rows: int | None, *, seed: int) -> Dataset:
    """Draw at most a number of rows at random, in which every class, or other group of a split, keeps its share.

    A class whose share would be too small for a split keeps the members that a split needs, in place of rows of the
    largest classes. Rows of an official test part stay in the test part.

    Args:
        dataset: The data set.
        rows: The largest number of rows; None means all.
        seed: The study's seed.

    Returns:
        A smaller data set; the same data set where it has no more rows.

    Raises:
        DataError: So few rows cannot hold what a split needs of every class.

    Example:
        >>> from study.data import load_dataset
        >>> len(sample_rows(load_dataset("iris"), 60, seed=0))
        60
    """
    if rows is None or rows >= len(dataset):
        return dataset
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PURPOSE,)))
    keys = generator.random(len(dataset))
    in_test = np.zeros(len(dataset), dtype=bool)
    if dataset.test_rows is not None:
        in_test[dataset.test_rows] = True
    # Rows at equal distances in the order of part and class: each class of each part keeps its share to one row.
    order = np.lexsort((keys, dataset.targets.groups, in_test))
    drawn = order[(np.arange(rows) * len(dataset) + generator.integers(len(dataset))) // rows % len(dataset)]
    kept = np.sort(_with_what_a_split_needs(dataset, drawn, keys, in_test) if dataset.classes else drawn)
    x = dataset.x.iloc[kept].reset_index(drop=True) if isinstance(dataset.x, pd.DataFrame) else dataset.x[kept]
    return make_dataset(
        name=dataset.name,
        origin=dataset.origin,
        x=x,
        targets=dataset.targets.take(kept),
        test_rows=None if dataset.test_rows is None else np.flatnonzero(in_test[kept]),
        target=dataset.target,
        reading=dataset.reading,
        drawn_from=len(dataset),
        whole=dataset.whole or dataset.fingerprint,
        weights=None if dataset.weights is None else dataset.weights[kept],
        groups=None if dataset.groups is None else dataset.groups[kept],
        times=None if dataset.times is None else dataset.times[kept],
        image=dataset.image,
    )


def _with_what_a_split_needs(
    dataset: Dataset, drawn: npt.NDArray[np.int64], keys: npt.NDArray[np.float64], in_test: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """The drawn rows, in which rows of the largest classes make room for members that small classes lack.

    Args:
        dataset: The whole data set.
        drawn: `[rows]` rows that were drawn.
        keys: `[N]` a random number for each row of the data set, in whose order rows are added and removed.
        in_test: `[N]` whether each row belongs to the official test part.

    Returns:
        `[rows]` rows; the drawn ones where no class lacks members.
    """
    free = ~in_test
    groups = dataset.targets.groups
    classes = int(groups.max()) + 1
    # A class that is too small in the whole data set is refused when they are divided, for what it has there.
    needed = np.minimum(np.bincount(groups[free], minlength=classes), FEWEST_MEMBERS)
    chosen = np.zeros(len(dataset), dtype=bool)
    chosen[drawn] = True
    counts = np.bincount(groups[chosen & free], minlength=classes)
    lacking = np.flatnonzero(counts < needed)
    if not len(lacking):
        return drawn
    room = int(np.maximum(counts - needed, 0).sum())
    missing = int((needed - counts)[lacking].sum())
    if missing > room:
        raise DataError(
            f"--rows is {len(drawn)}; the {classes} classes of {dataset.origin} need {missing - room} rows more, "
            f"{FEWEST_MEMBERS} of each class, so that every part of the split has one; give more --rows"
        )
    for index in lacking:
        candidates = np.flatnonzero(free & ~chosen & (groups == index))
        chosen[candidates[np.argsort(keys[candidates])][: needed[index] - counts[index]]] = True
    for _ in range(missing):
        surplus = np.bincount(groups[chosen & free], minlength=classes) - needed
        members = np.flatnonzero(chosen & free & (groups == int(surplus.argmax())))
        chosen[members[keys[members].argmax()]] = False
    return np.flatnonzero(chosen)
