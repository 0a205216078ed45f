"""Every entry of the registry: torch's own distributions, made from draws that all entries share."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from documents import code_words, table_rows
from scipy import stats
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, INITIALIZATIONS, Hyperparameters, Initialization
from search_spaces.perceptron import layer_sizes
from study.training import Streams
from study.training.start import LSUV_SAMPLES, draws, initial_parameters

SLOPE = 0.3
SHAPES = [(48, 80), (80, 48), (64, 64)]
REPEATS = 12

every_initialization = pytest.mark.parametrize("rule", INITIALIZATIONS.values(), ids=list(INITIALIZATIONS))
uniform = pytest.mark.parametrize("name", [name for name, rule in INITIALIZATIONS.items() if rule.law == "uniform"])
orthogonal = pytest.mark.parametrize(
    "name", [name for name, rule in INITIALIZATIONS.items() if rule.law == "orthogonal"]
)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=["wide", "tall", "square"])


def documented_rules() -> dict[str, str]:
    """The rule of each initialization by the table of the documentation."""
    return {name: row[1] for row in table_rows("search-spaces.md", "## Initializations") for name in code_words(row[0])}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gain_of(rule: Initialization) -> float:
    return ACTIVATIONS["leaky_relu"].gain(SLOPE) if rule.uses_gain else 1.0


@cache
def our_sample(name: str, shape: tuple[int, int]) -> np.ndarray:
    """`[REPEATS, F_in, F_out]` weights from different draws."""
    rule = INITIALIZATIONS[name]
    weights = [rule.weights(normal(*shape, seed=seed), gain_of(rule), shape[1]) for seed in range(REPEATS)]
    return torch.stack(weights).numpy()


@cache
def torch_sample(name: str, shape: tuple[int, int]) -> np.ndarray:
    """`[REPEATS, F_in, F_out]` weights of torch's own function."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(99)
        weights = [torch.empty(shape[1], shape[0]) for _ in range(REPEATS)]
        for weight in weights:
            INITIALIZATIONS[name].reference(weight, SLOPE)
    return torch.stack(weights).transpose(1, 2).double().numpy()


@every_initialization
def test_name_is_the_key(rule: Initialization) -> None:
    assert INITIALIZATIONS[rule.name] is rule


def test_the_registry_holds_what_the_documentation_lists() -> None:
    documented = documented_rules()
    assert set(documented) <= set(INITIALIZATIONS)
    # The rules that the documentation says take the activation's gain are those that do.
    assert {name for name, rule in documented.items() if "the activation's gain" in rule} == {
        name for name in documented if INITIALIZATIONS[name].uses_gain
    }


@every_shape
@every_initialization
def test_weights_are_a_function_of_their_draws(rule: Initialization, shape: tuple[int, int]) -> None:
    z = normal(*shape)
    kept = z.clone()
    weights = rule.weights(z, 1.5, shape[1])
    assert weights.shape == shape
    assert weights.isfinite().all()
    assert torch.equal(weights, rule.weights(z, 1.5, shape[1]))
    assert torch.equal(z, kept), "the draws serve other trials too"
    assert weights.data_ptr() != z.data_ptr()
    if rule.uses_gain:
        torch.testing.assert_close(rule.weights(z, 3.0, shape[1]), weights * 2.0)


@every_shape
@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_moments_are_those_of_torch(name: str, shape: tuple[int, int]) -> None:
    ours, theirs = our_sample(name, shape), torch_sample(name, shape)
    n = ours.size
    # Five standard errors of a difference of two means, and of two standard deviations of normal samples, the widest.
    assert ours.mean() == pytest.approx(theirs.mean(), abs=5 * theirs.std() * math.sqrt(2 / n))
    assert ours.std() == pytest.approx(theirs.std(), rel=5 * math.sqrt(1 / n))


@every_shape
@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_distribution_is_that_of_torch(name: str, shape: tuple[int, int]) -> None:
    ours, theirs = our_sample(name, shape), torch_sample(name, shape)
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 1e-3


@every_shape
@uniform
def test_bounds_are_those_of_torch(name: str, shape: tuple[int, int]) -> None:
    """A uniform law's largest of n values lies within 12/n of its bound, save once in e¹² ≈ 160,000 times."""
    ours, theirs = our_sample(name, shape), torch_sample(name, shape)
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=12 / ours.size)


