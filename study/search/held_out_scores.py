"""The front with what its trials reach on the test part: they are trained once more where that is not kept yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial

from storage import TestMeasures
from study.config import digest
from study.records.open_study import OpenStudy
from study.search.front import Front, find_front, kept_test_results, with_test
from study.training import fit


def front_with_test(
    study: OpenStudy, trials: Sequence[FrozenTrial], *, stop: Callable[[], bool] = lambda: False
) -> Front:
    """The front with test results: its trials are trained once more where no test result is kept yet.

    Common random numbers make the second training exact. A trial whose validation metric did not come out again is
    named in a warning.

    Args:
        study: The study.
        trials: All its trials, or `read_contenders` of it.
        stop: Asked at every step of training.

    Raises:
        Interrupted: `stop` said so.
        KindError: The study is a comparison.
        NoResultsError: No trial has finished, or none is feasible.
    """
    problem = study.search
    config = problem.config
    front = find_front(trials, config, study.name, digest(problem.identity))
    known = kept_test_results(study.storage, study.study_id, front, config)
    missing = [candidate for candidate in front.candidates if candidate.number not in known]
    if missing:
        outcomes = fit(
            [problem.space.hyperparameters(candidate.params, problem.defaults) for candidate in missing],
            problem.split,
            problem.budget,
            problem.streams,
            read_test=True,
            stop=stop,
            **problem.hardware,
        )
        ids = {trial.number: trial._trial_id for trial in trials}
        measured = []
        for candidate, outcome in zip(missing, outcomes, strict=True):
            for number, replicate in enumerate(outcome.replicates):
                scores = {key: value for key, value in replicate.scores.items() if key.startswith("test_")}
                scores["validation"] = replicate.scores[config.metric]
                measured.append(TestMeasures(ids[candidate.number], number, scores))
        study.storage.save_test_results(study.study_id, measured)
        known = kept_test_results(study.storage, study.study_id, front, config)
    return with_test(front, known, config)
