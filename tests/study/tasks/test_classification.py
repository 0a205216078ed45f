"""Classification's metrics against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from problems import part_of
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight
from torch.nn import functional

from study.data.split import Part, Split
from study.tasks import METRICS, Classification

ORACLES = {"accuracy": accuracy_score, "balanced_accuracy": balanced_accuracy_score}


def macro_f1(y: np.ndarray, predictions: np.ndarray, **options: Any) -> float:
    return float(f1_score(y, predictions, average="macro", **options))


OF_PREDICTIONS = {**ORACLES, "f1_macro": macro_f1}


def one_against_rest(y: np.ndarray, probabilities: np.ndarray, **options: Any) -> float:
    if probabilities.shape[1] == 2:
        return float(roc_auc_score(y, probabilities[:, 1], **options))
    each = [roc_auc_score(y == label, probabilities[:, label], **options) for label in range(probabilities.shape[1])]
    return float(np.mean(each))


OF_PROBABILITIES = {"roc_auc": one_against_rest, "log_loss": log_loss}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OF_PREDICTIONS)
def test_metrics_are_those_of_scikit_learn(name: str, weighted: bool) -> None:
    generator = np.random.default_rng(0)
    y = generator.choice(4, size=97, p=[0.6, 0.25, 0.1, 0.05])
    predictions = np.where(generator.random((5, 97)) < 0.6, y, generator.integers(0, 4, (5, 97)))
    weights = generator.uniform(0, 3, 97) if weighted else None
    values = METRICS[name].compute(torch.from_numpy(predictions), torch.from_numpy(y), tensor(weights))
    expected = [OF_PREDICTIONS[name](y, row, sample_weight=weights) for row in predictions]
    assert values.tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_metrics_of_probabilities_are_those_of_scikit_learn(name: str, classes: int, weighted: bool) -> None:
    generator = np.random.default_rng(1)
    y = np.arange(97) % classes
    logits = generator.normal(size=(3, 97, classes)) + 1.5 * np.eye(classes)[y]
    probabilities = torch.from_numpy(logits.round(1)).softmax(2)  # rounded, so that there are ties
    weights = generator.uniform(0, 3, 97) if weighted else None
    values = METRICS[name].compute(probabilities, torch.from_numpy(y), tensor(weights))
    expected = [OF_PROBABILITIES[name](y, each.numpy(), sample_weight=weights) for each in probabilities]
    assert values.tolist() == pytest.approx(expected, rel=1e-12)


def tensor(values: np.ndarray | None) -> torch.Tensor | None:
    return None if values is None else torch.from_numpy(values)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_no_constant_probabilities_beat_the_guess(name: str) -> None:
    generator = np.random.default_rng(2)
    y, metric = torch.from_numpy(generator.choice(3, size=60, p=[0.5, 0.3, 0.2])), METRICS[name]
    constants = torch.from_numpy(generator.dirichlet([1, 1, 1], 500))[:, None].expand(-1, 60, -1)
    guess = metric.score(metric.constant_guess(part_of(y), part_of(y), 3))
    assert float((metric.sign * metric.compute(constants, y)).max()) <= guess + 1e-12
    assert metric.smallest_step(y, None) >= 0


def test_a_tie_that_is_broken_adds_one_step_of_roc_auc() -> None:
    y, auc = torch.tensor([0, 0, 1, 1]), METRICS["roc_auc"]
    scores = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.4, 0.5, 0.5, 0.5]], dtype=torch.float64)
    tied, broken = auc.compute(torch.stack([1 - scores, scores], 2), y).tolist()
    assert tied == 0.5
    assert broken - tied >= auc.smallest_step(y, None) == pytest.approx(1 / 8)


def split_of(y: list[int], weights: list[float] | None = None) -> Split:
    part = Part(torch.zeros(len(y), 2), torch.tensor(y), tensor(None if weights is None else np.array(weights)))
    return Split(part, part, part, ("a", "b"), ("x", "z"))


def test_balanced_weights_are_scikit_learn_s_and_sample_weights_multiply_them() -> None:
    split = split_of([0, 0, 0, 1])
    weights = Classification(class_weight="balanced").fitted(split).loss_weights(split.training)
    assert weights is not None
    expected = compute_sample_weight("balanced", [0, 0, 0, 1])
    assert weights.tolist() == pytest.approx(expected / expected.mean())
    both = split_of([0, 0, 0, 1], [1.0, 0.0, 2.0, 4.0])
    weights = Classification(class_weight=(1.0, 3.0)).fitted(both).loss_weights(both.training)
    assert weights is not None
    assert weights.tolist() == pytest.approx(np.array([1, 0, 2, 12]) / 3.75)
    assert Classification().fitted(split).loss_weights(split.training) is None


def test_smoothed_targets_have_torch_s_loss_and_are_not_judged_by() -> None:
    task = Classification(label_smoothing=0.2)
    outputs = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.arange(7) % 3
    expected = functional.cross_entropy(outputs, y, label_smoothing=0.2)
    losses = task.sample_losses(outputs[None], task.training_targets(y, 3))
    torch.testing.assert_close(losses.mean(), expected)
    torch.testing.assert_close(task.loss(outputs, y), expected)
    torch.testing.assert_close(task.judging.loss(outputs, y), functional.cross_entropy(outputs, y))


@pytest.mark.parametrize("name", ORACLES)
def test_the_constant_guess_is_the_most_frequent_class_of_the_training_part(name: str) -> None:
    generator = np.random.default_rng(1)
    training, validation = generator.choice(3, size=50, p=[0.2, 0.5, 0.3]), generator.integers(0, 3, 40)
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((50, 1)), training)
    expected = ORACLES[name](validation, dummy.predict(np.zeros((40, 1))))
    guess = METRICS[name].constant_guess(part_of(torch.from_numpy(training)), part_of(torch.from_numpy(validation)), 3)
    assert guess == pytest.approx(expected, rel=1e-12)
