"""The feasible Pareto front of a study and the trial to recommend from it, by what its database holds.

Nothing here reads data or trains.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from reluctant.errors import ReluctantWarning
from storage import CohortStorage
from study.config import StudyConfig
from study.records.attributes import BY_SEED, IDENTITY_DIGEST
from study.records.own_trials import NoResultsError


@dataclass(frozen=True)
class Candidate:
    """One trial as a candidate for the answer.

    Attributes:
        number: The trial's number.
        params: What was searched.
        accuracies: Validation metric of each replicate.
        sparsity: Mean of the sparsity measure over replicates.
        dead: Mean share of dead units.
        feasible: Whether every replicate beats the floor.
        diverged: Whether a replicate diverged.
        test: Mean of the metric on the test part, where it was measured.
    """

    number: int
    params: dict[str, Any]
    accuracies: tuple[float, ...]
    sparsity: float
    dead: float
    feasible: bool
    diverged: bool
    test: float | None = None

    @classmethod
    def of(cls, trial: FrozenTrial, config: StudyConfig) -> Candidate:
        """Reads a finished trial of ours."""
        attributes, by_seed = trial.user_attrs, trial.system_attrs[BY_SEED]
        diverged = attributes.get("diverged", False)
        return cls(
            number=trial.number,
            params=dict(trial.params),
            accuracies=tuple(by_seed[config.metric]),
            sparsity=0.0 if diverged else attributes[config.sparsity],
            dead=attributes.get("dead", math.nan),
            feasible=all(value <= 0 for value in trial.constraints.values()),
            diverged=diverged,
        )

    @property
    def accuracy(self) -> float:
        """Mean validation metric."""
        return fmean(self.accuracies)

    @property
    def standard_error(self) -> float | None:
        """Standard error of `accuracy` over replicates; None for a single one."""
        return _standard_error(self.accuracies)

    def difference(self, other: Candidate) -> tuple[float, float | None]:
        """Mean of this one's metric minus the other's, replicate by replicate, and its paired standard error."""
        differences = [ours - theirs for ours, theirs in zip(self.accuracies, other.accuracies, strict=True)]
        return fmean(differences), _standard_error(differences)


@dataclass(frozen=True)
class Front:
    """What a study found.

    Attributes:
        members: Feasible trials that no other feasible trial beats, the most accurate first.
        recommended: The sparsest member within one paired standard error of the best accuracy.
        baseline: Trial 0.
    """

    members: tuple[Candidate, ...]
    recommended: Candidate
    baseline: Candidate | None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The members, and the baseline where it is none of them."""
        numbers = {member.number for member in self.members}
        return self.members + tuple(c for c in (self.baseline,) if c is not None and c.number not in numbers)


def find_front(trials: Sequence[FrozenTrial], config: StudyConfig, name: str, identity: str) -> Front:
    """The front of metric and sparsity, whatever the objective was.

    Args:
        trials: All trials of the study; those that it did not train itself are left out.
        config: Metric and sparsity measure.
        name: The study's name, for errors.
        identity: Digest of the study's identity.

    Raises:
        NoResultsError: No trial has finished, or none is feasible.
    """
    candidates = [
        Candidate.of(trial, config)
        for trial in trials
        if trial.state is TrialState.COMPLETE and trial.system_attrs.get(IDENTITY_DIGEST) == identity
    ]
    if not candidates:
        raise NoResultsError(f"study {name!r} has no finished trial yet; continue it with `reluctant resume {name}`")
    members = _non_dominated([candidate for candidate in candidates if candidate.feasible])
    if not members:
        best = max(candidates, key=lambda candidate: candidate.accuracy)
        raise NoResultsError(
            f"none of {len(candidates)} finished trials of {name!r} beats the floor with every seed "
            f"(best: trial {best.number}, {best.accuracy:.4f}); more --epochs or a lower --min-accuracy may help"
        )
    baseline = next((candidate for candidate in candidates if candidate.number == 0), None)
    return Front(tuple(members), recommend(members), baseline)


