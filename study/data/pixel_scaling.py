"""Standardisation of pixels."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

_BLOCK_ROWS = 4096


class PixelScaler:
    """Standardises all pixels with one mean and one standard deviation.

    Scaling each pixel on its own would give huge values at the edge of images: a pixel that is lit in one of 50,000
    images would lie 200 standard deviations from its mean there. Dark pixels all get the same value. The range of the
    pixels, 0 … 255 or 0 … 1, does not matter, since the standard deviation scales with it.

    Attributes:
        mean: Mean of all training pixels.
        scale: Their standard deviation; 1 where all pixels are equal.
    """

    mean: float
    scale: float

    def fit(self, x: npt.NDArray[Any]) -> Self:
        """Fit to `[N, F]` pixels, in blocks of rows, which avoids a float64 copy of all pixels."""
        blocks = range(0, len(x), _BLOCK_ROWS)
        self.mean = sum(float(x[at : at + _BLOCK_ROWS].sum(dtype=np.float64)) for at in blocks) / x.size
        squares = sum(float(np.square(x[at : at + _BLOCK_ROWS] - self.mean).sum()) for at in blocks)
        self.scale = float(np.sqrt(squares / x.size)) or 1.0
        return self

    def transform(self, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Transform `[N, F]` pixels to `[N, F]` float32."""
        z = np.array(x, dtype=np.float32)
        z -= np.float32(self.mean)
        z /= np.float32(self.scale)
        return z
