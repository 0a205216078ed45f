"""The estimates of claims on data sets, from which averages over data sets are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from study.intervals import Array


@dataclass(frozen=True)
class SetEstimate:
    """The estimate of one contrast on one data set.

    Attributes:
        value: The estimate.
        standard_error: Its standard error; None where unknown.
    """

    value: float
    standard_error: float | None


SetEstimates = Mapping[str, Sequence[SetEstimate | None]]
"""The estimates on one data set: of each claim, by its statement, those of its contrasts in their order."""


def values_of(estimates: Sequence[SetEstimate]) -> Array:
    """`[n]` the values of estimates."""
    return np.array([each.value for each in estimates], dtype=float)


def variances_of(estimates: Sequence[SetEstimate]) -> Array:
    """`[n]` the squared standard errors of estimates, NaN where unknown."""
    errors = [math.nan if each.standard_error is None else each.standard_error for each in estimates]
    variances: Array = np.array(errors, dtype=float) ** 2
    return variances
