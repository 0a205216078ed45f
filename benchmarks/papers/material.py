"""`Material`: the data of the experiments, and their training by the project's own engines."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from statistics import fmean

from reluctant.errors import ReluctantWarning
from search_spaces import Hyperparameters
from study.data import Dataset, Split, TableOptions, load_dataset, make_split, sample_rows
from study.machine import available_threads
from study.training import Budget, Outcome, Streams, Trainer

_FEWEST_ROWS = 700
"""Of a smaller part of a data set: 100 test images of MNIST, and its rarest class in every part."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Where the data are, and how much of an experiment is run.

    Attributes:
        folder: Holds `mnist/` with the four IDX files, and `uci/` with `adult.csv` and `adult-test.csv`.
        scale: Share of the rows, epochs and random networks that an experiment names; 1 is the experiment, and less a
            trial of it whose answers mean nothing.
    """

    folder: Path
    scale: float = 1.0

    def part(self, count: int) -> int:
        """So much of a count as the scale says, at least 1."""
        return max(1, round(count * self.scale))

    def mnist(self, rows: int | None = None) -> Split:
        """MNIST with its official test part; at most so many rows of both parts together, all for None."""
        return self._split(load_dataset(str(self.folder / "mnist")), rows)

    def adult(self) -> Split:
        """Adult with its official test part."""
        folder = self.folder / "uci"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReluctantWarning)
            options = TableOptions(test=str(folder / "adult-test.csv"))
            return self._split(load_dataset(str(folder / "adult.csv"), target="income", options=options))

    def _split(self, dataset: Dataset, rows: int | None = None) -> Split:
        wanted = max(_FEWEST_ROWS, self.part(min(rows or len(dataset), len(dataset))))
        return make_split(sample_rows(dataset, wanted, seed=0), seed=0)


def train(trials: Sequence[Hyperparameters], split: Split, budget: Budget) -> list[Outcome]:
    """The outcome of each trial, on the test part too, by as many processes as there are cores."""
    with Trainer(split, budget, Streams(0), threads=available_threads(), read_test=True) as trainer:
        return trainer.fit(trials)


def best_by_validation(trials: Sequence[Outcome]) -> Outcome:
    """The outcome with the highest mean accuracy on the validation part, of equal ones the first."""
    return max(trials, key=lambda outcome: outcome.mean("accuracy"))


def errors(outcome: Outcome) -> list[float]:
    """Test error of each seed in per cent."""
    return [100 * (1 - replicate.scores["test_accuracy"]) for replicate in outcome.replicates]


def on_hidden_layers(outcome: Outcome, measure: str) -> list[float]:
    """A measure of each seed's hidden layers on the test part, their mean, in per cent; NaN where a seed diverged."""
    return [
        100 * fmean([layer[measure] for layer in replicate.test_layers] or [nan]) for replicate in outcome.replicates
    ]
