"""Data sets from arrays: pixels where they are images, else columns of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.dataset import Dataset, make_dataset
from study.data.errors import DataError, rows_where
from study.data.images import ImageLayout
from study.data.reading import TableOptions
from study.data.table import from_table, refuse_columns


def from_arrays(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    *,
    name: str,
    origin: str,
    test_rows: npt.NDArray[np.int64] | None,
    options: TableOptions,
) -> Dataset:
    """Make a data set of arrays; bytes, and arrays of more than two axes, are pixels, others are columns of numbers.

    Args:
        x: `[N, …]` features.
        y: `[N]` values to predict.
        name: Name of the data set.
        origin: The source, for error texts.
        test_rows: Rows of the official test part, ascending.
        options: Version of the reader, columns to drop and to keep; for images there are no columns.

    Raises:
        DataError: A pixel is infinite or missing, or columns are named for images.
    """
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    if x.dtype != np.uint8 and x.ndim <= 2:
        table = pd.DataFrame(flat.astype(np.float64), columns=[f"x{index}" for index in range(flat.shape[1])])
        return from_table(table, target=None, name=name, origin=origin, labels=y, test_rows=test_rows, options=options)
    if x.dtype.kind == "f" and not (finite := np.isfinite(flat).all(axis=1)).all():
        raise DataError(
            f"pixels of {origin} are infinite or missing in {rows_where(~finite)}; finite numbers are needed; "
            "correct or remove these samples"
        )
    refuse_columns(options, origin)
    targets = options.read_target(y, what=f"the labels of {origin}")
    image = ImageLayout.of(x.shape[1:])
    return make_dataset(name=name, origin=origin, x=flat, targets=targets, test_rows=test_rows, image=image)
