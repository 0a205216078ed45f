"""The feasible Pareto front of a search, and the trial to recommend from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from study.objectives import pareto
from study.records.own_trials import NoResultsError, OwnTrial


@dataclass(frozen=True)
class Front:
    """The answer of a search.

    Attributes:
        members: Feasible trials that no other feasible trial beats, the best by the metric first.
        recommended: The sparsest member within one paired standard error of the best score.
        baseline: Trial 0; None where the study did not finish it.
    """

    members: tuple[OwnTrial, ...]
    recommended: OwnTrial
    baseline: OwnTrial | None

    @property
    def trials(self) -> tuple[OwnTrial, ...]:
        """The members, and the baseline where it is none of them."""
        numbers = {member.number for member in self.members}
        return self.members + tuple(
            trial for trial in (self.baseline,) if trial is not None and trial.number not in numbers
        )

    def with_test_scores(self, scores: Mapping[int, float]) -> Front:
        """The same front with the scores of its trials on the test part.

        Args:
            scores: By trial number, one for each of `trials`.
        """

        def scored(trial: OwnTrial) -> OwnTrial:
            return replace(trial, test_score=scores[trial.number])

        return Front(
            tuple(map(scored, self.members)),
            scored(self.recommended),
            None if self.baseline is None else scored(self.baseline),
        )


def find_front(trials: Sequence[OwnTrial], name: str) -> Front:
    """The front of metric and sparsity, whatever the study's objective was.

    Args:
        trials: The study's own trials, in number order.
        name: The study's name, for errors.

    Raises:
        NoResultsError: No trial has finished, or none is feasible.
    """
    if not trials:
        raise NoResultsError(f"study {name!r} has no finished trial yet; continue it with `reluctant resume {name}`")
    members = pareto([trial for trial in trials if trial.feasible], lambda trial: (trial.score, trial.sparsity))
    if not members:
        best = max(trials, key=lambda trial: trial.score)
        raise NoResultsError(
            f"none of {len(trials)} finished trials of {name!r} beats the floor with every seed "
            f"(best: trial {best.number}, {best.score:.4f}); more --epochs or a lower --min-accuracy may help"
        )
    baseline = next((trial for trial in trials if trial.number == 0), None)
    return Front(tuple(members), recommend(members), baseline)


def recommend(members: Sequence[OwnTrial]) -> OwnTrial:
    """The sparsest trial within one paired standard error of the best score.

    Args:
        members: Trials, the best by the metric first.
    """
    best = members[0]
    close = []
    for member in members:
        difference, error = best.difference(member)
        if difference <= (error or 0.0):
            close.append(member)
    return max(close, key=lambda member: member.sparsity)
