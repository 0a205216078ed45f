"""`prepare` and `make_split`: from a data set to the tensors of its three parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from study.data.dataset import Dataset
from study.data.errors import DataError
from study.data.folds import partitions
from study.data.partition import Partition, partition
from study.data.preprocessing import Preprocessing, fit_preprocessing
from study.data.split import Part, Split


@dataclass(frozen=True, eq=False)
class Prepared:
    """A split, and how it was made.

    Attributes:
        split: The tensors.
        rows: The rows of the data set in each part.
        preprocessing: The preprocessing that was fitted on the training part; it turns new samples into inputs of a
            trained network.
    """

    split: Split
    rows: Partition
    preprocessing: Preprocessing


def prepare(
    dataset: Dataset,
    *,
    seed: int,
    replicate: int | None = None,
    draw_test_part: bool = True,
    as_images: bool = False,
) -> Prepared:
    """Split a data set and preprocess it; the same seed gives the same tensors.

    Args:
        dataset: The data set.
        seed: The study's seed.
        replicate: The replicate that gets a split of its own; None for the one that all replicates share.
        draw_test_part: Whether the rows of an official test part are put in random order.
        as_images: Whether images of rows and columns become inputs `[N, C, H, W]`, where the data are such images.

    Returns:
        The split with its rows and the fitted preprocessing.

    Raises:
        DataError: A class has too few members to be in every part, or all rows of a part have the weight 0.

    Example:
        >>> from study.data import load_dataset
        >>> iris = load_dataset("iris")
        >>> prepared = prepare(iris, seed=0)
        >>> prepared.preprocessing(iris.x.head(2)).shape
        torch.Size([2, 4])
    """
    rows = partition(dataset, seed=seed, replicate=replicate, draw_test_part=draw_test_part)
    return _prepared(dataset, rows, as_images=as_images)


def prepare_folds(
    dataset: Dataset, *, seed: int, folds: int, draw_test_part: bool = True, as_images: bool = False
) -> Iterator[Prepared]:
    """Divide a data set for a cross-validation, and preprocess each fold by what its own training part shows.

    Args:
        dataset: The data set.
        seed: The study's seed.
        folds: How many folds.
        draw_test_part: As for `prepare`.
        as_images: As for `prepare`.

    Returns:
        A split for each fold, one after the other; all have the same test part.

    Raises:
        DataError: There are too few rows for so many folds.
    """
    parts = partitions(dataset, seed=seed, folds=folds, draw_test_part=draw_test_part)
    return (_prepared(dataset, rows, as_images=as_images) for rows in parts)


def prepare_rows(dataset: Dataset, training: npt.NDArray[np.int64], validation: npt.NDArray[np.int64]) -> Prepared:
    """Split a data set as somebody has decided, without a test part, and preprocess it.

    Args:
        dataset: The data set.
        training: Rows to fit networks and preprocessing on.
        validation: Rows to judge networks by; they may be rows of the training part too.

    Returns:
        The split with its rows and the fitted preprocessing.
    """
    return _prepared(dataset, Partition(training, validation, np.array([], dtype=np.int64)))


def _prepared(dataset: Dataset, rows: Partition, *, as_images: bool = False) -> Prepared:
    preprocessing = fit_preprocessing(dataset, rows.training, as_images=as_images)

    def part(chosen: npt.NDArray[np.int64]) -> Part:
        if not len(chosen):
            return Part(torch.zeros(0, *preprocessing.input_shape), torch.from_numpy(dataset.y[chosen]))
        x = dataset.x.iloc[chosen] if isinstance(dataset.x, pd.DataFrame) else dataset.x[chosen]
        weights = None if dataset.weights is None else torch.from_numpy(dataset.weights[chosen])
        if weights is not None and len(chosen) and not weights.any():
            raise DataError(
                f"the weights of all {len(chosen):,} rows of one part of {dataset.origin} are 0; each part needs rows "
                "that count; leave the others out, or give them a weight"
            )
        return Part(preprocessing(x), torch.from_numpy(dataset.y[chosen]), weights)

    split = Split(
        training=part(rows.training),
        validation=part(rows.validation),
        test=part(rows.test),
        classes=dataset.classes,
        features=preprocessing.features,
    )
    return Prepared(split, rows, preprocessing)


def make_split(dataset: Dataset, *, seed: int, replicate: int | None = None) -> Split:
    """Split a data set and preprocess it, and return the split alone; see `prepare`.

    Args:
        dataset: The data set.
        seed: The study's seed.
        replicate: The replicate that gets a split of its own; None for the one that all replicates share.

    Returns:
        Training, validation and test part as tensors.

    Raises:
        DataError: A class has too few members to be in every part.

    Example:
        >>> from study.data import load_dataset
        >>> split = make_split(load_dataset("iris"), seed=0)
        >>> split.training.x.shape, len(split.validation), len(split.test)
        (torch.Size([90, 4]), 30, 30)
    """
    return prepare(dataset, seed=seed, replicate=replicate).split
