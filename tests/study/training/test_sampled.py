"""Measures on samples: named so, equal to those of the sampled rows, and within their standard error of the whole."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from problems import make_problem
from torch.nn import functional

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.architectures import ARCHITECTURES, Architecture
from study.data.split import Part, Split
from study.training import Budget, Outcome, Streams, fit
from study.training.engines.base import Block, TrainedBlock
from study.training.sampled import sampled_rows

MLP = ARCHITECTURES["mlp"]
ENGINES = [pytest.param(MLP, id="stacked_mlp"), pytest.param(replace(MLP, engine="modules"), id="modules")]
OF_SCORES = {"training_accuracy", "generalization_gap", "gradient_ratio_start", "gradient_ratio_end"}
OF_LAYERS = {"gradient_norm_start", "gradient_norm_end"}
SLOTS = [Hyperparameters(activation=name, hidden=(12, 9), learning_rate=0.01) for name in ("relu", "tanh")]


def weighted_problem() -> Split:
    """Samples of different weight, of which there are more than the samples that are measured."""
    split = make_problem()
    weights = torch.linspace(0.5, 2.0, len(split.training), dtype=torch.float64)
    return replace(split, training=replace(split.training, weights=weights))


def trained(architecture: Architecture, split: Split, *, sampled: bool) -> tuple[list[Outcome], list[torch.nn.Module]]:
    networks: dict[int, torch.nn.Module] = {}

    def keep(block: Block, trained: TrainedBlock) -> None:
        networks.update({trial: trained.network(place) for place, trial in enumerate(block.trials)})

    budget = Budget(epochs=3, seeds=1, batch_size=16, sampled=sampled)
    outcomes = fit(SLOTS, split, budget, Streams(0), architecture=architecture, on_trained=keep)
    return outcomes, [networks[trial] for trial in range(len(SLOTS))]


@pytest.mark.parametrize("architecture", ENGINES)
def test_sampled_measures_are_those_of_the_sampled_rows_and_named_so(
    architecture: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.training.sampled.TRAINING_SAMPLES", 32)
    monkeypatch.setattr("study.training.sampled.GRADIENT_SAMPLES", 16)
    split = weighted_problem()
    assert len(split.training) > 32
    assert len(split.validation) > 16
    (full, _), (found, networks) = (trained(architecture, split, sampled=sampled) for sampled in (False, True))
    rows = sampled_rows(len(split.training), 32)
    part = Part(split.training.x[rows], split.training.y[rows], split.training.weights[rows])
    gradients = sampled_rows(len(split.validation), 16)
    for whole, few, network in zip(full, found, networks, strict=True):
        (before,), (after,) = whole.replicates, few.replicates
        assert after.scores.keys() - before.scores.keys() == {f"sampled_{name}" for name in OF_SCORES}
        assert before.scores.keys() - after.scores.keys() == OF_SCORES
        for ours, theirs in ((after, before), (after.layers[0], before.layers[0])):
            scores = [each.scores if hasattr(each, "scores") else each for each in (ours, theirs)]
            kept = scores[0].keys() & scores[1].keys()
            assert {name: scores[0][name] for name in kept} == {name: scores[1][name] for name in kept}
        assert after.curves == before.curves
        right = network(part.x).argmax(1) == part.y
        accuracy = float((right * part.weights).sum() / part.weights.sum())
        assert after.scores["sampled_training_accuracy"] == pytest.approx(accuracy, abs=1e-9)
        assert after.scores["sampled_generalization_gap"] == pytest.approx(
            accuracy - after.scores["accuracy"], abs=1e-9
        )
        functional.cross_entropy(network(split.validation.x[gradients]), split.validation.y[gradients]).backward()
        norms = [float(p.grad.norm()) for p in network.parameters() if p.dim() == 2]
        assert [layer["sampled_gradient_norm_end"] for layer in after.layers] == pytest.approx(norms, rel=1e-4)
        assert after.scores["sampled_gradient_ratio_end"] == pytest.approx(norms[0] / norms[-1], rel=1e-4)
        assert not OF_LAYERS & {name for layer in after.layers for name in layer}


@pytest.mark.parametrize("architecture", ENGINES)
def test_of_parts_that_have_no_more_samples_nothing_changes(architecture: Architecture) -> None:
    split = weighted_problem()
    (full, _), (found, _) = (trained(architecture, split, sampled=sampled) for sampled in (False, True))
    assert found == full


def test_the_sampled_training_score_is_within_its_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four standard errors, in each of 19 networks of one sample."""
    samples = 256
    monkeypatch.setattr("study.training.sampled.TRAINING_SAMPLES", samples)
    split = make_problem(rows=4000, classes=4)
    trials = [Hyperparameters(activation=name, hidden=(16,)) for name in ACTIVATIONS]
    full, few = (
        fit(trials, split, Budget(epochs=1, seeds=1, sampled=sampled), Streams(0)) for sampled in (False, True)
    )
    differ = 0
    for whole, sample in zip(full, few, strict=True):
        share = whole.mean("training_accuracy")
        difference = sample.mean("sampled_training_accuracy") - share
        assert abs(difference) < 4 * math.sqrt(share * (1 - share) / samples)
        differ += difference != 0
    assert differ


def test_sampled_rows_are_spread_over_a_part_that_may_be_in_order_of_time() -> None:
    rows = sampled_rows(10_007, 512)
    assert len(rows) == 512
    assert rows[0] == 0
    assert set((rows[1:] - rows[:-1]).tolist()) == {19, 20}
    assert sampled_rows(300, 512).tolist() == list(range(300))
