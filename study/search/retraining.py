"""Trials trained once more: for their networks, or for results on the test part, which are stored with the study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from storage import CohortStorage, TestMeasures
from study.problem import Search
from study.records.open_study import OpenStudy
from study.records.own_trials import OwnTrial
from study.training import Outcome, Replicate, Streams, fit, fit_networks

if TYPE_CHECKING:
    from torch import nn

VALIDATION = "validation"
"""Key of the validation score of a replicate that was trained once more."""
VALIDATION_AS_TRAINED = "validation_as_trained"
"""Key of the validation metric of the network as it was trained, where the clamped one is judged."""

ResultsOnTest = dict[int, list[Mapping[str, float]]]
"""Measures by stored key, one mapping a replicate, by trial number."""


def stored_results(
    storage: CohortStorage, study_id: int, trials: Sequence[OwnTrial], replicates: range
) -> ResultsOnTest:
    """The test results of those trials of which all wanted replicates are stored.

    Args:
        storage: Where the study lives.
        study_id: Its id.
        trials: The trials that are asked for.
        replicates: The replicates that are asked for.
    """
    found: ResultsOnTest = {}
    for row in storage.test_results(study_id, numbers=[trial.number for trial in trials]):
        if row["replicate"] in replicates:
            found.setdefault(row["number"], []).append(row)
    return {number: rows for number, rows in found.items() if len(rows) == len(replicates)}


def retrained_networks(
    problem: Search, trial: OwnTrial, *, stop: Callable[[], bool], **options: Any
) -> tuple[Outcome, list[nn.Module]]:
    """A trial that is trained once more, exactly, for its networks: one a replicate, of plain torch modules.

    Args:
        problem: The search that it is a trial of.
        trial: The trial.
        stop: Asked at every step of training.
        options: Further options of `study.training.fit`.

    Raises:
        Interrupted: `stop` said so.
    """
    return fit_networks(
        trial.hyperparameters,
        problem.splits,
        problem.budget,
        problem.streams,
        architecture=problem.architecture,
        task=problem.task,
        stop=stop,
        **options,
        **problem.hardware,
    )


def trained_results(
    study: OpenStudy,
    trials: Sequence[OwnTrial],
    replicates: range,
    measures: Callable[[Replicate], Mapping[str, float]],
    *,
    stop: Callable[[], bool],
) -> ResultsOnTest:
    """The test results of trials; those that lack some are trained once more, and the results stored.

    Replicates below the study's own number have its random streams, so that common random numbers make the second
    training exact; later ones are fresh seeds.

    Args:
        study: A search.
        trials: Its trials.
        replicates: The replicates that are asked for.
        measures: What is stored of a replicate, by stored key.
        stop: Asked at every step of training.

    Raises:
        Interrupted: `stop` said so.
    """
    problem = study.problem
    known = stored_results(study.storage, study.study_id, trials, replicates)
    missing = [trial for trial in trials if trial.number not in known]
    if not missing:
        return known
    outcomes = fit(
        [trial.hyperparameters for trial in missing],
        problem.splits_of(replicates),
        replace(problem.budget, seeds=len(replicates)),
        Streams(problem.config.seed, first=replicates.start),
        architecture=problem.architecture,
        task=problem.task,
        read_test=True,
        clamp=problem.config.clamps,
        stop=stop,
        **problem.hardware,
    )
    results = [
        TestMeasures(trial.trial_id, number, measures(replicate))
        for trial, outcome in zip(missing, outcomes, strict=True)
        for number, replicate in zip(replicates, outcome.replicates, strict=True)
    ]
    study.storage.save_test_results(study.study_id, results)
    return stored_results(study.storage, study.study_id, trials, replicates)
