"""Standardisation of columns and of pixels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler

LARGEST = 100.0
_BLOCK_ROWS = 4096


class ColumnScaler(StandardScaler):  # type: ignore[misc]
    """`StandardScaler` that no column can upset.

    A column that is constant in training is 0 everywhere: unscaled, its values in other parts could be of any size.
    What lies further than 100 standard deviations out is brought there.
    """

    def fit(self, X: npt.NDArray[Any], y: None = None, sample_weight: None = None) -> Self:
        """Fit to columns `[N, F]` without missing values."""
        super().fit(X)
        self.constant_ = X.min(axis=0) == X.max(axis=0)
        return self

    def transform(self, X: npt.NDArray[Any], copy: bool | None = None) -> npt.NDArray[np.float32]:
        """Columns `[N, F]` to `[N, F]` float32."""
        z: npt.NDArray[np.float64] = super().transform(X, copy=copy)
        z[:, self.constant_] = 0.0
        return np.clip(z, -LARGEST, LARGEST).astype(np.float32)


class PixelScaler:
    """Standardises all pixels with one mean and one standard deviation.

    Each pixel by its own would blow up the rim of an image: a pixel that is lit in one of 50,000 images would stand
    there 200 standard deviations out. A pixel that is always dark stays at the common value of dark. The range of the
    pixels, 0 … 255 or 0 … 1, does not matter, for the standard deviation carries it.

    Attributes:
        mean: Mean of all training pixels.
        scale: Their standard deviation; 1 where they are all the same.
    """

    mean: float
    scale: float

    def fit(self, x: npt.NDArray[Any]) -> Self:
        """Fit to pixels `[N, F]`, in blocks of rows, so that no float64 copy of all of them is made."""
        blocks = range(0, len(x), _BLOCK_ROWS)
        self.mean = sum(float(x[at : at + _BLOCK_ROWS].sum(dtype=np.float64)) for at in blocks) / x.size
        squares = sum(float(np.square(x[at : at + _BLOCK_ROWS] - self.mean).sum()) for at in blocks)
        self.scale = float(np.sqrt(squares / x.size)) or 1.0
        return self

    def transform(self, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Pixels `[N, F]` to `[N, F]` float32."""
        z = np.array(x, dtype=np.float32)
        z -= np.float32(self.mean)
        z /= np.float32(self.scale)
        return z
