"""A search's trials in the form that its figures need, gathered once for all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev

import optuna
from optuna.importance import FanovaImportanceEvaluator
from optuna.trial import FrozenTrial

from study.config import StudyConfig
from study.records.own_trials import OwnTrial, is_feasible, is_own
from study.report.plot import wrapped
from study.search.description import describe
from study.search.front import Front

_HOVER_WIDTH = 60
"""Characters of a line of what a figure says of a trial, so that it fits on a phone."""
_FORESTS, _TREES, _MOST_IN_FOREST = 5, 16, 500
"""Forests of other seeds by which importances are judged, the trees of each, and its trials at most, evenly thinned."""


@dataclass(frozen=True)
class Importance:
    """The share of an objective's variation that one parameter accounts for by itself.

    Attributes:
        share: Mean over forests, a fraction.
        spread: Standard deviation over forests.
    """

    share: float
    spread: float


@dataclass(frozen=True)
class Importances:
    """What share of each objective's variation each parameter accounts for by itself.

    Attributes:
        shares: By objective and parameter; empty where they are unknown.
        feasible: The feasible trials of the study.
        fitted: How many of them the forests were fitted to, evenly chosen.
    """

    shares: Mapping[str, Mapping[str, Importance]]
    feasible: int
    fitted: int


@dataclass(frozen=True, eq=False)
class SearchData:
    """A search as its figures need it.

    Attributes:
        config: The study's configuration.
        front: The front, with or without test scores.
        own: The finished trials that the study trained itself.
        most_points: Trials that a figure draws at most.
    """

    config: StudyConfig
    front: Front
    own: Sequence[OwnTrial]
    most_points: int = 3000

    @cached_property
    def trials(self) -> tuple[OwnTrial, ...]:
        """The trials that did not diverge."""
        return tuple(trial for trial in self.own if not trial.diverged)

    @cached_property
    def drawn(self) -> tuple[OwnTrial, ...]:
        """`trials`, evenly thinned where they are more than a browser draws with ease."""
        step = -(-len(self.trials) // self.most_points) or 1
        return self.trials[::step]

    @cached_property
    def best_by_activation(self) -> dict[str, OwnTrial]:
        """Each activation's best feasible trial by the metric, the best activation first."""
        best: dict[str, OwnTrial] = {}
        for trial in sorted(self.trials, key=lambda each: (-each.score, each.number)):
            if trial.feasible:
                best.setdefault(trial.hyperparameters.activation, trial)
        return best

    @property
    def seeds(self) -> str:
        """How many seeds a mean is over, in words."""
        return self.config.replicates_text

    def hover(self, trial: OwnTrial) -> str:
        """What a figure says of a trial when somebody points at it."""
        return (
            wrapped(f"trial {trial.number}: {describe(trial.hyperparameters)}", _HOVER_WIDTH)
            + f"<br>{self.config.score} {self.config.judged_by.text(trial.score)}, {self.config.sparsity} "
            f"{100 * trial.sparsity:.1f} %, dead {100 * trial.dead:.1f} %"
            + (
                f", as trained {self.config.metric} {self.config.judged_by.text(trial.plain_score)}"
                if self.config.clamps
                else ""
            )
            + ("" if trial.feasible else "<br>infeasible: some seed does not beat the floor")
        )


def of_activation(activation: str, trials: Collection[OwnTrial]) -> list[OwnTrial]:
    """Those of some trials that use an activation."""
    return [trial for trial in trials if trial.hyperparameters.activation == activation]


def importances(trials: Sequence[FrozenTrial], identity: str, objectives: Sequence[str]) -> Importances:
    """What share of each objective's variation each parameter accounts for by itself, where that is known.

    Functional ANOVA of a random forest (Hutter et al. 2014), over the space as if it were sampled evenly.

    Args:
        trials: All trials of a search.
        identity: Digest of its identity; the trials of others, and infeasible ones, are left out.
        objectives: Names of the objectives.
    """
    judged = [trial for trial in trials if is_own(trial, identity) and is_feasible(trial)]
    step = -(-len(judged) // _MOST_IN_FOREST) or 1
    study = optuna.create_study(directions=["maximize"] * len(objectives))
    fitted = judged[::step]
    study.add_trials(fitted)
    result: dict[str, Mapping[str, Importance]] = {}
    for index, name in enumerate(objectives):

        def value(trial: FrozenTrial, index: int = index) -> float:
            return float(trial.values[index])

        forests = [FanovaImportanceEvaluator(n_trees=_TREES, seed=seed) for seed in range(_FORESTS)]
        try:
            shares = [forest.evaluate(study, target=value) for forest in forests]
        except (RuntimeError, ValueError):  # too few trials, or all alike
            return Importances({}, len(judged), len(fitted))
        result[name] = {
            parameter: Importance(float(fmean(each)), float(stdev(each)))
            for parameter in shares[0]
            for each in ([share[parameter] for share in shares],)
        }
    known = any(each.share > 0 for shares in result.values() for each in shares.values())
    return Importances(result if known else {}, len(judged), len(fitted))
