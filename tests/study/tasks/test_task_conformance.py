"""What every task and every metric of the registries hold."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from problems import make_targets, part_of
from torch import Tensor
from torch.nn.functional import one_hot

from study.data import DataError, partition
from study.data.dataset import make_dataset
from study.tasks import METRICS, TASKS, Metric, Task

SLOTS, SAMPLES, PADDED = 3, 21, 16


def outputs_of(task: Task) -> int:
    """C of the targets that are made here."""
    return 5 if task.name == "classification" else 1


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    return TASKS[request.param]


@pytest.fixture
def y(task: Task) -> Tensor:
    return make_targets(task, SAMPLES, outputs_of(task))


@pytest.fixture
def outputs(task: Task) -> Tensor:
    return torch.randn(
        SLOTS, SAMPLES, outputs_of(task), dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )


def padded(x: Tensor, value: float) -> Tensor:
    """Rows and columns up to a multiple of 16, as a stack has them."""
    result = torch.full((*x.shape[:-2], 32, PADDED), value, dtype=x.dtype)
    result[..., : x.shape[-2], : x.shape[-1]] = x
    return result


def test_importing_the_registries_loads_no_torch() -> None:
    code = "import sys; from study.tasks import METRICS, TASKS; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_gradient_is_that_of_autograd_and_padding_has_none(task: Task, y: Tensor, outputs: Tensor) -> None:
    targets = padded(task.encode(y, outputs.shape[-1]).double(), 0.0)
    weights = torch.zeros(32, dtype=torch.float64)
    weights[:SAMPLES] = 1 / SAMPLES
    widened = padded(outputs, task.padded_output)
    responses = task.respond(widened, out=torch.empty_like(widened))
    gradient = task.gradient(responses, targets, weights, out=torch.empty_like(widened))
    for slot in range(SLOTS):
        leaf = outputs[slot].clone().requires_grad_()
        torch.autograd.backward(task.loss(leaf, y))
        torch.testing.assert_close(gradient[slot, :SAMPLES, : outputs.shape[-1]], leaf.grad, rtol=1e-10, atol=1e-12)
    assert not gradient[:, SAMPLES:].any()
    assert not gradient[:, :, outputs.shape[-1] :].any()
    torch.testing.assert_close(responses[:, :SAMPLES, : outputs.shape[-1]], task.respond(outputs))


def test_every_form_of_the_loss_is_the_same_number(task: Task, y: Tensor, outputs: Tensor) -> None:
    expected = torch.stack([task.loss(each, y) for each in outputs])
    halves = [task.batch_terms(task.respond(outputs[:, part]), y[part]) for part in (slice(0, 8), slice(8, None))]
    assert [half.shape for half in halves] == [(SLOTS, 8), (SLOTS, SAMPLES - 8)]
    torch.testing.assert_close(task.epoch_loss(torch.cat(halves, 1)), expected)
    targets = task.encode(y, outputs.shape[-1])
    torch.testing.assert_close(task.sample_losses(outputs, targets).mean(1), expected)


def test_there_is_one_prediction_a_sample(task: Task, outputs: Tensor) -> None:
    predictions = task.predict(outputs)
    assert predictions.shape[:2] == (SLOTS, SAMPLES)
    assert all(torch.equal(task.predict(outputs[slot : slot + 1])[0], predictions[slot]) for slot in range(SLOTS))


def test_names_are_those_of_the_registries() -> None:
    assert all(name == task.name for name, task in TASKS.items())
    assert all(name == metric.name for name, metric in METRICS.items())
    assert sum(len(task.metrics) for task in TASKS.values()) == len(METRICS)


def judged(metric: Metric, predictions: Tensor) -> Tensor:
    """What a metric judges: predictions, or probabilities of 1 for them."""
    return (
        one_hot(predictions, outputs_of(TASKS["classification"])).double() if metric.of_probabilities else predictions
    )


def all_metrics() -> list[tuple[Task, Metric]]:
    return [(task, metric) for task in TASKS.values() for metric in task.metrics]


@pytest.mark.parametrize(("task", "metric"), all_metrics(), ids=[metric.name for _, metric in all_metrics()])
def test_a_metric_is_one_number_a_network_between_its_worst_and_its_best(task: Task, metric: Metric) -> None:
    y = make_targets(task, SAMPLES, outputs_of(task))
    perfect = y.expand(2, *y.shape)
    values = metric.compute(judged(metric, torch.cat([perfect, perfect[:1].roll(1, 1)])), y)
    assert values.shape == (3,)
    assert values.dtype == torch.float64
    assert values[0] == values[1] == metric.best
    assert metric.sign * (float(values[0]) - float(values[2])) >= metric.smallest_step(y, None)
    assert metric.sign * (float(values[2]) - metric.worst) >= 0


@pytest.mark.parametrize(("task", "metric"), all_metrics(), ids=[metric.name for _, metric in all_metrics()])
def test_no_constant_is_better_than_the_constant_guess_on_the_data_it_was_chosen_on(task: Task, metric: Metric) -> None:
    y = make_targets(task, SAMPLES, outputs_of(task))
    constants = y.unique() if task.name == "classification" else torch.cat([y, y.mean()[None], y.median()[None]])
    reached = metric.compute(judged(metric, constants[:, None].expand(-1, len(y))), y)
    guess = metric.constant_guess(part_of(y), part_of(y), outputs_of(task))
    assert max(metric.sign * reached) <= metric.sign * guess + 1e-12
    # Probabilities of 0 and 1 are not the best constant ones.
    assert metric.name == "log_loss" or min((reached - guess).abs()) < 1e-12


def test_a_target_is_read_and_every_part_of_a_split_gets_each_of_its_groups(task: Task) -> None:
    values = np.tile(make_targets(task, 25, outputs_of(task)).numpy(), 8)
    targets = task.read_target(values, what="target 'y' of t.csv")
    assert targets.y.shape == targets.groups.shape == values.shape
    assert set(targets.groups) == set(range(targets.groups.max() + 1))
    taken = targets.take(np.array([3, 1]))
    assert (taken.y.tolist(), taken.groups.tolist()) == (targets.y[[3, 1]].tolist(), targets.groups[[3, 1]].tolist())
    data = make_dataset(name="t", origin="t.csv", x=pd.DataFrame({"a": np.arange(200.0)}), targets=targets)
    rows = partition(data, seed=0)
    for part in (rows.training, rows.validation, rows.test):
        assert set(targets.groups[part]) == set(targets.groups)


def test_a_target_that_is_missing_is_refused_with_its_row(task: Task) -> None:
    values = pd.Series(make_targets(task, 60, outputs_of(task)).numpy()).astype(object)
    values[4] = None
    with pytest.raises(DataError, match=r"target 'y' of t\.csv .* 1 row \(5\)"):
        task.read_target(values, what="target 'y' of t.csv")
