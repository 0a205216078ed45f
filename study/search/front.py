"""The feasible Pareto front of a search, the trial to recommend from it, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from study.config import StudyConfig
from study.pareto import pareto
from study.records.own_trials import NoResultsError, OwnTrial
from study.search.recommendation import recommend, regret_of
from study.wording import seeds_text


@dataclass(frozen=True)
class Confirmation:
    """How far fresh seeds have confirmed a front.

    Attributes:
        networks: The networks of a trial, on fresh seeds, by which was chosen.
        trials: The finished trials of the study at that time.
        unconfirmed: Trials that came to the front since, and were not trained on fresh seeds.
        folds: Folds of the cross-validation; each seed trained a network on each of them. None: there is none.
    """

    networks: int
    trials: int
    unconfirmed: int
    folds: int | None = None

    @property
    def seeds_text(self) -> str:
        """The fresh seeds, in words."""
        return seeds_text(self.networks // (self.folds or 1), self.folds, kind="fresh")


@dataclass(frozen=True)
class Front:
    """The answer of a search.

    Attributes:
        members: Feasible trials that no other feasible trial beats, the best by the metric first.
        recommended: The trial to use, by `recommend`: among the members on the search's seeds, or among `trials` on
            fresh ones where all of these were trained on them.
        baseline: Trial 0; None where the study did not finish it.
        confirmation: What fresh seeds say; None where none were trained.
        regret: How far the recommended trial is expected to lie below the truly best one of those it was chosen from,
            a fraction; None where a single seed leaves nothing to estimate it by.
    """

    members: tuple[OwnTrial, ...]
    recommended: OwnTrial
    baseline: OwnTrial | None
    confirmation: Confirmation | None = None
    regret: float | None = None

    @property
    def basis(self) -> str:
        """What the recommendation rests on, in words."""
        known = self.confirmation
        if known is None:
            return "chosen on the search's own seeds; `reluctant advise` confirms it"
        if not known.unconfirmed:
            return f"confirmed on {known.seeds_text}"
        verb, them = ("is", "it") if known.unconfirmed == 1 else ("are", "them")
        return (
            f"confirmed at {known.trials} trials; {known.unconfirmed} on the front {verb} unconfirmed, so this one is "
            f"chosen on the search's own seeds again; `reluctant advise` trains {them}"
        )

    @property
    def trials(self) -> tuple[OwnTrial, ...]:
        """The members, and the baseline where it is none of them."""
        numbers = {member.number for member in self.members}
        return self.members + tuple(
            trial for trial in (self.baseline,) if trial is not None and trial.number not in numbers
        )

    def with_test_scores(self, scores: Mapping[int, float], plain_scores: Mapping[int, float]) -> Front:
        """The same front with the scores of its trials on the test part.

        Args:
            scores: By trial number, one for each of `trials`.
            plain_scores: The metric of the networks as they were trained, where the clamped ones are judged.
        """

        def scored(trial: OwnTrial) -> OwnTrial:
            plain = plain_scores.get(trial.number)
            return replace(trial, test_score=scores[trial.number], plain_test_score=plain)

        return replace(
            self,
            members=tuple(map(scored, self.members)),
            recommended=scored(self.recommended),
            baseline=None if self.baseline is None else scored(self.baseline),
        )


def find_front(trials: Sequence[OwnTrial], name: str, config: StudyConfig, remedy: str | None = None) -> Front:
    """The front of metric and sparsity on the search's own seeds, whatever the study's objective was.

    Args:
        trials: The study's own trials, in number order.
        name: The study's name, for errors.
        config: The study's configuration.
        remedy: What may help where no trial is feasible; None: what helps with most data.

    Raises:
        NoResultsError: No trial has finished, or none is feasible.
    """
    if not trials:
        raise NoResultsError(f"study {name!r} has no finished trial yet; continue it with `reluctant resume {name}`")
    members = pareto([trial for trial in trials if trial.feasible], lambda trial: (trial.score, trial.sparsity))
    if not members:
        best = max(trials, key=lambda trial: trial.score)
        usual = f"more --epochs{' or a lower --min-accuracy' if config.judged_by.higher_is_better else ''} may help"
        raise NoResultsError(
            f"none of the {len(trials)} trials of {name!r} that were trained to the end beats the floor with every "
            f"seed (best: trial {best.number}, {config.judged_by.value(best.score):.4f}); {remedy or usual}"
        )
    baseline = next((trial for trial in trials if trial.number == 0), None)
    chosen = recommend(members, config)
    return Front(tuple(members), chosen, baseline, regret=regret_of(chosen, members, config))
