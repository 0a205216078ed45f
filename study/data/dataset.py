"""`Dataset`: features and targets as they were read, before splitting and preprocessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.errors import DataError
from study.data.fingerprint import fingerprint
from study.data.images import ImageLayout
from study.data.reading import Reading
from study.data.targets import Targets

_LONGEST_NAME = 40


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows that whoever made a data set chose for training and validation, both ascending.

    Attributes:
        training: Rows to fit networks on.
        validation: Rows to judge trials by.
    """

    training: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Features and targets of one source.

    Attributes:
        name: A short name that is safe in file names: 'digits', the stem of the file, 'openml-31'.
        origin: The source: a built-in name, an absolute path, 'openml:31'.
        x: `[N, F]` raw features: a table, whose columns are float64 numbers (missing: NaN) or objects that are text
            (missing: NaN), or an array of pixels.
        targets: What to predict, and what the rows are stratified by.
        test_rows: Rows of the official test part, ascending, or None where there is none; an empty array means that
            there is to be no test part.
        folds: Training and validation rows, where whoever made the data set chose them; several for a
            cross-validation; empty where they are to be drawn.
        target: Name of the target column, or None where the source has labels of its own.
        fingerprint: Hash of the content; see `study.data.fingerprint`.
        reading: How the table was read; None where the source needs no decisions: built-in sets and images.
        drawn_from: Rows of the source, where these are only a part of them.
        whole: Fingerprint of the source, where these are only a part of it.
        weights: `[N]` weight of each row in loss and metrics; None where all count the same.
        groups: `[N]` the group of each row, which no split divides; None where there are none.
        times: `[N]` by which the parts of a split follow each other; None where they are drawn at random.
        image: How the pixels of a sample are arranged; None where the samples are no images of rows and columns.
    """

    name: str
    origin: str
    x: pd.DataFrame | npt.NDArray[Any]
    targets: Targets
    test_rows: npt.NDArray[np.int64] | None
    target: str | None
    fingerprint: str
    folds: tuple[Fold, ...] = ()
    reading: Reading | None = None
    drawn_from: int | None = None
    whole: str | None = None
    weights: npt.NDArray[np.float64] | None = None
    groups: npt.NDArray[np.int64] | None = None
    times: npt.NDArray[np.float64] | None = None
    image: ImageLayout | None = None

    @property
    def y(self) -> npt.NDArray[Any]:
        """`[N]` targets: class indices in classification."""
        return self.targets.y

    @property
    def classes(self) -> tuple[str, ...]:
        """`[C]` labels as text, in the order of the class indices; empty where the task has no classes."""
        return self.targets.classes

    def __len__(self) -> int:
        return len(self.y)


def make_dataset(
    *,
    name: str,
    origin: str,
    x: pd.DataFrame | npt.NDArray[Any],
    targets: Targets,
    test_rows: npt.NDArray[np.int64] | None = None,
    folds: tuple[Fold, ...] = (),
    target: str | None = None,
    reading: Reading | None = None,
    drawn_from: int | None = None,
    whole: str | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    times: npt.NDArray[np.float64] | None = None,
    image: ImageLayout | None = None,
) -> Dataset:
    """Make a data set and compute its fingerprint.

    Args:
        name: Any text; it is made safe for file names.
        origin: The source that a user would type to get this data set again.
        x: `[N, F]` features.
        targets: What to predict, and what the rows are stratified by.
        test_rows: Rows of the official test part, ascending; an empty array means no test part.
        folds: Training and validation rows, where they are chosen already.
        target: Name of the target column.
        reading: How the table was read.
        drawn_from: Rows of the source, where these are only a part of them.
        whole: Fingerprint of the source, where these are only a part of it.
        weights: `[N]` weight of each row.
        groups: `[N]` the group of each row.
        times: `[N]` by which the parts of a split follow each other.
        image: How the pixels of a sample are arranged; the fingerprint does not depend on it.

    Returns:
        The data set.

    Raises:
        DataError: There are no samples, or no features.
    """
    if not x.size:
        raise DataError(f"{origin} holds {len(x)} samples of {x.shape[1]} features; both are needed; is it cut?")
    return Dataset(
        name=safe_name(name),
        origin=origin,
        x=x,
        targets=targets,
        test_rows=test_rows,
        folds=folds,
        target=target,
        fingerprint=fingerprint(
            x=x,
            y=targets.y,
            classes=targets.classes,
            test_rows=test_rows,
            folds=[(fold.training, fold.validation) for fold in folds],
            target=target,
            weights=weights,
            groups=groups,
            times=times,
        ),
        reading=reading,
        drawn_from=drawn_from,
        whole=whole,
        weights=weights,
        groups=groups,
        times=times,
        image=image,
    )


def safe_name(text: str) -> str:
    """Turn text into a short name of letters, digits, dots, dashes and underscores.

    Example:
        >>> safe_name("my data (v2)")
        'my-data-v2'
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    return name[:_LONGEST_NAME].rstrip("-.") or "data"
