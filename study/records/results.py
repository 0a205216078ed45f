"""Outcomes of training in the form that the database stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage import Curve, LayerMeasures, Result, TestMeasures
from study.objectives import Judge
from study.records.attributes import BY_SEED, IDENTITY_DIGEST, STOPPED_AT
from study.records.measure_keys import MeasureKey, key_on_test
from study.records.rung_results import rungs_attribute
from study.training import Outcome, Replicate
from study.training.rungs import RungResult


def result_of(
    trial_id: int,
    outcome: Outcome,
    judge: Judge,
    *,
    seconds: float,
    identity: str,
    rungs: Mapping[int, RungResult] | None = None,
) -> Result:
    """An outcome in the form that the database stores.

    Args:
        trial_id: Id of the trial.
        outcome: What training gave.
        judge: Turns the outcome into objective values.
        seconds: Wall-clock of the trial's cohort divided by the cohort's slots.
        identity: Digest of the study's identity, by which a trial copied into another study is recognized.
        rungs: What the trial has at the rungs that it reached, by epoch, where it competes.
    """
    at_rungs = rungs_attribute(rungs or {})
    if outcome.failure is not None:
        return Result(trial_id, None, failure=f"its network raised {outcome.failure}", system_attrs=at_rungs)
    names = [name for name in outcome.names() if not MeasureKey.parse(name).on_test]
    attributes: dict[str, Any] = {name: outcome.mean(name) for name in names}
    attributes["seconds_per_slot_of_cohort"] = seconds
    if outcome.diverged:
        attributes["diverged"] = True
    stopped = outcome.stopped_at is not None
    if stopped:
        attributes[STOPPED_AT] = outcome.stopped_at
    return Result(
        trial_id,
        None if stopped else judge.values(outcome),
        constraints={"accuracy_floor": judge.constraint(outcome)},
        user_attrs=attributes,
        system_attrs={BY_SEED: {name: outcome.values(name) for name in names}, IDENTITY_DIGEST: identity, **at_rungs},
        pruned=stopped,
        layers=[
            LayerMeasures(number, layer, measures)
            for number, replicate in enumerate(outcome.replicates)
            for layer, measures in enumerate(replicate.layers)
        ],
        curves=[
            Curve(number, name, points)
            for number, replicate in enumerate(outcome.replicates)
            for name, points in replicate.curves.items()
        ],
        test=[
            TestMeasures(trial_id, number, measures)
            for number, replicate in enumerate(outcome.replicates)
            if (measures := measures_on_test(replicate))
        ],
    )


def measures_on_test(replicate: Replicate) -> dict[str, float]:
    """A replicate's measures on the test part, of the whole network and of each hidden layer, by stored key."""
    return scores_on_test(replicate) | {
        key_on_test(name, layer): value
        for layer, measures in enumerate(replicate.test_layers)
        for name, value in measures.items()
    }


def scores_on_test(replicate: Replicate) -> dict[str, float]:
    """A replicate's measures of the whole network on the test part, by stored key."""
    return {key: value for key, value in replicate.scores.items() if MeasureKey.parse(key).on_test}
