"""The finished trials that a study trained itself, as its database has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from reluctant.errors import ReluctantError
from reluctant.exit_codes import FAILED
from study.config import StudyConfig
from study.records.attributes import BY_SEED, IDENTITY_DIGEST

if TYPE_CHECKING:
    from search_spaces import Hyperparameters, SearchSpace


class NoResultsError(ReluctantError, LookupError):
    """A study has nothing yet that the question could be answered from."""

    exit_code = FAILED


@dataclass(frozen=True)
class OwnTrial:
    """A finished trial that the study trained itself.

    Attributes:
        number: The trial's number.
        trial_id: Its id in the database.
        params: Values of the searched parameters that had a meaning.
        hyperparameters: `params` completed by the study's defaults.
        values: Objective values.
        feasible: Whether every replicate beats the floor.
        diverged: Whether a replicate diverged.
        scores: The study's score on the validation part, replicate by replicate.
        sparsity: Mean of the study's sparsity measure over replicates; 0 where a replicate diverged.
        dead: Mean share of dead units.
        by_seed: Each measure's values, replicate by replicate.
        test_score: Mean of the score on the test part; None where it was not measured.
        plain_scores: The metric of the networks as they were trained, where the clamped ones are judged; else empty.
        plain_test_score: Their mean on the test part; None where it was not measured, or is `test_score`.
    """

    number: int
    trial_id: int
    params: Mapping[str, Any]
    hyperparameters: Hyperparameters
    values: tuple[float, ...]
    feasible: bool
    diverged: bool
    scores: tuple[float, ...]
    sparsity: float
    dead: float
    by_seed: Mapping[str, Sequence[float | None]]
    test_score: float | None = None
    plain_scores: tuple[float, ...] = ()
    plain_test_score: float | None = None

    @property
    def score(self) -> float:
        """Mean of `scores`."""
        return fmean(self.scores)

    @property
    def plain_score(self) -> float:
        """Mean metric of the networks as they were trained."""
        return fmean(self.plain_scores or self.scores)

    @property
    def standard_error(self) -> float | None:
        """Standard error of `score` over replicates; None for a single one."""
        return _standard_error(self.scores)

    def difference(self, other: OwnTrial) -> tuple[float, float | None]:
        """Mean of this trial's scores minus the other's, replicate by replicate, and its paired standard error."""
        differences = [ours - theirs for ours, theirs in zip(self.scores, other.scores, strict=True)]
        return fmean(differences), _standard_error(differences)


def is_feasible(trial: FrozenTrial) -> bool:
    """Whether a trial violates no constraint."""
    return all(value <= 0 for value in trial.constraints.values())


def known_feasible(trial: FrozenTrial) -> bool | None:
    """Whether a trial violates no constraint; None where that is not known: it has no values, and reached no rung."""
    known = trial.values is not None or (trial.state is TrialState.PRUNED and bool(trial.constraints))
    return is_feasible(trial) if known else None


def is_own(trial: FrozenTrial, identity: str) -> bool:
    """Whether a trial is finished and was trained by the study itself, not copied or added by another program.

    Args:
        trial: A trial of the study's database.
        identity: Digest of the study's identity.
    """
    return trial.state is TrialState.COMPLETE and trial.system_attrs.get(IDENTITY_DIGEST) == identity


def own_trials(
    trials: Iterable[FrozenTrial], *, config: StudyConfig, space: SearchSpace, identity: str
) -> list[OwnTrial]:
    """The finished trials that a study trained itself, in the order of `trials`.

    Args:
        trials: Trials of the study with all their attributes.
        config: The study's configuration.
        space: What it searches.
        identity: Digest of its identity.
    """
    defaults, metric = config.defaults, config.judged_by
    found = []
    for trial in trials:
        if not is_own(trial, identity):
            continue
        attributes, by_seed = trial.user_attrs, trial.system_attrs[BY_SEED]
        diverged = attributes.get("diverged", False)
        found.append(
            OwnTrial(
                number=trial.number,
                trial_id=trial._trial_id,
                params=dict(trial.params),
                hyperparameters=space.hyperparameters(trial.params, defaults),
                values=tuple(trial.values),
                feasible=is_feasible(trial),
                diverged=diverged,
                scores=tuple(map(metric.score, by_seed[config.score])),
                sparsity=0.0 if diverged else attributes[config.sparsity],
                dead=attributes.get("dead", math.nan),
                by_seed=by_seed,
                plain_scores=tuple(map(metric.score, by_seed[metric.name])) if config.clamps else (),
            )
        )
    return found


def _standard_error(values: Sequence[float]) -> float | None:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
