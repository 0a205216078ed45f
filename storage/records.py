"""Plain values that callers exchange with the storage: proposals, claimed trials, and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class Proposal:
    """The parameters of one trial, before it has a number.

    Attributes:
        params: Values as a user sees them (external representation), by name.
        distributions: The distribution of each of `params`.
        user_attrs: Optuna user attributes that the trial has from the start.
        system_attrs: Optuna system attributes that it has from the start.
    """

    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProposedCohort:
    """Proposals for consecutive trial numbers: a cohort, or the rest of one.

    Attributes:
        first_number: The trial number of the first proposal; nothing is inserted where another trial has this number.
        proposals: One proposal for each trial number from there on.
    """

    first_number: int
    proposals: Sequence[Proposal]


@dataclass(frozen=True)
class Claimed:
    """A trial on which a worker holds a lease.

    Attributes:
        trial_id: The id of the trial in the database.
        number: The number of the trial in the study.
        params: Stored values, in external representation. A trial that a user enqueued may have none yet.
        distributions: The distribution of each of `params`.
        fixed: The parameters that a user or a proposal fixed when the trial was inserted.
        suspect: Whether it was lost so often that it is trained alone; known where brackets are claimed.
        set_aside: What `CohortStorage.set_aside` stored of it; None for a trial that is to be trained.
    """

    trial_id: int
    number: int
    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    fixed: Mapping[str, Any]
    suspect: bool = False
    set_aside: str | None = None


@dataclass(frozen=True)
class LayerMeasures:
    """Measures of one layer of one replicate; values that are not finite are read back as NaN."""

    replicate: int
    layer: int
    measures: Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """One quantity over the epochs of one replicate; values that are not finite are read back as NaN."""

    replicate: int
    name: str
    points: Sequence[float]


@dataclass(frozen=True)
class Result:
    """The result of training one trial.

    Attributes:
        trial_id: The id of the claimed trial.
        values: One value for each objective, never NaN; None for a trial that failed or was stopped early.
        constraints: Constraints by name; the trial is feasible where all are ≤ 0.
        user_attrs: Optuna user attributes.
        system_attrs: Optuna system attributes.
        layers: Measures of layers, which are stored in tables of `reluctant`.
        curves: Learning curves, which are stored in tables of `reluctant`.
        test: Measures on the test part, where they were taken together with the training.
        failure: The reason why the trial failed. The trial is recorded as FAIL, with this text as its user attribute
            `failure`.
        pruned: Whether the trial was stopped early. It is recorded as PRUNED, which has no values.
    """

    trial_id: int
    values: Sequence[float] | None
    constraints: Mapping[str, float] = field(default_factory=dict)
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)
    layers: Sequence[LayerMeasures] = ()
    curves: Sequence[Curve] = ()
    test: Sequence[TestMeasures] = ()
    failure: str | None = None
    pruned: bool = False


@dataclass(frozen=True)
class TestMeasures:
    """Measures of one replicate on the test part, which is read only after the choice is made."""

    __test__ = False  # the name looks like a class of tests to pytest

    trial_id: int
    replicate: int
    measures: Mapping[str, float]
