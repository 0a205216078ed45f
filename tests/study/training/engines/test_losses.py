"""Every loss of every task in every engine: the plain loop's networks, and results that depend on the trial alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from cohorts import COHORT, Remembers
from plain_loop import LossFunction, fit_plain
from problems import make_problem, make_regression
from torch import Tensor
from torch.nn import functional

from search_spaces.architectures import Architecture
from study.data.split import Part, Split
from study.tasks import Classification, Regression, Task
from study.training import Budget, Streams, fit, fit_networks

BUDGET = Budget(epochs=3, seeds=1, batch_size=24)


def standardized(split: Split, loss: Callable[[Tensor, Tensor], Tensor]) -> LossFunction:
    """A loss of torch's, of targets that are standardized as a user would do it."""
    mean, deviation = split.training.y.mean(), split.training.y.std(correction=0)
    return lambda outputs, y: loss(outputs[:, 0], ((y - mean) / deviation).to(outputs.dtype))


def regression(name: str) -> tuple[Split, Task, int, LossFunction]:
    """A split, the task, its number of outputs, and the loss of the plain loop."""
    split = make_regression()
    loss = {"squared": functional.mse_loss, "huber": functional.huber_loss}[name]
    return split, Regression(loss_function=name), 1, standardized(split, loss)


def weighted_classification() -> tuple[Split, Task, int, LossFunction]:
    """Smoothed labels, balanced classes and sample weights, with a metric of probabilities."""
    split = with_weights(make_problem())
    task = Classification(metric="roc_auc", class_weight="balanced", label_smoothing=0.1)
    training = split.training
    assert training.weights is not None
    members = training.y.bincount().double()
    each = training.weights / members[training.y]
    return split, task, 5, weighted(partial(functional.cross_entropy, label_smoothing=0.1), split, each / each.mean())


def weighted_regression() -> tuple[Split, Task, int, LossFunction]:
    """A quantity with sample weights."""
    split = with_weights(make_regression())
    assert split.training.weights is not None
    mean, deviation = split.training.y.mean(), split.training.y.std(correction=0)

    def loss(outputs: Tensor, y: Tensor, reduction: str) -> Tensor:
        targets = ((y - mean) / deviation).to(outputs.dtype)
        return functional.mse_loss(outputs[:, 0], targets, reduction=reduction)

    return split, Regression(), 1, weighted(loss, split, split.training.weights / split.training.weights.mean())


def with_weights(split: Split) -> Split:
    """A split whose samples have weights, some of them 0."""
    generator = torch.Generator().manual_seed(3)

    def part(old: Part) -> Part:
        drawn = torch.rand(len(old), generator=generator, dtype=torch.float64) * 3
        return replace(old, weights=torch.where(drawn < 0.3, 0.0, drawn))

    return replace(split, training=part(split.training), validation=part(split.validation), test=part(split.test))


def weighted(loss: Callable[..., Tensor], split: Split, weights: Tensor) -> LossFunction:
    """A loss of torch's times the weights of the samples, which are found by their targets."""
    training = split.training

    def mean(outputs: Tensor, rows: Tensor) -> Tensor:
        each = loss(outputs, training.y[rows], reduction="none")
        return (each * weights[rows].to(each.dtype)).mean()

    return mean


PROBLEMS = {f"regression-{name}": partial(regression, name) for name in ("squared", "huber")}
WEIGHTED = {"classification": weighted_classification, "regression": weighted_regression}


@pytest.fixture(params=PROBLEMS)
def case(request: pytest.FixtureRequest) -> tuple[Split, Task, int, LossFunction]:
    return PROBLEMS[request.param]()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 1e-4)])
def test_networks_are_the_plain_loop_s(
    case: tuple[Split, Task, int, LossFunction], dtype: torch.dtype, tolerance: float, architecture: Architecture
) -> None:
    split, task, outputs, loss = case
    for slot in COHORT[::3]:
        _, [network] = fit_networks(slot, split, BUDGET, Streams(7), task=task, dtype=dtype, architecture=architecture)
        plain = fit_plain(slot, split.training, outputs, BUDGET, Streams(7), dtype=dtype, loss_function=loss)
        for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
            expected = theirs.detach()
            torch.testing.assert_close(ours.detach(), expected, rtol=0, atol=tolerance * float(expected.abs().max()))


