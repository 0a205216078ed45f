"""The data sets that come with scikit-learn and need no download."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn.datasets

from study.data.dataset import Dataset, make_dataset
from study.data.images import ImageLayout
from study.data.targets import Targets

_LOADERS: dict[str, Callable[..., Any]] = {
    "digits": sklearn.datasets.load_digits,
    "breast_cancer": sklearn.datasets.load_breast_cancer,
    "wine": sklearn.datasets.load_wine,
    "iris": sklearn.datasets.load_iris,
}
BUILT_IN = tuple(_LOADERS)


def read_built_in(name: str) -> Dataset:
    """Read a built-in data set: digits are pixels, the others are tables.

    Args:
        name: One of `BUILT_IN`.

    Returns:
        The data set; its classes have the order that scikit-learn gives them.
    """
    bunch = _LOADERS[name](as_frame=name != "digits")
    targets = Targets(np.asarray(bunch.target, dtype=np.int64), tuple(str(label) for label in bunch.target_names))
    x = bunch.data.astype(np.uint8) if name == "digits" else bunch.data.astype(np.float64)
    image = ImageLayout.of(bunch.images.shape[1:]) if name == "digits" else None
    return make_dataset(name=name, origin=name, x=x, targets=targets, image=image)
