"""Points of the unit cube read as points of a search space."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from search_spaces.space import SearchSpace


def random_params(space: SearchSpace, generator: np.random.Generator) -> dict[str, Any]:
    """A uniformly drawn point of a space."""
    return space.suggest(UnitPoint(space, generator.random(len(space.parameters))))


class UnitPoint:
    """Reads values off a point of the unit cube, one axis a parameter.

    Every parameter keeps its axis, whether it is active or not, so that conditions do not disturb a sequence's
    even spread.
    """

    def __init__(self, space: SearchSpace, point: np.ndarray) -> None:
        self._axes = {parameter.name: float(u) for parameter, u in zip(space.parameters, point, strict=True)}

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """The value of a parameter at the point."""
        u = self._axes[name]
        if isinstance(distribution, CategoricalDistribution):
            return distribution.choices[int(u * len(distribution.choices))]
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        low, high, step = float(distribution.low), float(distribution.high), distribution.step
        if step is not None and not distribution.log:
            value = low + int(u * (round((high - low) / step) + 1)) * step
        elif distribution.log:
            value = float(np.exp(np.log(low) + u * (np.log(high) - np.log(low))))
        else:
            value = low + u * (high - low)
        value = min(max(value, low), high)
        return round(value) if isinstance(distribution, IntDistribution) else value