@pytest.mark.parametrize("name", WEIGHTED)
def test_weighted_networks_are_the_plain_loop_s(name: str, architecture: Architecture) -> None:
    split, task, outputs, loss = WEIGHTED[name]()
    # The plain loop gets the places of the samples as targets, by which its loss finds their weights.
    places = replace(split.training, y=torch.arange(len(split.training)))
    for slot in COHORT[::3]:
        _, [network] = fit_networks(
            slot, split, BUDGET, Streams(7), task=task, dtype=torch.float64, architecture=architecture
        )
        plain = fit_plain(slot, places, outputs, BUDGET, Streams(7), dtype=torch.float64, loss_function=loss)
        for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
            expected = theirs.detach()
            torch.testing.assert_close(ours.detach(), expected, rtol=0, atol=1e-8 * float(expected.abs().max()))


@pytest.mark.parametrize("name", WEIGHTED)
def test_weighted_scores_are_those_of_the_network_s_outputs_and_change_by_no_neighbour(
    name: str, architecture: Architecture
) -> None:
    split, task, _, _ = WEIGHTED[name]()
    outcome, [network] = fit_networks(
        COHORT[3], split, BUDGET, Streams(7), task=task, dtype=torch.float64, architecture=architecture, read_test=True
    )
    [replicate] = outcome.replicates
    fitted = task.fitted(split)
    for part, prefix in ((split.validation, ""), (split.test, "test_")):
        with torch.no_grad():
            outputs = network(part.x.double())[None]
        assert part.weights is not None
        for metric in task.measured:
            judged = fitted.respond(outputs) if metric.of_probabilities else fitted.predict(outputs)
            expected = float(metric.compute(judged, part.y, part.weights))
            assert replicate.scores[prefix + metric.name] == pytest.approx(expected, rel=1e-9)
        losses = fitted.sample_losses(outputs, fitted.encode(part.y, outputs.shape[2]))[0]
        mean = float((losses * part.weights).sum() / part.weights.sum())
        assert replicate.scores[prefix + task.loss_name] == pytest.approx(mean, rel=1e-9)
    train = partial(fit, task=task, architecture=architecture)
    whole = train(COHORT, split, BUDGET, Streams(3))
    assert [train([trial], split, BUDGET, Streams(3))[0] for trial in COHORT[:2]] == whole[:2]


def test_scores_are_the_metrics_of_the_network_s_predictions(
    case: tuple[Split, Task, int, LossFunction], architecture: Architecture
) -> None:
    split, task, _, loss = case
    outcome, [network] = fit_networks(
        COHORT[3], split, BUDGET, Streams(7), task=task, dtype=torch.float64, architecture=architecture, read_test=True
    )
    [replicate] = outcome.replicates
    fitted = task.fitted(split)
    for part, prefix in ((split.validation, ""), (split.test, "test_")):
        with torch.no_grad():
            outputs = network(part.x.double())
        for metric in task.metrics:
            expected = float(metric.compute(fitted.predict(outputs[None]), part.y))
            assert replicate.scores[prefix + metric.name] == pytest.approx(expected, rel=1e-9)
        assert replicate.scores[prefix + task.loss_name] == pytest.approx(float(loss(outputs, part.y)), rel=1e-9)
    shown = task.metrics[0].name
    assert replicate.curves[f"validation_{shown}"][-1] == replicate.scores[shown]


def test_neighbours_and_interruptions_change_no_bit(
    case: tuple[Split, Task, int, LossFunction], architecture: Architecture
) -> None:
    split, task, _, _ = case
    train = partial(fit, task=task, architecture=architecture)
    whole = train(COHORT, split, BUDGET, Streams(3))
    assert [train([trial], split, BUDGET, Streams(3))[0] for trial in COHORT[:3]] == whole[:3]
    keeper = Remembers()
    train(COHORT, split, BUDGET, Streams(3), keeper=keeper)
    after_first = {slot: states[1] for slot, states in keeper.states.items()}
    assert train(COHORT, split, BUDGET, Streams(3), keeper=Remembers(after_first)) == whole
