"""Random search: every trial is drawn uniformly, from a random stream of its own."""

from __future__ import annotations

from typing import Any

from study.sampling.base import CohortSampler


class Uniform(CohortSampler):
    """Draws each trial uniformly from the space (Bergstra & Bengio 2012)."""

    def cohort(self, numbers: range, *, start: int, visible: int) -> list[dict[str, Any]]:
        """Proposes trials; see `CohortSampler.cohort`."""
        return [self.study.space.suggest(self.study.random_point(number)) for number in numbers]
