"""What a space asks for values, in tests."""

from __future__ import annotations

import random
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial


class FromTrial:
    """Asks a real Optuna trial."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return self._trial.suggest_categorical(name, distribution.choices)
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        ask = self._trial.suggest_int if isinstance(distribution, IntDistribution) else self._trial.suggest_float
        return ask(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)


class Drawn:
    """Draws from a generator of its own and remembers what it was asked for."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.asked: list[str] = []

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        self.asked.append(name)
        if isinstance(distribution, CategoricalDistribution):
            return self._random.choice(distribution.choices)
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        if isinstance(distribution, IntDistribution):
            return self._random.randrange(distribution.low, distribution.high + 1, distribution.step)
        if distribution.step is None:
            return self._random.uniform(distribution.low, distribution.high)
        steps = round((distribution.high - distribution.low) / distribution.step)
        return min(distribution.low + self._random.randint(0, steps) * distribution.step, distribution.high)
