"""Regression: its metrics against scikit-learn, its losses against torch, and what it learns of a training part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from problems import make_regression, part_of
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch.nn import functional

from study.tasks import METRICS, REGRESSION, Regression

ORACLES = {"r2": r2_score, "rmse": root_mean_squared_error, "mae": mean_absolute_error}


@pytest.mark.parametrize("name", ORACLES)
def test_metrics_are_those_of_scikit_learn(name: str) -> None:
    generator = np.random.default_rng(0)
    y = 50.0 + 4.0 * generator.normal(size=97)
    predictions = y + generator.normal(size=(5, 97)) * np.arange(1, 6)[:, None]
    values = METRICS[name].compute(torch.from_numpy(predictions), torch.from_numpy(y))
    assert values.tolist() == pytest.approx([max(-1.0, ORACLES[name](y, row)) for row in predictions], rel=1e-12)


def test_r2_is_never_below_minus_one() -> None:
    y = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert METRICS["r2"].compute(torch.tensor([[1e9, 0.0, 0.0]], dtype=torch.float64), y).tolist() == [-1.0]


def test_every_network_that_gives_a_constant_is_at_most_as_good_as_the_guess() -> None:
    training, y = torch.tensor([0.0, 10.0]).double(), torch.tensor([1.0, 2.0, 9.0]).double()
    for metric in REGRESSION.metrics:
        guess = metric.score(metric.constant_guess(part_of(training), part_of(y), 1))
        reached = metric.compute(torch.linspace(0, 10, 101).double()[:, None].expand(-1, 3), y)
        assert max(metric.score(float(value)) for value in reached) <= guess + 1e-12
    assert METRICS["r2"].constant_guess(part_of(training), part_of(y), 1) == 0.0


def test_targets_are_standardized_on_the_training_part_and_predictions_are_in_their_unit() -> None:
    split = make_regression()
    task = REGRESSION.fitted(split)
    encoded = task.encode(split.training.y, 1)
    assert (float(encoded.mean()), float(encoded.std(correction=0))) == pytest.approx((0.0, 1.0), abs=1e-12)
    torch.testing.assert_close(task.predict(encoded[None])[0], split.training.y)


@pytest.mark.parametrize(
    ("name", "oracle"), [("squared", functional.mse_loss), ("huber", functional.huber_loss)], ids=["squared", "huber"]
)
def test_losses_are_those_of_torch_and_every_form_of_them_is_the_same(
    name: str, oracle: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> None:
    task = Regression(loss_function=name, center=3.0, scale=2.0)
    y = torch.linspace(-8, 12, 21, dtype=torch.float64)
    outputs = torch.randn(3, 21, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([oracle(each[:, 0], (y - 3.0) / 2.0) for each in outputs])
    torch.testing.assert_close(torch.stack([task.loss(each, y) for each in outputs]), expected)
    torch.testing.assert_close(task.epoch_loss(task.batch_terms(task.respond(outputs), y)), expected)
    torch.testing.assert_close(task.sample_losses(outputs, task.encode(y, 1)).mean(1), expected)
    leaf = outputs.clone().requires_grad_()
    torch.autograd.backward(torch.stack([task.loss(each, y) for each in leaf]).sum())
    weights = torch.full((21,), 1 / 21, dtype=torch.float64)
    gradient = task.gradient(outputs, task.encode(y, 1), weights, out=torch.empty_like(outputs))
    torch.testing.assert_close(gradient, leaf.grad)


def test_errors_are_shown_positive_and_less_is_better() -> None:
    rmse, r2 = METRICS["rmse"], METRICS["r2"]
    assert (rmse.score(3.25), rmse.text(-3.25), rmse.difference_text(0.5)) == (-3.25, "3.25", "-0.5")
    assert (r2.score(0.5), r2.text(0.5), r2.difference_text(0.005)) == (0.5, "50.00 %", "+0.50 pp")


def test_a_training_part_of_equal_targets_does_not_divide_by_zero() -> None:
    split = make_regression()
    flat = replace(split, training=replace(split.training, y=torch.full((83,), 7.0, dtype=torch.float64)))
    assert REGRESSION.fitted(flat) == Regression(center=7.0, scale=1.0)
