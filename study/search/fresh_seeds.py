"""The front and the baseline of a search, trained again on seeds that had no part in the choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from storage import TestMeasures
from study.config import StudyConfig, digest
from study.intervals import corrected_interval
from study.records.open_study import OpenStudy
from study.records.results import measures_on_test
from study.search.front import Candidate, Front, find_front, recommend
from study.training import Replicate, Streams, fit

FRESH_SEEDS = 10
LEVEL = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class FreshTrial:
    """One trial on fresh seeds.

    Attributes:
        candidate: What the search knows of it.
        validation: The trial as a candidate by its validation results on fresh seeds.
        accuracies: Metric on the test part, seed by seed.
        sparsities: Sparsity on the test part, seed by seed.
    """

    candidate: Candidate
    validation: Candidate
    accuracies: tuple[float, ...]
    sparsities: tuple[float, ...]

    @property
    def accuracy(self) -> float:
        """Mean metric on the test part."""
        return fmean(self.accuracies)

    @property
    def sparsity(self) -> float:
        """Mean sparsity on the test part."""
        return fmean(self.sparsities)

    @property
    def interval(self) -> Interval:
        """95 % t interval of `accuracy` over fresh seeds, on this test part."""
        _, low, high = corrected_interval(np.array(self.accuracies), 0.0, LEVEL)
        return max(0.0, float(low)), min(1.0, float(high))

    def minus(self, other: FreshTrial) -> tuple[float, Interval]:
        """Paired difference of the metric to another trial, and its 95 % t interval."""
        differences = np.array(self.accuracies) - np.array(other.accuracies)
        mean, low, high = corrected_interval(differences, 0.0, LEVEL)
        return float(mean), (float(low), float(high))


@dataclass(frozen=True)
class FreshFront:
    """A search's front on fresh seeds.

    Attributes:
        recommended: Chosen anew by the validation results of fresh seeds, as a search chooses.
        first_choice: What the search recommended.
        others: All but the recommended one, by trial number.
        baseline: Trial 0, where the search trained it; it may be one of the others, or the recommended one.
    """

    recommended: FreshTrial
    first_choice: FreshTrial
    others: tuple[FreshTrial, ...]
    baseline: FreshTrial | None


def train_fresh(study: OpenStudy, *, stop: Callable[[], bool] = lambda: False) -> FreshFront:
    """The front on fresh seeds, trained where that is not kept yet: new streams, the study's split, its test part.

    Args:
        study: A search.
        stop: Asked at every step of training.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible.
    """
    problem = study.search
    config = problem.config
    trials = study.storage.read_trials(study.study_id)
    front = find_front(trials, config, study.name, digest(problem.identity))
    wanted = {candidate.number: candidate for candidate in front.candidates}
    known = _kept(study, list(wanted))
    missing = [candidate for number, candidate in wanted.items() if len(known.get(number, ())) < FRESH_SEEDS]
    if missing:
        outcomes = fit(
            [problem.space.hyperparameters(candidate.params, problem.defaults) for candidate in missing],
            problem.split,
            replace(problem.budget, seeds=FRESH_SEEDS),
            Streams(config.seed, first=config.seeds),
            read_test=True,
            stop=stop,
            **problem.hardware,
        )
        ids = {trial.number: trial._trial_id for trial in trials}
        measured = [
            TestMeasures(ids[candidate.number], config.seeds + number, _measures(replicate, config))
            for candidate, outcome in zip(missing, outcomes, strict=True)
            for number, replicate in enumerate(outcome.replicates)
        ]
        study.storage.save_test_results(study.study_id, measured)
        known = _kept(study, list(wanted))
    return _front(front, known, config)


def fresh_front(study: OpenStudy) -> FreshFront | None:
    """The front on fresh seeds as it is kept; None where some of it is still to be trained.

    Raises:
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible.
    """
    problem = study.search
    config = problem.config
    trials = study.storage.read_trials(study.study_id)
    front = find_front(trials, config, study.name, digest(study.problem.identity))
    wanted = [candidate.number for candidate in front.candidates]
    known = _kept(study, wanted)
    if any(len(known.get(number, ())) < FRESH_SEEDS for number in wanted):
        return None
    return _front(front, known, config)


def _kept(study: OpenStudy, numbers: Sequence[int]) -> dict[int, list[dict[str, float]]]:
    """What is kept of fresh seeds, by trial number: their replicates come after those of the study."""
    known: dict[int, list[dict[str, float]]] = {}
    for row in study.storage.test_results(study.study_id, numbers=numbers):
        if row["replicate"] >= study.problem.config.seeds:
            known.setdefault(row["number"], []).append(row)
    return known


def _measures(replicate: Replicate, config: StudyConfig) -> dict[str, float]:
    """The test measures of a replicate, and what it is chosen by; a diverged one is not sparse."""
    sparsity = fmean([layer[config.sparsity] for layer in replicate.test_layers] or [0.0])
    by = {"validation": replicate.scores[config.metric], "validation_sparsity": replicate.scores[config.sparsity]}
    return measures_on_test(replicate) | {f"test_{config.sparsity}": sparsity} | by


def _front(front: Front, known: dict[int, list[dict[str, float]]], config: StudyConfig) -> FreshFront:
    def fresh(candidate: Candidate) -> FreshTrial:
        rows = known[candidate.number]
        accuracies, sparsities, validation = (
            tuple(row[name] for row in rows)
            for name in (f"test_{config.metric}", f"test_{config.sparsity}", "validation")
        )
        sparsity = fmean(row["validation_sparsity"] for row in rows)
        chosen_by = replace(candidate, accuracies=validation, sparsity=sparsity)
        return FreshTrial(candidate, chosen_by, accuracies, sparsities)

    trials = {each.number: fresh(each) for each in (*front.members, front.baseline) if each is not None}
    ordered = sorted((trial.validation for trial in trials.values()), key=lambda each: (-each.accuracy, each.number))
    recommended = trials[recommend(ordered).number]
    return FreshFront(
        recommended,
        trials[front.recommended.number],
        tuple(trials[number] for number in sorted(trials) if trials[number] is not recommended),
        None if front.baseline is None else trials[front.baseline.number],
    )
