"""Finished trials of a study, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from optuna.trial import FrozenTrial, create_trial

from search_spaces import load_space
from study.config import StudyConfig
from study.records.attributes import BY_SEED, IDENTITY_DIGEST
from study.records.own_trials import OwnTrial, own_trials

CONFIG = StudyConfig(sparsity="near_zero")
SPACE = load_space("wide")
IDENTITY = "abc123"


def finished(
    number: int,
    scores: Sequence[float],
    sparsity: float,
    *,
    constraint: float = -0.1,
    diverged: bool = False,
    identity: str = IDENTITY,
    **params: Any,
) -> FrozenTrial:
    """A finished trial as the database has it."""
    trial = create_trial(
        values=[fmean(scores), sparsity],
        params=params,
        distributions=SPACE.distributions(params),
        user_attrs={"near_zero": sparsity, "clamped_zeros": sparsity, "dead": 0.0}
        | ({"diverged": True} if diverged else {}),
        system_attrs={
            BY_SEED: {"accuracy": list(scores), "clamped_accuracy": list(scores)},
            IDENTITY_DIGEST: identity,
            "constraints:accuracy_floor": constraint,
        },
    )
    trial.number = number
    return trial


def own(*trials: FrozenTrial) -> list[OwnTrial]:
    """Those of some trials that the study trained itself."""
    return own_trials(trials, config=CONFIG, space=SPACE, identity=IDENTITY)


def own_trial(number: int, scores: Sequence[float], sparsity: float, **options: Any) -> OwnTrial:
    """A finished trial that the study trained itself."""
    (trial,) = own(finished(number, scores, sparsity, **options))
    return trial
