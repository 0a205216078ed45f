"""The data sets that come with scikit-learn and need no download."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from study.data.dataset import Dataset, make_dataset
from study.data.images import ImageLayout
from study.data.targets import Targets

BUILT_IN = ("digits", "breast_cancer", "wine", "iris")


def read_built_in(name: str) -> Dataset:
    """Read a built-in data set: digits are pixels, the others are tables.

    Args:
        name: One of `BUILT_IN`.

    Returns:
        The data set; its classes have the order that scikit-learn gives them.
    """
    if name == "digits":
        return _digits()
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    targets = Targets(np.asarray(bunch.target, dtype=np.int64), tuple(str(label) for label in bunch.target_names))
    return make_dataset(name=name, origin=name, x=bunch.data.astype(np.float64), targets=targets)


def _digits() -> Dataset:
    table = _table_of_digits()
    targets = Targets(table[:, -1].astype(np.int64), tuple(map(str, range(10))))
    pixels = np.ascontiguousarray(table[:, :-1]).astype(np.uint8)
    return make_dataset(name="digits", origin="digits", x=pixels, targets=targets, image=ImageLayout.of((8, 8)))


def _table_of_digits() -> npt.NDArray[np.float64]:
    """`[N, 65]` the pixels and classes of the digits: scikit-learn's file, without the half second of its import."""
    package: Any = importlib.util.find_spec("sklearn")
    file = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])
