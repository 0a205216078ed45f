"""Syne Tune's scheduler in the benchmark: it sees the trainings of the usual loop, and stops them at its rungs."""

from __future__ import annotations

import torch
from optuna.trial import FixedTrial

from benchmarks.moasha import rungs, train
from benchmarks.stock import objective
from benchmarks.ways import Recipe

RECIPE = Recipe(hidden=(8,), epochs=5)
PARAMS = {"activation": "leaky_relu", "negative_slope": 0.2, "initialization": "orthogonal", "dropout": 0.3}


def test_trainings_are_those_of_the_usual_loop_and_end_where_they_are_told() -> None:
    problem = RECIPE.problem(1)
    reports: list[tuple[int, tuple[float, float]]] = []

    def goes_on(epoch: int, values: tuple[float, float]) -> bool:
        reports.append((epoch, values))
        return len(reports) != 5

    for _ in range(2):
        torch.manual_seed(7)
        train(RECIPE, problem, PARAMS, goes_on)
    assert [epoch for epoch, _ in reports] == [1, 3, 5, 1, 3]
    assert reports[:2] == reports[3:]
    whole = {"hidden": RECIPE.hidden, "epochs": 5, "batch_size": RECIPE.batch_size, "seeds": 1, "device": "cpu"}
    assert reports[2][1] == objective(FixedTrial(PARAMS), problem.split, **whole, offset=7)


def test_rungs_are_powers_of_the_reduction_factor() -> None:
    assert [rungs(epochs) for epochs in (1, 5, 20, 27)] == [[1], [1, 3, 5], [1, 3, 9, 20], [1, 3, 9, 27]]
