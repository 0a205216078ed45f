"""Draws a part of a data set's rows, for data sets that would take too long to train on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.data.dataset import Dataset, make_dataset
from study.data.labels import Labels

_PURPOSE = 5


def sample_rows(dataset: Dataset, rows: int | None, *, seed: int) -> Dataset:
    """Draw at most a number of rows at random, in which every class keeps its share.

    Rows of an official test part stay in the test part.

    Args:
        dataset: The data set.
        rows: The largest number of rows; None means all.
        seed: The study's seed.

    Returns:
        A smaller data set; the same data set where it has no more rows.

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
    order = np.lexsort((keys, dataset.y, in_test))
    kept = np.sort(order[(np.arange(rows) * len(dataset) + generator.integers(len(dataset))) // rows % len(dataset)])
    x = dataset.x.iloc[kept].reset_index(drop=True) if isinstance(dataset.x, pd.DataFrame) else dataset.x[kept]
    return make_dataset(
        name=dataset.name,
        origin=dataset.origin,
        x=x,
        labels=Labels(dataset.y[kept], dataset.classes),
        test_rows=None if dataset.test_rows is None else np.flatnonzero(in_test[kept]),
        target=dataset.target,
    )
