"""From outcomes of training to what the search optimizes: objective values and the feasibility constraint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from study.config import ConfigError, StudyConfig
from study.data.split import Split
from study.tasks import Metric
from study.training import Outcome

_Item = TypeVar("_Item")
_SMALLEST_VIOLATION, _LARGEST_VIOLATION = 1e-12, 1e30
"""Of a trial that only reaches the floor of a continuous metric; of a diverged one if the metric has no worst value."""


@dataclass(frozen=True)
class Judge:
    """Judges the outcomes of one study.

    Attributes:
        config: Objective, metric, sparsity measure, floor.
        constant_guess: Value of the metric that the best constant prediction reaches on the validation part.
        step: How far beyond the floor the metric is at least where it beats it: what one validation sample is worth.
        folds: Validation parts that a seed's score is the mean over; then `constant_guess` is that mean too.
    """

    config: StudyConfig
    constant_guess: float
    step: float
    folds: int = 1

    @classmethod
    def of(cls, config: StudyConfig, *splits: Split, weigh_samples: bool = True) -> Judge:
        """The judge of a study on a split.

        Args:
            config: The study's configuration.
            splits: The first of its splits; under cross-validation that of each fold.
            weigh_samples: Whether a validation sample counts what it is worth under the metric; else 1/N.

        Raises:
            ConfigError: Nothing can be feasible under its floor.
        """
        metric, task = config.judged_by, config.what_is_learned
        guesses, steps = [], []
        for split in splits:
            validation = split.validation
            guesses.append(metric.constant_guess(split.training, validation, task.outputs(split)))
            steps.append(
                metric.smallest_step(validation.y, validation.weights) if weigh_samples else 1.0 / len(validation)
            )
        judge = cls(config, fmean(guesses), min(steps) / len(splits), len(splits))
        if metric.sign * (judge.least_score - metric.best) > 0:
            other = (
                ""
                if config.metric != "accuracy" or config.min_accuracy is not None
                else "--metric balanced_accuracy, or "
            )
            raise ConfigError(
                f"no trial can beat the floor {judge.floor:g} by one of "
                f"{sum(len(split.validation) for split in splits)} validation samples; "
                f"choose {other}a lower --min-accuracy"
            )
        return judge

    @property
    def metric(self) -> Metric:
        """The metric that trials are judged by."""
        return self.config.judged_by

    @property
    def metric_names(self) -> list[str]:
        """What the objectives are called, in their order; all are maximized."""
        return objective_names(self.config)

    @property
    def floor(self) -> float:
        """Value of the metric that every seed of a feasible trial beats; under cross-validation its mean over folds."""
        return self.constant_guess if self.config.min_accuracy is None else self.config.min_accuracy

    @property
    def least_score(self) -> float:
        """Value of the metric that every seed of a feasible trial reaches: one `step` beyond the floor."""
        return self.floor + self.metric.sign * self.step

    @property
    def reference_point(self) -> list[float]:
        """Where the hypervolume starts: a constant guess without sparsity."""
        return self.values_of(self.constant_guess, 0.0)

    def values(self, outcome: Outcome) -> list[float]:
        """Objective values; a diverged trial has those of a constant guess."""
        if outcome.diverged:
            return self.reference_point
        return self.values_of(outcome.mean(self.config.score), outcome.mean(self.config.sparsity))

    def values_of(self, value: float, sparsity: float) -> list[float]:
        """Objective values of a value of the metric and a sparsity."""
        score = self.metric.score(value)
        if self.config.objective == "front":
            return [score, sparsity]
        if self.config.objective == "weighted":
            return [score + self.config.sparsity_weight * sparsity]
        return [score]

    def constraint(self, outcome: Outcome) -> float:
        """Feasible where ≤ 0: every seed beats the floor by at least `step`; its score is its mean over folds."""
        metric = self.metric
        by_replicate = [replicate.scores[self.config.score] for replicate in outcome.replicates]
        scores = [fmean(by_replicate[at : at + self.folds]) for at in range(0, len(by_replicate), self.folds)]
        # A diverged replicate beats no floor, also one below a constant guess.
        worst = metric.worst if outcome.diverged else min(scores, key=lambda score: metric.sign * score)
        # Finite, because databases store it.
        violation = min(_LARGEST_VIOLATION, metric.sign * (self.least_score - worst))
        if self.step:
            return round(violation, 12)  # so that exactly one step more is not lost to the last bit
        # Errors have the target's unit, in which no difference is small by itself.
        reached = math.isclose(self.least_score, worst, rel_tol=1e-12, abs_tol=1e-12 if metric.percent else 0.0)
        return _SMALLEST_VIOLATION if reached else violation


def shown_values(config: StudyConfig, values: Sequence[float]) -> list[str]:
    """Objective values of a trial with their names, as people read them: errors are positive.

    Example:
        >>> shown_values(StudyConfig(task="regression", metric="rmse"), (-0.25, 0.5))
        ['clamped_rmse 0.2500', 'clamped_zeros 0.5000']
    """
    metric, names = config.judged_by, objective_names(config)
    if config.objective != "weighted":
        names, values = [config.score, *names[1:]], [metric.value(values[0]), *values[1:]]
    return [f"{name} {value:.4f}" for name, value in zip(names, values, strict=True)]


def objective_names(config: StudyConfig) -> list[str]:
    """What the objectives of a configuration are called, in their order; all are maximized, so errors are negated.

    Example:
        >>> objective_names(StudyConfig(objective="weighted", sparsity_weight=0.5))
        ['clamped_accuracy + 0.5 clamped_zeros']
    """
    name = config.score if config.judged_by.higher_is_better else f"-{config.score}"
    if config.objective == "front":
        return [name, config.sparsity]
    if config.objective == "weighted":
        return [f"{name} + {config.sparsity_weight:g} {config.sparsity}"]
    return [name]
