"""A search's front on fresh seeds: what its trials reach on those to report, chosen by others."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from study.config import StudyConfig
from study.intervals import corrected_interval
from study.records.measure_keys import key_on_test
from study.records.own_trials import OwnTrial
from study.search.confirmation import choose_on_fresh_seeds, judged_on_fresh_seeds
from study.search.front import Front
from study.search.retraining import ResultsOnTest
from study.tasks import Metric

if TYPE_CHECKING:
    from study.data.split import Part

LEVEL = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class FreshTrial:
    """One trial on fresh seeds.

    Attributes:
        searched: The trial with the scores that the search chose by.
        validation: The trial with its scores and sparsity on the validation part, on the seeds to choose by.
        scores: Score on the test part, on each of the seeds to report.
        sparsities: Sparsity on the test part, on each of the seeds to report.
        plain_scores: Metric of the networks as they were trained, where the clamped ones are judged; else empty.
    """

    searched: OwnTrial
    validation: OwnTrial
    scores: tuple[float, ...]
    sparsities: tuple[float, ...]
    plain_scores: tuple[float, ...] = ()

    @property
    def score(self) -> float:
        """Mean score on the test part."""
        return fmean(self.scores)

    @property
    def plain_score(self) -> float:
        """Mean metric of the networks as they were trained, on the test part."""
        return fmean(self.plain_scores or self.scores)

    @property
    def sparsity(self) -> float:
        """Mean sparsity on the test part."""
        return fmean(self.sparsities)

    def interval(self, metric: Metric) -> Interval:
        """95 % t interval of `score` over fresh seeds, on this test part, cut where the metric ends."""
        _, low, high = corrected_interval(np.array(self.scores), 0.0, LEVEL)
        return max(metric.score(metric.worst), float(low)), min(metric.score(metric.best), float(high))

    def minus(self, other: FreshTrial) -> tuple[float, Interval]:
        """Paired difference of the metric to another trial, and its 95 % t interval."""
        differences = np.array(self.scores) - np.array(other.scores)
        mean, low, high = corrected_interval(differences, 0.0, LEVEL)
        return float(mean), (float(low), float(high))


@dataclass(frozen=True)
class FreshFront:
    """A search's front on fresh seeds.

    Attributes:
        recommended: The trial that the validation results of fresh seeds recommend.
        first_choice: The trial that the search's own seeds recommend.
        others: All but the recommended one, by trial number.
        baseline: Trial 0, where the search trained it; it may be one of the others, or the recommended one.
        test_samples: Size of the test part.
        sample_error: Standard error of the recommended trial's score from the drawing of the test part, a fraction;
            None where the metric has no formula for it.
        regret: How far the recommended trial is expected to lie below the truly best one, on the seeds to choose by.
    """

    recommended: FreshTrial
    first_choice: FreshTrial
    others: tuple[FreshTrial, ...]
    baseline: FreshTrial | None
    test_samples: int
    sample_error: float | None
    regret: float | None


def fresh_front(
    front: Front, chosen_by: ResultsOnTest, reported: ResultsOnTest, config: StudyConfig, test: Part
) -> FreshFront:
    """A search's front on fresh seeds, from their results.

    Args:
        front: The front as the search found it.
        chosen_by: Results of all its trials on the seeds to choose by.
        reported: Results of all its trials on the seeds to report.
        config: The study's configuration.
        test: The test part.
    """

    def fresh(trial: OwnTrial) -> FreshTrial:
        names = [config.score, config.sparsity, *([config.metric] if config.clamps else ())]
        score, rows = config.judged_by.score, reported[trial.number]
        scores, sparsities, *plain = (tuple(row[key_on_test(name)] for row in rows) for name in names)
        oriented = [tuple(map(score, values)) for values in (scores, *plain)]
        return FreshTrial(
            trial, judged_on_fresh_seeds(trial, chosen_by, config), oriented[0], sparsities, *oriented[1:]
        )

    trials = {trial.number: fresh(trial) for trial in front.trials}
    chosen = choose_on_fresh_seeds(front, chosen_by, config)
    recommended = trials[chosen.recommended.number]
    error = config.judged_by.sampling_error
    return FreshFront(
        recommended,
        trials[front.recommended.number],
        tuple(trials[number] for number in sorted(trials) if trials[number] is not recommended),
        None if front.baseline is None else trials[front.baseline.number],
        len(test),
        None if error is None else error(recommended.score, test.y, test.weights),
        chosen.regret,
    )
