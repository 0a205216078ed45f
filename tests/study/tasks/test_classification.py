"""Classification's metrics against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from study.tasks import METRICS

ORACLES = {"accuracy": accuracy_score, "balanced_accuracy": balanced_accuracy_score}


@pytest.mark.parametrize("name", ORACLES)
def test_metrics_are_those_of_scikit_learn(name: str) -> None:
    generator = np.random.default_rng(0)
    y = generator.choice(4, size=97, p=[0.6, 0.25, 0.1, 0.05])
    predictions = np.where(generator.random((5, 97)) < 0.6, y, generator.integers(0, 4, (5, 97)))
    values = METRICS[name].compute(torch.from_numpy(predictions), torch.from_numpy(y))
    assert values.tolist() == pytest.approx([ORACLES[name](y, row) for row in predictions], rel=1e-12)


@pytest.mark.parametrize("name", ORACLES)
def test_the_constant_guess_is_the_most_frequent_class_of_the_training_part(name: str) -> None:
    generator = np.random.default_rng(1)
    training, validation = generator.choice(3, size=50, p=[0.2, 0.5, 0.3]), generator.integers(0, 3, 40)
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((50, 1)), training)
    expected = ORACLES[name](validation, dummy.predict(np.zeros((40, 1))))
    guess = METRICS[name].constant_guess(torch.from_numpy(training), torch.from_numpy(validation), 3)
    assert guess == pytest.approx(expected, rel=1e-12)
