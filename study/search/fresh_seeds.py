"""The front and the baseline of a search on fresh seeds: some to choose by, and others to report.

The search's own seeds take no part in this choice, and the seeds by which is chosen take none in what is reported of
the choice: the winner's curse stays in the validation scores of the former.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from study.config import StudyConfig
from study.intervals import corrected_interval
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy
from study.records.own_trials import OwnTrial
from study.records.results import measures_on_test
from study.search.confirmation import (
    VALIDATION_SPARSITY,
    choose_on_fresh_seeds,
    judged_on_fresh_seeds,
    store_confirmation,
)
from study.search.from_database import StoredSearch
from study.search.front import Front
from study.search.retraining import VALIDATION, ResultsOnTest, trained_results
from study.tasks import METRICS
from study.training import Replicate

if TYPE_CHECKING:
    from torch import Tensor

FRESH_SEEDS = 10
"""Seeds to choose by, and as many others to report."""
LEVEL = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class FreshTrial:
    """One trial on fresh seeds.

    Attributes:
        searched: The trial with the scores that the search chose by.
        validation: The trial with its scores and sparsity on the validation part, on the seeds to choose by.
        scores: Metric on the test part, on each of the seeds to report.
        sparsities: Sparsity on the test part, on each of the seeds to report.
    """

    searched: OwnTrial
    validation: OwnTrial
    scores: tuple[float, ...]
    sparsities: tuple[float, ...]

    @property
    def score(self) -> float:
        """Mean metric on the test part."""
        return fmean(self.scores)

    @property
    def sparsity(self) -> float:
        """Mean sparsity on the test part."""
        return fmean(self.sparsities)

    @property
    def interval(self) -> Interval:
        """95 % t interval of `score` over fresh seeds, on this test part."""
        _, low, high = corrected_interval(np.array(self.scores), 0.0, LEVEL)
        return max(0.0, float(low)), min(1.0, float(high))

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


def train_fresh(study: OpenStudy, *, stop: Callable[[], bool] = lambda: False) -> FreshFront:
    """The front on fresh seeds, trained where that is not stored yet: new streams, the study's split, its test part.

    What they recommend is stored with the study, and is its recommendation from then on.

    Args:
        study: A search.
        stop: Asked at every step of training.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible.
    """
    search = StoredSearch.of(study)
    config = search.config
    own = search.own_trials()
    front = search.searched_front(own)

    def measures(replicate: Replicate) -> Mapping[str, float]:
        return _measures(replicate, config)

    first = config.seeds
    to_choose = range(first, first + FRESH_SEEDS)
    to_report = range(first + FRESH_SEEDS, first + 2 * FRESH_SEEDS)
    chosen_by = trained_results(study, front.trials, to_choose, measures, stop=stop)
    reported = trained_results(study, front.trials, to_report, measures, stop=stop)
    found = fresh_front(front, chosen_by, reported, config, study.problem.split.test.y)
    store_confirmation(
        study.storage,
        study.study_id,
        front,
        found.recommended.searched,
        seeds=to_choose,
        config=config,
        trials=len(own),
    )
    return found


def fresh_front(
    front: Front, chosen_by: ResultsOnTest, reported: ResultsOnTest, config: StudyConfig, targets: Tensor
) -> FreshFront:
    """A search's front on fresh seeds, from their results.

    Args:
        front: The front as the search found it.
        chosen_by: Results of all its trials on the seeds to choose by.
        reported: Results of all its trials on the seeds to report.
        config: The study's configuration.
        targets: `[N]` targets of the test part.
    """

    def fresh(trial: OwnTrial) -> FreshTrial:
        keys = (key_on_test(config.metric), key_on_test(config.sparsity))
        scores, sparsities = (tuple(row[key] for row in reported[trial.number]) for key in keys)
        return FreshTrial(trial, judged_on_fresh_seeds(trial, chosen_by, config), scores, sparsities)

    trials = {trial.number: fresh(trial) for trial in front.trials}
    chosen = choose_on_fresh_seeds(front, chosen_by, config)
    recommended = trials[chosen.recommended.number]
    error = METRICS[config.metric].sampling_error
    return FreshFront(
        recommended,
        trials[front.recommended.number],
        tuple(trials[number] for number in sorted(trials) if trials[number] is not recommended),
        None if front.baseline is None else trials[front.baseline.number],
        len(targets),
        None if error is None else error(recommended.score, targets),
        chosen.regret,
    )


def _measures(replicate: Replicate, config: StudyConfig) -> Mapping[str, float]:
    """What is stored of a replicate: its test measures, and what it is chosen by; a diverged one is not sparse."""
    return measures_on_test(replicate) | {
        key_on_test(config.sparsity): fmean([layer[config.sparsity] for layer in replicate.test_layers] or [0.0]),
        VALIDATION: replicate.scores[config.metric],
        VALIDATION_SPARSITY: replicate.scores[config.sparsity],
    }
