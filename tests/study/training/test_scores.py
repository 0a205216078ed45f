"""Scores against scikit-learn on the network that torch trains alone, also with more rows than a chunk or the cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from plain_loop import build, fit_plain
from problems import block_data, make_problem
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss
from torch import nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from search_spaces.perceptron import layer_sizes
from study.data import prepare
from study.data.dataset import make_dataset
from study.data.split import Part, Split
from study.data.targets import Targets
from study.training import Budget, Streams, fit
from study.training.engines.base import MEASURED_SAMPLES
from study.training.engines.stacked_mlp.block import start_stack
from study.training.engines.stacked_mlp.evaluate import gradient_norms, recorded_pass
from study.training.measures import layer_measures
from study.training.start import draws, initial_parameters

TRIAL = Hyperparameters(activation="gelu", dropout=0.2, learning_rate=0.01, hidden=(24, 17))


def uneven(rows: int, seed: int) -> Part:
    """Rows whose classes are of different size."""
    generator = np.random.default_rng(seed)
    y = generator.choice(5, size=rows, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    x = generator.normal(size=(rows, 13)) + y[:, None] * 0.4
    return Part(torch.tensor(x, dtype=torch.float32), torch.tensor(y))


@pytest.fixture(scope="module")
def split() -> Split:
    return Split(uneven(301, 0), uneven(700, 1), uneven(90, 2), tuple("abcde"), make_problem().features)


def test_scores_are_those_of_scikit_learn(split: Split, architecture: Architecture) -> None:
    budget = Budget(epochs=5, seeds=2, batch_size=32)
    (outcome,) = fit([TRIAL], split, budget, Streams(0), dtype=torch.float64, read_test=True, architecture=architecture)
    for number, replicate in enumerate(outcome.replicates):
        network = fit_plain(TRIAL, split.training, 5, budget, Streams(0), replicate=number, dtype=torch.float64)
        with torch.no_grad():
            p = {
                name: torch.softmax(network(getattr(split, name).x.double()), 1).numpy()
                for name in ("training", "validation", "test")
            }
        y = {name: getattr(split, name).y.numpy() for name in p}
        guess = {name: p[name].argmax(1) for name in p}
        expected = {
            "accuracy": accuracy_score(y["validation"], guess["validation"]),
            "balanced_accuracy": balanced_accuracy_score(y["validation"], guess["validation"]),
            "log_loss": log_loss(y["validation"], p["validation"], labels=range(5)),
            "training_accuracy": accuracy_score(y["training"], guess["training"]),
            "test_accuracy": accuracy_score(y["test"], guess["test"]),
            "test_balanced_accuracy": balanced_accuracy_score(y["test"], guess["test"]),
            "test_log_loss": log_loss(y["test"], p["test"], labels=range(5)),
        }
        expected["generalization_gap"] = expected["training_accuracy"] - expected["accuracy"]
        assert {name: replicate.scores[name] for name in expected} == pytest.approx(expected, rel=1e-8)
        assert replicate.curves["validation_accuracy"][-1] == replicate.scores["accuracy"]


def test_the_loss_curve_is_the_mean_over_the_epochs_samples(split: Split, architecture: Architecture) -> None:
    trial = Hyperparameters(activation="tanh", learning_rate=1e-9, hidden=(24,))
    (outcome,) = fit(
        [trial],
        split,
        Budget(epochs=1, seeds=1, batch_size=32),
        Streams(0),
        dtype=torch.float64,
        architecture=architecture,
    )
    start = initial_parameters(trial, draws(layer_sizes((24,), 13, 5), Streams(0), 0), torch.empty(0))
    logits = build(trial, start).eval()(split.training.x.double())
    expected = float(nn.functional.cross_entropy(logits, split.training.y).detach())
    assert outcome.replicates[0].curves["training_loss"][0] == pytest.approx(expected, rel=1e-5)


def test_measures_read_the_first_rows_of_a_large_part() -> None:
    validation = uneven(MEASURED_SAMPLES + 809, 3)
    split = Split(uneven(101, 0), validation, uneven(90, 2), tuple("abcde"), make_problem().features)
    data = block_data(split, torch.float64)
    with torch.inference_mode():
        stack = start_stack([TRIAL, TRIAL], 0, data, Streams(0))
        measured = recorded_pass(stack, data.validation)[1].measures()[0]
        norms = gradient_norms(stack, data.validation)
    start = initial_parameters(TRIAL, draws(layer_sizes(TRIAL.hidden, 13, 5), Streams(0), 0), torch.empty(0))
    network = build(TRIAL, start).eval()
    x, y = validation.x[:MEASURED_SAMPLES].double(), validation.y[:MEASURED_SAMPLES]
    torch.autograd.backward(nn.functional.cross_entropy(network(x), y))
    linear = [module for module in network if isinstance(module, nn.Linear)]
    assert [float(norm[0]) for norm in norms] == pytest.approx([float(m.weight.grad.norm()) for m in linear])
    a = network[:2](x).detach()
    expected = layer_measures(a, torch.zeros_like(a, dtype=torch.bool))
    assert {k: v for k, v in measured[0].items() if k != "saturation"} == pytest.approx(
        {k: v for k, v in expected.items() if k != "saturation"}, rel=1e-6
    )


def test_measures_of_a_sorted_official_test_part_are_those_of_all_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against measuring the first classes of a file alone."""
    y = np.repeat(np.arange(3), [4000, 4000, 3000])
    x = np.random.default_rng(0).normal(size=(len(y), 4)) + 3 * np.eye(3, 4)[y]
    rows = np.concatenate([np.arange(0, len(y), 50), np.arange(len(y))])
    targets = Targets(y[rows], ("a", "b", "c"))
    first = len(rows) - len(y)
    data = make_dataset(
        name="d",
        origin="d",
        x=pd.DataFrame(x[rows]).add_prefix("c"),
        targets=targets,
        test_rows=np.arange(first, len(rows)),
    )

    def zeros(*, draw_test_part: bool) -> float:
        split = prepare(data, seed=0, draw_test_part=draw_test_part).split
        trial = Hyperparameters(activation="relu", learning_rate=0.02, hidden=(8,))
        (outcome,) = fit([trial], split, Budget(epochs=20, seeds=1), Streams(0), read_test=True)
        return outcome.replicates[0].test_layers[0]["raw_zeros"]

    drawn, in_order = zeros(draw_test_part=True), zeros(draw_test_part=False)
    monkeypatch.setattr("study.training.engines.stacked_mlp.hidden_layers.MEASURED_SAMPLES", len(y))
    every = zeros(draw_test_part=False)
    assert drawn == pytest.approx(every, abs=0.01)
    assert abs(in_order - every) > 0.02


@pytest.mark.parametrize("scale", [1e-25, 1e18])
def test_no_scale_of_float32_makes_a_layer_look_sparse(scale: float) -> None:
    a = torch.relu(torch.from_numpy(np.random.default_rng(0).standard_normal((300, 64)))).float()
    flat = torch.zeros_like(a, dtype=torch.bool)
    assert layer_measures(a * scale, flat) == pytest.approx(layer_measures(a, flat), abs=1e-3)
