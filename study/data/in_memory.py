"""Data that a Python program holds: they are named `memory:…` while a study of them is opened."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from study.data.arrays import from_arrays
from study.data.dataset import Dataset
from study.data.errors import DataError, DataNotFoundError
from study.data.reading import TableOptions
from study.data.table import from_table

PREFIX = "memory:"


@dataclass(frozen=True, eq=False)
class _Held:
    x: pd.DataFrame | npt.NDArray[Any]
    y: npt.NDArray[Any] | pd.Series[Any] | None
    name: str


_HELD: dict[str, _Held] = {}


@contextmanager
def held_in_memory(x: Any, y: Any = None, *, name: str = "arrays") -> Iterator[str]:
    """Hold data for `load_dataset`, which finds them by the name that this context yields.

    Args:
        x: `[N, F]` a DataFrame, or anything that numpy makes an array of: nested lists, a tensor; images have more
            axes.
        y: `[N]` values to predict; None where x is a DataFrame that has them in a column.
        name: A short name for the data set.

    Raises:
        DataError: x is sparse or has no second axis, or x and y differ in length.

    Example:
        >>> from study.data import load_dataset
        >>> with held_in_memory([[0.0], [1.0], [3.0]] * 5, ["a", "b", "a"] * 5) as source:
        ...     load_dataset(source).classes
        ('a', 'b')
    """
    source = f"{PREFIX}{uuid.uuid4().hex}"
    _HELD[source] = _Held(*_checked(x, y), name)
    try:
        yield source
    finally:
        del _HELD[source]


def read_held(source: str, *, target: str | None, options: TableOptions) -> Dataset:
    """The data set that this process holds under a name.

    Raises:
        DataNotFoundError: It holds none.
        DataError: The data cannot be used.
    """
    if source not in _HELD:
        raise DataNotFoundError(
            "the data were arrays of a Python program; reluctant.load(NAME, X=…, y=…) continues the study there"
        )
    held = _HELD[source]
    origin = f"{PREFIX}{held.name}"
    if held.y is None:
        assert isinstance(held.x, pd.DataFrame)
        return from_table(held.x, target=target, name=held.name, origin=origin, options=options)
    if target is not None:
        raise DataError(f"target is {target!r}, and y holds the values to predict; give one of the two")
    if isinstance(held.x, pd.DataFrame):
        return from_table(held.x, target=None, name=held.name, origin=origin, labels=held.y, options=options)
    y = held.y.to_numpy() if isinstance(held.y, pd.Series) else held.y
    return from_arrays(held.x, y, name=held.name, origin=origin, test_rows=None, options=options)


def as_features(x: Any) -> pd.DataFrame | npt.NDArray[Any]:
    """Features as a DataFrame or an array of two or more axes.

    Raises:
        DataError: They are sparse, or have no second axis.
    """
    if hasattr(x, "toarray") or hasattr(x, "sparse"):
        raise DataError("X is a sparse matrix; a dense one is needed; X.toarray() makes it one")
    if isinstance(x, pd.DataFrame):
        return x
    if hasattr(x, "detach"):  # a tensor, wherever it lies
        x = x.detach().cpu()
    array = np.asarray(x)
    if array.ndim < 2:
        raise DataError(
            f"X has the shape {array.shape}; samples and features are needed, [N, F]; reshape your data, with "
            "X.reshape(-1, 1) where there is one feature, or X.reshape(1, -1) where there is one sample"
        )
    return pd.DataFrame(array) if array.dtype.kind not in "biuf" else array


def _checked(x: Any, y: Any) -> tuple[pd.DataFrame | npt.NDArray[Any], npt.NDArray[Any] | pd.Series[Any] | None]:
    features = as_features(x)
    if y is None:
        if not isinstance(features, pd.DataFrame):
            raise DataError("y is not given; arrays need it: the values to predict, [N]")
        return features, None
    values = y if isinstance(y, pd.Series) else np.asarray(y.detach().cpu() if hasattr(y, "detach") else y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"y has the shape {values.shape}; one value a sample is needed, [N]")
    if len(values) != len(features):
        raise DataError(f"X has {len(features)} samples and y has {len(values)}; one value a sample is needed")
    return features, values
