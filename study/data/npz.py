"""Reads NPZ files: arrays of features and labels, with or without a test part."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from study.data.arrays import from_arrays
from study.data.dataset import Dataset
from study.data.endings import stem
from study.data.errors import DataError, listing
from study.data.reading import TableOptions

_KEYS = (("x_train", "y_train"), ("x", "y"), ("X", "y"), ("data", "target"), ("features", "labels"))
_USUAL = TableOptions()
_NEEDED = "x and y, X and y, data and target, features and labels, or x_train, y_train, x_test and y_test"


def read_npz(path: Path, *, options: TableOptions = _USUAL) -> Dataset:
    """Read an NPZ file; pickled content is never loaded.

    Arrays of bytes, and arrays with more than two axes, are read as pixels; others are read as columns of numbers.

    Args:
        path: A file with the arrays x and y, X and y, data and target, features and labels, or with x_train, y_train,
            x_test and y_test as in Keras' mnist.npz, where the test arrays become the official test part.
        options: Version of the reader, columns to drop and to keep; for images there are no columns.

    Returns:
        The data set.

    Raises:
        DataError: The file is no NPZ file, its arrays do not fit together, or they do not hold numbers.
    """
    arrays = _load(path)
    keys = next((pair for pair in _KEYS if arrays.keys() >= set(pair)), None)
    if keys is None:
        raise DataError(f"{path} holds the arrays {listing(sorted(arrays))}; needed are {_NEEDED}; rename them")
    x, y = _features(arrays[keys[0]], keys[0], path), _labels(arrays[keys[1]], keys[1], path)
    _check_lengths(x, y, keys, path)
    test_rows = None
    if keys == ("x_train", "y_train") and ("x_test" in arrays or "y_test" in arrays):
        if not arrays.keys() >= {"x_test", "y_test"}:
            raise DataError(f"{path} holds the arrays {listing(sorted(arrays))}; x_test and y_test belong together")
        x_test, y_test = _features(arrays["x_test"], "x_test", path), _labels(arrays["y_test"], "y_test", path)
        _check_lengths(x_test, y_test, ("x_test", "y_test"), path)
        if x.shape[1:] != x_test.shape[1:]:
            raise DataError(f"x_train {x.shape} and x_test {x_test.shape} of {path} differ in more than the samples")
        test_rows = np.arange(len(x), len(x) + len(x_test))
        x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    return from_arrays(x, y, name=stem(path), origin=str(path), test_rows=test_rows, options=options)


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (ValueError, EOFError, OSError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path} is not an NPZ file of plain arrays, or a damaged one ({error}); write it with numpy.savez and "
            "arrays of numbers or text; pickled objects are never loaded"
        ) from error


def _features(x: npt.NDArray[Any], key: str, path: Path) -> npt.NDArray[Any]:
    if x.dtype.kind not in "biuf":
        raise DataError(f"{key} of {path} holds {x.dtype}; numbers are needed; encode it first, or give a CSV file")
    if x.ndim < 2:
        raise DataError(f"{key} of {path} has the shape {x.shape}; [samples, features] is needed; reshape it")
    return x


def _labels(y: npt.NDArray[Any], key: str, path: Path) -> npt.NDArray[Any]:
    if y.ndim == 2 and y.shape[1] == 1:
        return y[:, 0]
    if y.ndim != 1:
        raise DataError(
            f"{key} of {path} has the shape {y.shape}; one label a sample is needed; "
            "from one-hot labels that is y.argmax(axis=1)"
        )
    return y


def _check_lengths(x: npt.NDArray[Any], y: npt.NDArray[Any], keys: tuple[str, str], path: Path) -> None:
    if len(x) != len(y):
        raise DataError(
            f"{path} holds {len(x):,} samples in {keys[0]} but {len(y):,} labels in {keys[1]}; "
            "one label a sample is needed; write it again from arrays that belong together"
        )
