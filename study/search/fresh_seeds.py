"""The front and the baseline of a search, trained again on seeds that had no part in the choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from study.config import StudyConfig
from study.intervals import corrected_interval
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy
from study.records.own_trials import OwnTrial
from study.records.results import measures_on_test
from study.search.from_database import StoredSearch
from study.search.front import Front, find_front, recommend
from study.search.retraining import VALIDATION, ResultsOnTest, trained_results
from study.training import Replicate

FRESH_SEEDS = 10
LEVEL = 0.95
_VALIDATION_SPARSITY = "validation_sparsity"
"""Key of the sparsity on the validation part of a replicate that was trained on a fresh seed."""

Interval = tuple[float, float]


@dataclass(frozen=True)
class FreshTrial:
    """One trial on fresh seeds.

    Attributes:
        searched: The trial with the scores that the search chose by.
        validation: The trial with its scores and sparsity on the validation part, on fresh seeds.
        scores: Metric on the test part, seed by seed.
        sparsities: Sparsity on the test part, seed by seed.
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
        recommended: The trial that is chosen anew by the validation results of fresh seeds, as a search chooses.
        first_choice: The trial that the search recommended.
        others: All but the recommended one, by trial number.
        baseline: Trial 0, where the search trained it; it may be one of the others, or the recommended one.
    """

    recommended: FreshTrial
    first_choice: FreshTrial
    others: tuple[FreshTrial, ...]
    baseline: FreshTrial | None


def train_fresh(study: OpenStudy, *, stop: Callable[[], bool] = lambda: False) -> FreshFront:
    """The front on fresh seeds, trained where that is not stored yet: new streams, the study's split, its test part.

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
    front = find_front(search.own_trials(), search.name)

    def measures(replicate: Replicate) -> Mapping[str, float]:
        return _measures(replicate, config)

    fresh = range(config.seeds, config.seeds + FRESH_SEEDS)
    return fresh_front(front, trained_results(study, front.trials, fresh, measures, stop=stop), config)


def fresh_front(front: Front, results: ResultsOnTest, config: StudyConfig) -> FreshFront:
    """A search's front on fresh seeds, from their results.

    Args:
        front: The front as the search found it.
        results: Measures on fresh seeds of all its trials.
        config: Metric and sparsity measure.
    """

    def fresh(trial: OwnTrial) -> FreshTrial:
        keys = (key_on_test(config.metric), key_on_test(config.sparsity), VALIDATION, _VALIDATION_SPARSITY)
        columns = [tuple(row[key] for row in results[trial.number]) for key in keys]
        scores, sparsities, validation, validation_sparsities = columns
        chosen_by = replace(trial, scores=validation, sparsity=fmean(validation_sparsities))
        return FreshTrial(trial, chosen_by, scores, sparsities)

    trials = {trial.number: fresh(trial) for trial in front.trials}
    ordered = sorted((trial.validation for trial in trials.values()), key=lambda each: (-each.score, each.number))
    recommended = trials[recommend(ordered).number]
    return FreshFront(
        recommended,
        trials[front.recommended.number],
        tuple(trials[number] for number in sorted(trials) if trials[number] is not recommended),
        None if front.baseline is None else trials[front.baseline.number],
    )


def _measures(replicate: Replicate, config: StudyConfig) -> Mapping[str, float]:
    """What is stored of a replicate: its test measures, and what it is chosen by; a diverged one is not sparse."""
    return measures_on_test(replicate) | {
        key_on_test(config.sparsity): fmean([layer[config.sparsity] for layer in replicate.test_layers] or [0.0]),
        VALIDATION: replicate.scores[config.metric],
        _VALIDATION_SPARSITY: replicate.scores[config.sparsity],
    }