def read_contenders(storage: CohortStorage, study_id: int, config: StudyConfig, identity: str) -> list[FrozenTrial]:
    """The trials that decide `find_front`: those that no feasible one beats by its means, and the baseline.

    Of all others a few attributes are read; where none is feasible, all are returned.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        config: Metric and sparsity measure.
        identity: Digest of the study's identity.
    """
    looked_at = (config.metric, config.sparsity, "diverged", IDENTITY_DIGEST)
    trials = storage.read_trials(study_id, attributes=looked_at)
    points = [
        (
            trial.user_attrs[config.metric],
            0.0 if "diverged" in trial.user_attrs else trial.user_attrs[config.sparsity],
            trial,
        )
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and trial.system_attrs.get(IDENTITY_DIGEST) == identity
        and all(value <= 0 for value in trial.constraints.values())
    ]
    wanted, sparsest = {trial._trial_id for trial in trials[:1]}, -math.inf
    for _, sparsity, trial in sorted(points, key=lambda point: (-point[0], -point[1], point[2].number)):
        if sparsity > sparsest:
            wanted.add(trial._trial_id)
            sparsest = sparsity
    if not points:
        return storage.read_trials(study_id)
    return storage.read_trials(study_id, from_number=len(trials), trial_ids=wanted)


def kept_test_results(
    storage: CohortStorage, study_id: int, front: Front, config: StudyConfig
) -> dict[int, list[dict[str, float]]]:
    """The test results of a front's trials that are kept whole, by trial number, one entry a replicate."""
    known: dict[int, list[dict[str, float]]] = {}
    for row in storage.test_results(study_id, numbers=[candidate.number for candidate in front.candidates]):
        if row["replicate"] >= config.seeds:
            continue  # of seeds that `advise` added
        known.setdefault(row["number"], []).append(row)
    return {number: rows for number, rows in known.items() if len(rows) == config.seeds}


def with_test(front: Front, known: Mapping[int, Sequence[Mapping[str, float]]], config: StudyConfig) -> Front:
    """A front with its test results, all of which are known."""
    _warn_of_changes(front, known, config)

    def tested(candidate: Candidate) -> Candidate:
        return replace(candidate, test=fmean(row[f"test_{config.metric}"] for row in known[candidate.number]))

    return Front(
        tuple(tested(member) for member in front.members),
        tested(front.recommended),
        None if front.baseline is None else tested(front.baseline),
    )


def _warn_of_changes(front: Front, known: Mapping[int, Sequence[Mapping[str, float]]], config: StudyConfig) -> None:
    recorded = {candidate.number: candidate.accuracies for candidate in front.candidates}
    changed = [
        number
        for number, accuracies in recorded.items()
        if tuple(row["validation"] for row in known[number]) != accuracies
    ]
    if changed:
        warnings.warn(
            f"trained again for the test part, {len(changed)} of {len(recorded)} trials did not reach exactly the "
            f"recorded validation {config.metric} (trials {', '.join(map(str, changed))}); "
            "another processor or library version, or other company on a GPU, gives other last digits",
            ReluctantWarning,
            stacklevel=3,
        )


def _non_dominated(candidates: Sequence[Candidate]) -> list[Candidate]:
    members: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (-c.accuracy, -c.sparsity, c.number)):
        if not members or candidate.sparsity > members[-1].sparsity:
            members.append(candidate)
    return members


def recommend(members: Sequence[Candidate]) -> Candidate:
    """The sparsest within one paired standard error of the best accuracy.

    Args:
        members: The most accurate first.
    """
    best = members[0]
    close = []
    for member in members:
        difference, error = best.difference(member)
        if difference <= (error or 0.0):
            close.append(member)
    return max(close, key=lambda member: member.sparsity)


def _standard_error(values: Sequence[float]) -> float | None:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
