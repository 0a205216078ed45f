"""What a search found, gathered once for all its figures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from search_spaces import Hyperparameters
from study.config import StudyConfig
from study.records.attributes import IDENTITY_DIGEST
from study.search.front import Candidate, Front


@dataclass(frozen=True, eq=False)
class Found:
    """A search as its figures need it.

    Attributes:
        name: The study's name.
        config: Its configuration.
        front: Its front, with or without test results.
        trials: All its trials, as they are stored.
        identity: Digest of its identity: trials of others are left out.
        used: A trial's hyperparameters, from its parameters.
        most_points: Trials that a figure draws at most.
    """

    name: str
    config: StudyConfig
    front: Front
    trials: Sequence[FrozenTrial]
    identity: str
    used: Callable[[Mapping[str, Any]], Hyperparameters]
    most_points: int = 3000

    @cached_property
    def own(self) -> tuple[FrozenTrial, ...]:
        """The finished trials that the study trained itself."""
        return tuple(
            trial
            for trial in self.trials
            if trial.state is TrialState.COMPLETE and trial.system_attrs.get(IDENTITY_DIGEST) == self.identity
        )

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Those of them that did not diverge."""
        every = (Candidate.of(trial, self.config) for trial in self.own)
        return tuple(candidate for candidate in every if not candidate.diverged)

    @cached_property
    def drawn(self) -> tuple[Candidate, ...]:
        """The candidates, evenly thinned where they are more than a browser draws with ease."""
        step = -(-len(self.candidates) // self.most_points) or 1
        return self.candidates[::step]

    @property
    def thinned(self) -> str:
        """How many candidates a figure leaves out, as the end of its caption; empty where none."""
        drawn, every = len(self.drawn), len(self.candidates)
        return f" Drawn are {drawn:,} of {every:,} trials." if drawn < every else ""

    @cached_property
    def best_by_activation(self) -> dict[str, Candidate]:
        """Each activation's most accurate feasible trial, the most accurate first."""
        best: dict[str, Candidate] = {}
        for candidate in sorted(self.candidates, key=lambda each: (-each.accuracy, each.number)):
            if candidate.feasible:
                best.setdefault(self.hyperparameters[candidate.number].activation, candidate)
        return best

    @cached_property
    def hyperparameters(self) -> dict[int, Hyperparameters]:
        """Each candidate's hyperparameters, by trial number."""
        return {candidate.number: self.used(candidate.params) for candidate in self.candidates}

    @property
    def seeds(self) -> str:
        """How many seeds a mean is over, in words."""
        return f"{self.config.seeds} seeds" if self.config.seeds > 1 else "one seed"

    def of(self, activation: str, candidates: Collection[Candidate]) -> list[Candidate]:
        """Those of an activation."""
        return [
            candidate for candidate in candidates if self.hyperparameters[candidate.number].activation == activation
        ]

    def told(self, candidate: Candidate) -> str:
        """A trial in words, for whoever points at it."""
        used = self.hyperparameters[candidate.number]
        slope = f", slope {used.negative_slope:.3g}" if "negative_slope" in candidate.params else ""
        return (
            f"trial {candidate.number}: {used.activation}{slope}, {used.initialization}, dropout {used.dropout:.3g}<br>"
            f"{self.config.metric} {100 * candidate.accuracy:.2f} %, {self.config.sparsity} "
            f"{100 * candidate.sparsity:.1f} %, dead {100 * candidate.dead:.1f} %"
        )


def importances(found: Found, objectives: Sequence[str]) -> dict[str, dict[str, float]]:
    """How much each parameter matters for each objective, by PED-ANOVA (Watanabe et al. 2023); empty where unknown.

    Args:
        found: The search.
        objectives: Names of the objectives.
    """
    study = optuna.create_study(directions=["maximize"] * len(objectives))
    study.add_trials(list(found.own))
    result: dict[str, dict[str, float]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index, name in enumerate(objectives):

            def value(trial: FrozenTrial, index: int = index) -> float:
                return float(trial.values[index])

            try:
                result[name] = dict(optuna.importance.get_param_importances(study, target=value))
            except (RuntimeError, ValueError):  # too few trials, or all alike
                return {}
    return result
