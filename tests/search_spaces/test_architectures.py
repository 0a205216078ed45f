"""What every architecture of the registry holds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from search_spaces import ARCHITECTURES, Architecture, Hyperparameters
from search_spaces.architectures import ArchitectureError, architecture_of
from search_spaces.network_names import HEADS, NORMALIZATIONS, OPTIONS
from search_spaces.perceptron import layer_sizes


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return ARCHITECTURES[request.param]


def trial_of(architecture: Architecture, **changes: Any) -> Hyperparameters:
    """A small network of an architecture."""
    channels = (3, 5, 4) if "channels" in architecture.options else ()
    return Hyperparameters(hidden=(8, 6), channels=channels, **changes)


def input_shape(architecture: Architecture) -> tuple[int, ...]:
    return (2, 9, 7) if architecture.inputs == "images" else (4,)


def built(architecture: Architecture, trial: Hyperparameters) -> nn.Module:
    return architecture.build(trial, input_shape(architecture), 3, nn.Tanh, lambda: nn.Dropout(trial.dropout))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_it_has_an_activation_behind_every_hidden_layer_and_dropout_where_there_is_a_rate(
    architecture: Architecture, dropout: float, normalization: str
) -> None:
    made: list[nn.Module] = []

    def place(kind: type[nn.Module]) -> nn.Module:
        made.append(kind())
        return made[-1]

    trial, shape = trial_of(architecture, dropout=dropout, normalization=normalization), input_shape(architecture)
    network = architecture.build(trial, shape, 3, lambda: place(nn.Tanh), lambda: place(nn.Dropout))
    assert network(torch.zeros(5, *shape)).shape == (5, 3)
    assert [module for module in network.modules() if module in made] == made
    assert sum(isinstance(module, nn.Tanh) for module in made) == trial.layers
    assert sum(isinstance(module, nn.Dropout) for module in made) == (trial.layers if dropout else 0)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_every_activation_is_normalized_before(architecture: Architecture, normalization: str) -> None:
    """Pre-activations have mean 0 and variance 1: of each unit over a batch, or of each sample over its units."""
    trial = trial_of(architecture, normalization=normalization)
    network = built(architecture, trial).double()
    inputs: list[torch.Tensor] = []
    for module in network.modules():
        if isinstance(module, nn.Tanh):
            module.register_forward_hook(lambda module, args, output: inputs.append(args[0]))
    network(3.0 + 5.0 * torch.randn(40, *input_shape(architecture), dtype=torch.float64))
    assert len(inputs) == trial.layers
    for z in inputs:
        values = z.transpose(0, 1).flatten(1) if normalization == "batch" else z.flatten(1)
        usual = torch.ones(len(values), dtype=z.dtype)
        torch.testing.assert_close(values.mean(1), 0 * usual, rtol=0, atol=1e-6)
        torch.testing.assert_close(values.std(1, correction=0), usual, rtol=0.1, atol=0)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_the_shift_of_a_normalization_starts_at_the_bias(architecture: Architecture, normalization: str) -> None:
    """A bias before it would be undone."""
    network = built(architecture, trial_of(architecture, normalization=normalization, bias=0.3))
    kinds = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
    norms = [each for each in network.modules() if isinstance(each, kinds)]
    assert norms
    assert all(bool((each.bias == 0.3).all()) for each in norms)


def test_an_architecture_is_found_by_its_name_and_the_nearest_one_is_offered(architecture: Architecture) -> None:
    assert architecture_of(architecture.name) is architecture
    with pytest.raises(ArchitectureError, match=f"unknown network '{architecture.name}x'; did you mean"):
        architecture_of(f"{architecture.name}x")


def test_its_options_are_known(architecture: Architecture) -> None:
    assert architecture.options.keys() <= set(OPTIONS)


def test_the_multilayer_perceptron_reads_images_as_rows() -> None:
    network = ARCHITECTURES["mlp"].build(Hyperparameters(hidden=(8,)), (2, 5, 5), 3, nn.ReLU, nn.Dropout)
    assert network(torch.zeros(7, 2, 5, 5)).shape == (7, 3)
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert [(each.in_features, each.out_features) for each in linear] == layer_sizes((8,), 50, 3) == [(50, 8), (8, 3)]


def test_a_residual_layer_adds_its_input_where_the_widths_are_equal() -> None:
    trial = Hyperparameters(hidden=(6, 6, 4), residual=True)
    network = ARCHITECTURES["mlp"].build(trial, (6,), 3, nn.Tanh, nn.Dropout)
    first, second, third, last = (module for module in network.modules() if isinstance(module, nn.Linear))
    x = torch.randn(5, 6)
    h = first(x).tanh()
    torch.testing.assert_close(network(x), last(third(h + second(h).tanh()).tanh()))


@pytest.mark.parametrize(("channels", "side"), [((3,), 4), ((3, 5), 2), ((3, 5, 4, 4), 2)])
@pytest.mark.parametrize("head", HEADS)
def test_a_convolutional_network_pools_behind_its_first_two_blocks_only(
    channels: tuple[int, ...], side: int, head: str
) -> None:
    trial = Hyperparameters(hidden=(7,), channels=channels, head=head, normalization="batch")
    network = ARCHITECTURES["cnn"].build(trial, (2, 9, 8), 3, nn.ReLU, nn.Dropout)
    kinds = [type(module) for module in network.children()]
    assert kinds.count(nn.MaxPool2d) == min(2, len(channels))
    assert kinds.count(nn.Conv2d) == kinds.count(nn.BatchNorm2d) == len(channels)
    first_dense = next(module for module in network.modules() if isinstance(module, nn.Linear))
    assert first_dense.in_features == channels[-1] * (1 if head == "average" else side * side)


def test_images_too_small_to_be_pooled_keep_their_size() -> None:
    trial = Hyperparameters(hidden=(7,), channels=(3, 5, 4), normalization="batch")
    network = ARCHITECTURES["cnn"].build(trial, (1, 2, 3), 4, nn.ReLU, nn.Dropout)
    assert network(torch.zeros(5, 1, 2, 3)).shape == (5, 4)
