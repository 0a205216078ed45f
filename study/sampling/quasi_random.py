"""Quasi-random search: a scrambled Sobol sequence, which covers the space more evenly than random points."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from search_spaces.points import UnitPoint
from study.sampling.base import CohortSampler


class QuasiRandom(CohortSampler):
    """Reads each trial off the point of a scrambled Sobol sequence that has its number (Owen 1998)."""

    def cohort(self, numbers: range, *, start: int, visible: int) -> list[dict[str, Any]]:
        """Proposes trials; see `CohortSampler.cohort`."""
        space = self.study.space
        return [space.suggest(UnitPoint(space, self._point(number))) for number in numbers]

    def _point(self, number: int) -> Any:
        """`[parameters]` the point of a trial number."""
        sequence = self._sequence.reset()
        if number:  # SciPy cannot go forward by nothing
            sequence.fast_forward(number)
        return sequence.random(1)[0]

    @cached_property
    def _sequence(self) -> Any:
        from scipy.stats import qmc  # half a second of imports, which a study that is not sampled does without

        return qmc.Sobol(len(self.study.space.parameters), scramble=True, rng=self.study.seed)