@every_shape
@orthogonal
def test_orthogonal_weights_are_semi_orthogonal(name: str, shape: tuple[int, int]) -> None:
    weights = INITIALIZATIONS[name].weights(normal(*shape), 1.7, shape[1])
    product = weights @ weights.T if shape[0] <= shape[1] else weights.T @ weights
    torch.testing.assert_close(product, 1.7**2 * torch.eye(min(shape), dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3)], ids=["square", "wide", "tall"])
def test_orthogonal_weights_have_no_preferred_direction(shape: tuple[int, int]) -> None:
    """Haar's law: without the sign of R's diagonal, the corner of a QR factor has one sign only."""
    rule = INITIALIZATIONS["orthogonal"]
    corners = [float(rule.weights(normal(*shape, seed=seed), 1.0, shape[1])[0, 0]) for seed in range(400)]
    # The share of positive ones is 1/2 ± five standard errors.
    assert np.mean(np.array(corners) > 0) == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(400))


@every_shape
@every_initialization
def test_all_rules_share_their_draws(rule: Initialization, shape: tuple[int, int]) -> None:
    z = normal(*shape)
    weights = rule.weights(z, 1.0, shape[1])
    if rule.law == "orthogonal":
        # Orthogonalization mixes a row's or column's draws, and leaves most of each.
        assert np.corrcoef(z.ravel(), weights.ravel())[0, 1] > 0.5
    else:
        assert torch.equal(z.flatten().argsort(), weights.flatten().argsort())


@every_initialization
def test_biases(rule: Initialization) -> None:
    fan_in = 40
    biases = rule.bias(normal(5000), fan_in)
    if not rule.uniform_bias:
        assert torch.equal(biases, torch.zeros_like(biases))
        return
    with torch.random.fork_rng():
        torch.manual_seed(5)
        theirs = nn.Linear(fan_in, 5000).bias.detach().double()
    assert stats.ks_2samp(biases.numpy(), theirs.numpy()).pvalue > 1e-3
    assert float(biases.abs().max()) == pytest.approx(1 / math.sqrt(fan_in), rel=12 / 5000)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_slot_starts_with_its_activations_gain(activation: str) -> None:
    slot = Hyperparameters(activation=activation, negative_slope=SLOPE, hidden=(24, 17))
    normals = draws(layer_sizes(slot.hidden, 9, 4), Streams(3), 0)
    parameters = initial_parameters(slot, normals, torch.zeros(5, 9))
    gain = ACTIVATIONS[activation].gain(SLOPE)
    for (weight, bias), z in zip(parameters, normals, strict=True):
        torch.testing.assert_close(weight, z[:-1] * gain / math.sqrt(weight.shape[0]))
        assert torch.equal(bias, torch.zeros_like(bias))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_lsuv_gives_unit_variance(activation: str) -> None:
    slot = Hyperparameters(activation=activation, negative_slope=SLOPE, initialization="lsuv", hidden=(24, 17))
    normals = draws(layer_sizes(slot.hidden, 9, 4), Streams(3), 0)
    samples = 5.0 + 30.0 * normal(LSUV_SAMPLES + 44, 9)
    parameters = initial_parameters(slot, normals, samples)
    module = ACTIVATIONS[activation].module(SLOPE).double().eval()
    h = samples[:LSUV_SAMPLES]
    for layer, (weight, bias) in enumerate(parameters):
        z = h @ weight + bias
        assert float(z.var(correction=0)) == pytest.approx(1.0, abs=1e-9), f"layer {layer}"
        with torch.no_grad():
            h = module(z)


def test_lsuv_of_samples_that_say_nothing() -> None:
    slot = Hyperparameters(initialization="lsuv", hidden=(8,))
    parameters = initial_parameters(slot, draws(layer_sizes((8,), 9, 4), Streams(3), 0), torch.zeros(20, 9))
    assert all(weight.isfinite().all() and weight.abs().sum() > 0 for weight, _ in parameters)


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
def test_a_bias_is_added_to_all_layers_but_the_last(initialization: str) -> None:
    usual = Hyperparameters(initialization=initialization, hidden=(24, 17))
    normals, samples = draws(layer_sizes(usual.hidden, 9, 4), Streams(3), 0), normal(40, 9)
    start, shifted = (initial_parameters(slot, normals, samples) for slot in (usual, replace(usual, bias=0.25)))
    *hidden, (_, last) = zip(start, shifted, strict=True)
    for (_, bias), (_, moved) in hidden:
        torch.testing.assert_close(moved, bias + 0.25)
    assert torch.equal(last[1], start[-1][1])
