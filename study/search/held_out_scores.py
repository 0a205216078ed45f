"""The front of a search with the scores of its trials on the test part."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from statistics import fmean

from reluctant.errors import ReluctantWarning
from study.config import StudyConfig
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy
from study.records.results import scores_on_test
from study.search.front import Front
from study.search.retraining import VALIDATION, ResultsOnTest, trained_results
from study.training import Replicate


def front_with_test(study: OpenStudy, front: Front, *, stop: Callable[[], bool] = lambda: False) -> Front:
    """A front with test scores: its trials are trained once more where no test result is stored yet.

    Common random numbers make the second training exact. A warning names the trials whose validation score did not
    come out again. Where the data have no test part, nothing is trained, and there are no test scores.

    Args:
        study: The study.
        front: Its front.
        stop: Asked at every step of training.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
    """
    config = study.search.config
    if not len(study.problem.split.test):
        return front

    def measures(replicate: Replicate) -> Mapping[str, float]:
        return scores_on_test(replicate) | {VALIDATION: config.judged_by.score(replicate.scores[config.score])}

    results = trained_results(study, front.trials, range(config.replicates), measures, stop=stop)
    return scored_front(front, results, config)


def scored_front(front: Front, results: ResultsOnTest, config: StudyConfig) -> Front:
    """A front with the test scores of its trials, warning where the second training was not exact.

    Args:
        front: The front.
        results: Test results of all its trials.
        config: The study's configuration.
    """
    changed = [
        trial.number
        for trial in front.trials
        if tuple(row[VALIDATION] for row in results[trial.number]) != trial.scores
    ]
    if changed:
        warnings.warn(
            f"trained again for the test part, {len(changed)} of {len(front.trials)} trials did not reach exactly the "
            f"recorded validation {config.score} (trials {', '.join(map(str, changed))}); "
            "another processor or library version, or on a GPU another batch of networks, gives other last digits",
            ReluctantWarning,
            stacklevel=3,
        )

    def means(name: str) -> dict[int, float]:
        key = key_on_test(name)
        score = config.judged_by.score
        return {trial.number: score(fmean(row[key] for row in results[trial.number])) for trial in front.trials}

    return front.with_test_scores(means(config.score), means(config.metric) if config.clamps else {})
