"""Quasi-random search: a scrambled Sobol sequence, which covers the space more evenly than random points."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from search_spaces.points import UnitPoint
from study.sampling.base import CohortSampler


class QuasiRandom(CohortSampler):
    """Reads each trial off the point of a scrambled Sobol sequence that has its number (Owen 1998)."""

    def cohort(self, numbers: range, *, start: int, visible: int) -> list[dict[str, Any]]:
        """Proposes trials; see `CohortSampler.cohort`."""
        space = self.study.space
        return [space.suggest(UnitPoint(space, point)) for point in self._points(numbers)]

    def _points(self, numbers: range) -> Any:
        """`[numbers, parameters]` the points of consecutive trial numbers."""
        sequence = self._sequence.reset()
        if numbers and not numbers[0]:  # alone: from its start on, SciPy wants a power of two of a sequence's points
            return np.concatenate([sequence.random(1), self._points(numbers[1:])])
        if numbers:  # SciPy cannot go forward by nothing
            sequence.fast_forward(numbers[0])
        return sequence.random(len(numbers))

    @cached_property
    def _sequence(self) -> Any:
        from scipy.stats import qmc  # half a second of imports, which a study that is not sampled does without

        return qmc.Sobol(len(self.study.space.parameters), scramble=True, rng=self.study.seed)
