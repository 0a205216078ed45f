"""Standardisation of numeric columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import StandardScaler

LARGEST = 100.0


class ColumnScaler(StandardScaler):  # type: ignore[misc]
    """A `StandardScaler` whose output is bounded.

    A column that is constant in the training part becomes 0 everywhere, because its values in other parts, which cannot
    be scaled, could have any size. Values more than 100 standard deviations from the mean are clipped to that distance.
    """

    def fit(self, X: npt.NDArray[Any], y: None = None, sample_weight: None = None) -> Self:
        """Fit to `[N, F]` columns without missing values."""
        super().fit(X)
        self.constant_ = X.min(axis=0) == X.max(axis=0)
        return self

    def transform(self, X: npt.NDArray[Any], copy: bool | None = None) -> npt.NDArray[np.float32]:
        """Transform `[N, F]` columns to `[N, F]` float32."""
        z: npt.NDArray[np.float64] = super().transform(X, copy=copy)
        z[:, self.constant_] = 0.0
        return np.clip(z, -LARGEST, LARGEST).astype(np.float32)
