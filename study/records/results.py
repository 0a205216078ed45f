"""What training gave, as the database keeps it."""

from __future__ import annotations

from typing import Any

from storage import Curve, LayerMeasures, Result, TestMeasures
from study.objectives import Judge
from study.records.attributes import BY_SEED, IDENTITY_DIGEST
from study.training import Outcome, Replicate


def result_of(trial_id: int, outcome: Outcome, judge: Judge, *, seconds: float, identity: str) -> Result:
    """An outcome as the database keeps it.

    Args:
        trial_id: Which trial it is of.
        outcome: What training gave.
        judge: Turns it into values.
        seconds: Wall-clock of its cohort divided by the cohort's slots.
        identity: Digest of the study's identity, by which a trial copied into another study is told apart.
    """
    names = [name for name in outcome.names() if not name.startswith("test_")]
    attributes: dict[str, Any] = {name: outcome.mean(name) for name in names}
    attributes["seconds_per_slot_of_cohort"] = seconds
    if outcome.diverged:
        attributes["diverged"] = True
    return Result(
        trial_id,
        judge.values(outcome),
        constraints={"accuracy_floor": judge.constraint(outcome)},
        user_attrs=attributes,
        system_attrs={BY_SEED: {name: outcome.values(name) for name in names}, IDENTITY_DIGEST: identity},
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
    """What a replicate gave on the test part, by `test_` names; a hidden layer's end in its number from 0."""
    measures = {name: value for name, value in replicate.scores.items() if name.startswith("test_")}
    for layer, of_layer in enumerate(replicate.test_layers):
        measures |= {f"test_{name}_layer{layer}": value for name, value in of_layer.items()}
    return measures
