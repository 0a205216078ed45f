"""Sample weights, wherever they come from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from study.data.errors import DataError, rows_where


def check_weights(values: npt.NDArray[np.float64], *, what: str, remedy: str) -> None:
    """Refuses weights that no sample can have.

    Args:
        values: `[N]` weights.
        what: What they are, for errors.
        remedy: What to do where all of them are 0.

    Raises:
        DataError: Some are missing (or were no numbers), negative or infinite, or all are 0.
    """
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise DataError(
            f"{what} are negative, infinite, missing or no numbers in {rows_where(bad)}; numbers of 0 or above are "
            "needed; correct these rows"
        )
    if not values.any():
        raise DataError(f"{what} are all 0; at least one weight above zero is needed; {remedy}")
