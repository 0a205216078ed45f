"""Random search: each trial is what its stream gives."""

from __future__ import annotations

import math

import pytest
from optuna.trial import FrozenTrial

from search_spaces import load_space
from search_spaces.points import random_params
from study.training import Purpose, Streams

SPACE = load_space("core")


def test_random_equals_its_stream(studies: dict[str, list[FrozenTrial]]) -> None:
    for done in studies["random"][1:]:
        stream = Streams(0).generator(Purpose.PROPOSAL, done.number)
        activation, slope, initialization, _ = (parameter.distribution for parameter in SPACE.parameters)
        u = stream.random(4)
        expected = {
            "activation": activation.choices[math.floor(u[0] * 6)],
            "initialization": initialization.choices[math.floor(u[2] * 5)],
            "dropout": 0.6 * u[3],
        }
        if expected["activation"] in ("leaky_relu", "prelu"):
            expected["negative_slope"] = slope.low * (slope.high / slope.low) ** u[1]
        assert done.params == pytest.approx(expected)
        assert random_params(SPACE, Streams(0).generator(Purpose.PROPOSAL, done.number)) == done.params
    assert (slope.low, slope.high) == (0.01, 0.7)
