"""One trial of a search, as a program sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces import Hyperparameters
from study.records.own_trials import OwnTrial
from study.search.description import describe


@dataclass(frozen=True)
class Trial:
    """A finished trial.

    Attributes:
        number: Its number.
        params: Values of the searched parameters.
        scores: The study's score on the validation part, replicate by replicate: its metric, of the network whose
            activations near zero are set to 0 where that is the one that is judged. Errors are negated.
        sparsity: Mean of the study's sparsity measure over replicates, a fraction.
        test_score: Mean of the score on the test part; None where it was not measured.
        basis: What a recommendation of the trial rests on; None where another one is recommended.
        hyperparameters: `params`, completed by what the search did not vary.
    """

    number: int
    params: Mapping[str, Any]
    scores: tuple[float, ...]
    sparsity: float
    test_score: float | None
    basis: str | None
    hyperparameters: Hyperparameters

    @classmethod
    def of(cls, trial: OwnTrial, *, basis: str | None = None) -> Trial:
        """The trial as a program sees it."""
        return cls(
            trial.number,
            trial.params,
            trial.scores,
            trial.sparsity,
            trial.test_score,
            basis,
            trial.hyperparameters,
        )

    @property
    def score(self) -> float:
        """Mean of `scores`."""
        return sum(self.scores) / len(self.scores)

    def describe(self) -> str:
        """The whole configuration in words, with what the search did not vary."""
        return describe(self.hyperparameters)
