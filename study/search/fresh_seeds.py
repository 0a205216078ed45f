"""The front and the baseline of a search on fresh seeds: some to choose by, and others to report.

The search's own seeds take no part in this choice, and the seeds by which is chosen take none in what is reported of
the choice: the winner's curse stays in the validation scores of the former.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from study.config import StudyConfig
from study.intervals import corrected_interval
from study.records.attributes import CONFIG
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError, OwnTrial
from study.records.results import measures_on_test
from study.search.confirmation import (
    DIVERGED,
    VALIDATION_SPARSITY,
    choose_on_fresh_seeds,
    judged_on_fresh_seeds,
    store_confirmation,
)
from study.search.from_database import StoredSearch
from study.search.front import Front
from study.search.retraining import VALIDATION, VALIDATION_AS_TRAINED, ResultsOnTest, stored_results, trained_results
from study.tasks import Metric
from study.training import Interrupted, Replicate
from study.wording import seeds_text

if TYPE_CHECKING:
    from study.data.split import Part

FRESH_SEEDS = 10
"""Seeds to choose by, and as many others to report."""
LEVEL = 0.95
_PAUSE = 0.2
"""Seconds between two looks at whether another process has confirmed a front."""

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


def largest_cheap_front(config: StudyConfig) -> int:
    """The most members of a front whose fresh seeds are at most a tenth of the networks that its search trains.

    It is a count, and never the clock: the same study is confirmed on every machine, or on none.

    Args:
        config: The study's configuration; its trials are those that the study has.
    """
    return config.trials * config.replicates // (10 * fresh_replicates(config))


def fresh_replicates(config: StudyConfig) -> int:
    """How many fresh networks of a trial there are to choose by, and others to report: each fold has equally many.

    Example:
        >>> fresh_replicates(StudyConfig()), fresh_replicates(StudyConfig(cv=3))
        (10, 12)
    """
    folds = config.cv or 1
    return -(-FRESH_SEEDS // folds) * folds


def confirm_where_asked(
    study: OpenStudy, *, stop: Callable[[], bool] = lambda: False, log: Callable[[str], None] = lambda line: None
) -> None:
    """Confirms the front of a search that has its trials: where that was asked for, or is cheap, and not done yet.

    Where the data have no test part, whoever began the search judges by data of their own, and nothing is confirmed.

    Args:
        study: A search.
        stop: As for `confirm_front`.
        log: As for `confirm_front`.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible.
    """
    search = StoredSearch.of(study)
    if not len(study.problem.split.test):
        return
    front = search.front(search.contenders())
    if front.confirmation is not None and not front.confirmation.unconfirmed:
        return
    # Another command may have raised the total since the study was opened.
    total = int(study.storage.study_attr(study.study_id, CONFIG)["trials"])
    asked = search.config.confirm
    most = largest_cheap_front(search.config.model_copy(update={"trials": total}))
    if asked or (asked is None and len(front.members) <= most):
        confirm_front(study, stop=stop, log=log)


def confirm_front(
    study: OpenStudy, *, stop: Callable[[], bool] = lambda: False, log: Callable[[str], None] = lambda line: None
) -> Front:
    """Trains a front and the baseline on the fresh seeds to choose by, where these results are not stored yet.

    What they recommend is stored with the study, and is its recommendation from then on. Where several processes ask
    for it at once, one of them trains, and the others wait for it.

    Args:
        study: A search.
        stop: Asked at every step of training, and while another process trains.
        log: Called with lines about what is done.

    Returns:
        The front with the recommendation of fresh seeds.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible.
    """
    waited = False
    while True:
        with study.storage.named_lock(f"confirm study {study.study_id}") as ours:
            if ours:
                return _confirm(study, stop=stop, log=log)
        if not waited:
            log("another process confirms the front on fresh seeds; waiting for it")
        waited = True
        if stop():
            raise Interrupted
        time.sleep(_PAUSE)


def _confirm(study: OpenStudy, *, stop: Callable[[], bool], log: Callable[[str], None]) -> Front:
    search = StoredSearch.of(study)
    config = search.config
    own = search.own_trials()
    front = search.searched_front(own)
    seeds = seeds_to_choose(config)
    known = stored_results(study.storage, study.study_id, front.trials, seeds)
    missing = sum(trial.number not in known for trial in front.trials)
    if missing:
        fresh = seeds_text(len(seeds) // (config.cv or 1), config.cv, kind="fresh")
        log(
            f"confirming the front: {missing} {'trial' if missing == 1 else 'trials'} on {fresh}, "
            f"{missing * len(seeds)} networks"
        )
    _results(study, front, seeds, stop=stop)
    store_confirmation(study.storage, study.study_id, seeds=seeds, trials=len(own))
    return search.front(own)


def seeds_to_choose(config: StudyConfig) -> range:
    """The fresh replicates by which is chosen: those after the study's own."""
    return range(config.replicates, config.replicates + fresh_replicates(config))


def _results(study: OpenStudy, front: Front, seeds: range, *, stop: Callable[[], bool]) -> ResultsOnTest:
    """The results of a front's trials on fresh seeds, trained where they are not stored yet."""

    def measures(replicate: Replicate) -> Mapping[str, float]:
        return _measures(replicate, study.search.config)

    return trained_results(study, front.trials, seeds, measures, stop=stop)


def train_fresh(
    study: OpenStudy, *, stop: Callable[[], bool] = lambda: False, log: Callable[[str], None] = lambda line: None
) -> FreshFront:
    """The front on fresh seeds, trained where that is not stored yet: new streams, the study's split, its test part.

    Args:
        study: A search.
        stop: Asked at every step of training.
        log: As for `confirm_front`, which chooses first.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible; or the data have no test part to report on.
    """
    config = study.search.config
    if not len(study.problem.split.test):
        raise NoResultsError(
            f"study {study.name!r} has no test part, on which advice is given; judge its trials by data that it has "
            "not seen, or search the same data by `run`, which keeps a test part"
        )
    front = confirm_front(study, stop=stop, log=log)
    to_choose = seeds_to_choose(config)
    to_report = range(to_choose.stop, to_choose.stop + len(to_choose))
    chosen_by = stored_results(study.storage, study.study_id, front.trials, to_choose)
    reported = _results(study, front, to_report, stop=stop)
    searched = StoredSearch.of(study).searched_front(sorted(front.trials, key=lambda trial: trial.number))
    return fresh_front(searched, chosen_by, reported, config, study.problem.split.test)


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


def _measures(replicate: Replicate, config: StudyConfig) -> Mapping[str, float]:
    """What is stored of a replicate: its test measures, and what it is chosen by; a diverged one is not sparse."""
    score = config.judged_by.score
    return measures_on_test(replicate) | {
        key_on_test(config.sparsity): fmean([layer[config.sparsity] for layer in replicate.test_layers] or [0.0]),
        VALIDATION: score(replicate.scores[config.score]),
        **({VALIDATION_AS_TRAINED: score(replicate.scores[config.metric])} if config.clamps else {}),
        VALIDATION_SPARSITY: replicate.scores[config.sparsity],
        DIVERGED: float(replicate.diverged),
    }
