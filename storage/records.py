"""The values that go into a study and come out of it."""

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
        user_attrs: Optuna user attributes that the trial is born with.
    """

    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    user_attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProposedCohort:
    """Proposals for consecutive trial numbers.

    Attributes:
        first_number: The number that the first proposal expects; the block is dropped where it is taken.
        proposals: One for each number from there on.
    """

    first_number: int
    proposals: Sequence[Proposal]


@dataclass(frozen=True)
class Claimed:
    """A trial that a worker holds a lease on.

    Attributes:
        trial_id: Its id in the database.
        number: Its number in the study.
        params: Stored values, external representation. A trial that a user enqueued may have none yet.
        distributions: The distribution of each of `params`.
        fixed: What a user, or a proposal, fixed when the trial was enqueued.
    """

    trial_id: int
    number: int
    params: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution]
    fixed: Mapping[str, Any]


@dataclass(frozen=True)
class LayerMeasures:
    """What was measured in one layer of one replicate; a value that is not finite reads back as NaN."""

    replicate: int
    layer: int
    measures: Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """One quantity over the epochs of one replicate; a value that is not finite reads back as NaN."""

    replicate: int
    name: str
    points: Sequence[float]


@dataclass(frozen=True)
class Result:
    """What training one trial gave.

    Attributes:
        trial_id: The claimed trial.
        values: One value an objective, never NaN; None for a failed trial.
        constraints: Feasible where all are ≤ 0; by name, and a name is not a number.
        user_attrs: Optuna user attributes.
        system_attrs: Optuna system attributes.
        layers: Measurements, kept in our own tables.
        curves: Learning curves, kept in our own tables.
        test: Measures on the test part, where it was read at once.
        failure: Why the trial failed; it is recorded as FAIL, with this text as user attribute `failure`.
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


@dataclass(frozen=True)
class TestMeasures:
    """Measures of one replicate on the test part, after the choice was made."""

    __test__ = False  # pytest takes a class of this name for tests

    trial_id: int
    replicate: int
    measures: Mapping[str, float]
