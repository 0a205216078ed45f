"""`Targets`: what a task makes of the column to predict, and what the rows are stratified by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, eq=False)
class Targets:
    """The values to predict.

    Attributes:
        y: `[N]` targets as a split holds them: class indices in classification, numbers in regression.
        classes: `[C]` labels as text, in the order of the class indices; empty where the task has no classes.
        strata: `[N]` the group of each row, 0 … G − 1; every part of a split gets its share of each group. None means
            the classes.
        task: Name of the task that they are for.
    """

    y: npt.NDArray[Any]
    classes: tuple[str, ...] = ()
    strata: npt.NDArray[np.int64] | None = None
    task: str = "classification"

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """`[N]` the group of each row: its stratum, or its class."""
        return self.y if self.strata is None else self.strata

    def take(self, rows: npt.NDArray[np.int64]) -> Targets:
        """The targets of some rows."""
        return replace(self, y=self.y[rows], strata=None if self.strata is None else self.strata[rows])


class TargetReader(Protocol):
    """Turns the column to predict into targets; each task has its own."""

    def __call__(
        self, values: pd.Series[Any] | npt.NDArray[Any], /, *, what: str, comma_first: bool = False
    ) -> Targets:
        """Read a column.

        Args:
            values: `[N]` values of any type.
            what: What the values are, for error texts: "target 'income' of adult.csv".
            comma_first: Whether `1,234` is rather 1.234, where values are numbers.

        Raises:
            DataError: The values cannot be targets of the task.
        """
        ...
