"""What fresh seeds said of a search's front: stored with the study, and then the study's recommendation."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from study.config import StudyConfig
from study.records.own_trials import OwnTrial
from study.search.front import Confirmation, Front
from study.search.recommendation import recommend, regret_of
from study.search.retraining import VALIDATION, VALIDATION_AS_TRAINED, ResultsOnTest, stored_results

if TYPE_CHECKING:
    from storage import CohortStorage

CONFIRMED = "reluctant:confirmed"
"""System attribute of a study: that its front was trained on fresh seeds.

Keys: `seeds`, the first fresh replicate to choose by, and the one after the last; `trials`, how many trials the study
had finished. What these seeds recommend is read from their results.
"""
DIVERGED = "diverged"
"""Key that is 1 where a replicate that was trained on a fresh seed diverged."""
VALIDATION_SPARSITY = "validation_sparsity"
"""Key of the sparsity on the validation part of a replicate that was trained on a fresh seed."""


def choose_on_fresh_seeds(front: Front, results: ResultsOnTest, config: StudyConfig) -> Front:
    """A front with the trial that the rule recommends by validation on fresh seeds, of its members and its baseline.

    Args:
        front: The front as the search found it.
        results: Results on fresh seeds of all its trials.
        config: The study's configuration.

    Returns:
        The front; its trials have the scores and the sparsity of the search's seeds, its regret is that on fresh ones.
    """
    judged = [judged_on_fresh_seeds(trial, results, config) for trial in front.trials]
    chosen = recommend(judged, config)
    recommended = next(trial for trial in front.trials if trial.number == chosen.number)
    return replace(front, recommended=recommended, regret=regret_of(chosen, judged, config))


def judged_on_fresh_seeds(trial: OwnTrial, results: ResultsOnTest, config: StudyConfig) -> OwnTrial:
    """A trial with its scores and its sparsity on the validation part, on fresh seeds."""
    rows = results[trial.number]
    diverged = any(row.get(DIVERGED, 0.0) > 0 for row in rows)
    scores = tuple(row[VALIDATION] for row in rows)
    sparsities = tuple(row[VALIDATION_SPARSITY] for row in rows)
    return replace(
        trial,
        diverged=diverged,
        scores=scores,
        plain_scores=tuple(row[VALIDATION_AS_TRAINED] for row in rows) if config.clamps else (),
        sparsity=fmean(sparsities),
        by_seed={config.score: scores, config.sparsity: sparsities},
    )


def confirmed(storage: CohortStorage, study_id: int, front: Front, config: StudyConfig) -> Front:
    """A front with the recommendation of fresh seeds, where its trials were trained on them.

    Where a trial came to the front since, the search's own recommendation stands, and the front says that.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        front: The front as the search found it.
        config: The study's configuration.
    """
    stored = storage.get_study_system_attrs(study_id).get(CONFIRMED)
    if stored is None:
        return front
    seeds = range(*stored["seeds"])
    results = stored_results(storage, study_id, front.trials, seeds)
    unconfirmed = sum(trial.number not in results for trial in front.trials)
    confirmation = Confirmation(len(seeds), stored["trials"], unconfirmed, folds=config.cv)
    if unconfirmed:
        return replace(front, confirmation=confirmation)
    return replace(choose_on_fresh_seeds(front, results, config), confirmation=confirmation)


def store_confirmation(storage: CohortStorage, study_id: int, *, seeds: range, trials: int) -> None:
    """Stores with a study that the trials of its front were trained on fresh seeds.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        seeds: The fresh replicates by which is chosen.
        trials: How many trials the study has finished.
    """
    stored = {"seeds": [seeds.start, seeds.stop], "trials": trials}
    if storage.get_study_system_attrs(study_id).get(CONFIRMED) != stored:
        storage.set_study_attrs(study_id, system_attrs={CONFIRMED: stored})
