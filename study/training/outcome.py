"""The outcome of a trial: what its training gave, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

SPARSITY_MEASURES = ("near_zero", "zeros", "hoyer", "gini", "removable")
"""Measures of the network as it was trained that may serve as the objective; all over live units."""
SORTED_MEASURES = ("hoyer", "gini", "removable")
"""Those of them that are not counted: they need a layer's activations sorted, or their moments."""
CLAMPED_ZEROS = "clamped_zeros"
"""The share of zeros of the clamped network (see `measures`), over live units; it may serve as the objective too."""
CLAMP_THRESHOLD = "clamp_threshold"
"""A layer's threshold: activations of at most this magnitude are 0 in the clamped network."""


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """One repetition of a trial.

    Attributes:
        diverged: Whether a weight or an output was not finite in the end; then the scores are those of a
            constant guess.
        scores: One number a measure of the whole network; a measure that has no value is left out.
        layers: The same for each hidden layer, first to last, with its `clamp_threshold` where the clamped network was
            measured, and for the output layer, which has its gradient norms only.
        test_layers: The sparsity and health of each hidden layer on the test part, where it was read.
        curves: One number an epoch: `training_loss`, and the task's first metric on the validation part, which for
            classification is `validation_accuracy`.
        failure: Why there is nothing else: what a user's network raised; None where it was trained.
        rungs: What it gave at the rungs that it reached, by epoch: scores and layers of the validation part alone.
    """

    diverged: bool
    scores: Mapping[str, float]
    layers: tuple[Mapping[str, float], ...] = ()
    test_layers: tuple[Mapping[str, float], ...] = ()
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    failure: str | None = None
    rungs: Mapping[int, Replicate] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What training one trial gave.

    Attributes:
        replicates: One entry a replicate; of a trial that was stopped at a rung, what they gave there.
        stopped_at: Epoch of the rung at which the trial was stopped; None where it was trained to the end, or failed.
    """

    replicates: tuple[Replicate, ...]
    stopped_at: int | None = None

    @property
    def rungs(self) -> dict[int, Outcome]:
        """The outcome at each rung that the trial reached, by epoch, of the replicates that went through rungs."""
        reached = sorted({epoch for replicate in self.replicates for epoch in replicate.rungs})
        return {
            epoch: Outcome(tuple(each.rungs[epoch] for each in self.replicates if epoch in each.rungs))
            for epoch in reached
        }

    @property
    def failure(self) -> str | None:
        """What a user's network raised, in the first replicate in which it did; None where all were trained."""
        return next((each.failure for each in self.replicates if each.failure is not None), None)

    @property
    def diverged(self) -> bool:
        """Whether any replicate diverged."""
        return any(replicate.diverged for replicate in self.replicates)

    def values(self, name: str) -> list[float | None]:
        """A measure's value in each replicate; None where a replicate has none."""
        return [replicate.scores.get(name) for replicate in self.replicates]

    def mean(self, name: str) -> float:
        """A measure's mean over the replicates that have it.

        Raises:
            KeyError: No replicate has it.
        """
        if len(self.replicates) == 1:
            return float(self.replicates[0].scores[name])
        values = [value for value in self.values(name) if value is not None]
        if not values:
            raise KeyError(name)
        return fmean(values)

    def names(self) -> list[str]:
        """Every measure that a replicate has, in order of appearance."""
        if len(self.replicates) == 1:
            return list(self.replicates[0].scores)
        return list(dict.fromkeys(name for replicate in self.replicates for name in replicate.scores))
