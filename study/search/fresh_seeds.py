"""The front and the baseline of a search on fresh seeds: some to choose by, and others to report.

The search's own seeds take no part in this choice, and the seeds by which is chosen take none in what is reported of
the choice: the winner's curse stays in the validation scores of the former.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import fmean

from study.config import StudyConfig
from study.problem.rung_options import trained_share
from study.records.attributes import CONFIG
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError
from study.records.results import measures_on_test
from study.search.confirmation import DIVERGED, VALIDATION_SPARSITY, store_confirmation
from study.search.fresh_front import FreshFront, fresh_front
from study.search.from_database import StoredSearch
from study.search.front import Front
from study.search.retraining import VALIDATION, VALIDATION_AS_TRAINED, ResultsOnTest, stored_results, trained_results
from study.training import Interrupted, Replicate
from study.wording import seeds_text

FRESH_SEEDS = 10
"""Seeds to choose by, and as many others to report."""
_PAUSE = 0.2
"""Seconds between two looks at whether another process has confirmed a front."""


def largest_cheap_front(config: StudyConfig) -> int:
    """The most members of a front whose fresh seeds are at most a tenth of the networks that its search trains.

    Of networks that are stopped early, the epochs count that they are trained for. It is a count, and never the clock:
    the same study is confirmed on every machine, or on none.

    Args:
        config: The study's configuration; its trials are those that the study has.
    """
    return int(config.trials * config.replicates * trained_share(config)) // (10 * fresh_replicates(config))


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
    counts = study.storage.count_by_state(study.study_id)
    ended = sum(count for state, count in counts.items() if state.is_finished())
    store_confirmation(study.storage, study.study_id, seeds=seeds, trials=ended)
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
