"""What every architecture of the registry holds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from search_spaces import ARCHITECTURES, Architecture, Hyperparameters
from search_spaces.architectures import ArchitectureError, architecture_of, layer_sizes


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return ARCHITECTURES[request.param]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_it_has_an_activation_behind_every_hidden_layer_and_dropout_where_there_is_a_rate(
    architecture: Architecture, dropout: float
) -> None:
    made: list[nn.Module] = []

    def place(kind: type[nn.Module]) -> nn.Module:
        made.append(kind())
        return made[-1]

    trial = Hyperparameters(hidden=(8, 6), dropout=dropout)
    network = architecture.build(trial, (4,), 3, lambda: place(nn.Tanh), lambda: place(nn.Dropout))
    assert network(torch.zeros(5, 4)).shape == (5, 3)
    assert [module for module in network.modules() if module in made] == made
    assert sum(isinstance(module, nn.Tanh) for module in made) == 2
    assert sum(isinstance(module, nn.Dropout) for module in made) == (2 if dropout else 0)


def test_an_architecture_is_found_by_its_name_and_the_nearest_one_is_offered(architecture: Architecture) -> None:
    assert architecture_of(architecture.name) is architecture
    with pytest.raises(ArchitectureError, match=f"unknown network '{architecture.name}x'; did you mean"):
        architecture_of(f"{architecture.name}x")


def test_the_multilayer_perceptron_reads_images_as_rows() -> None:
    network = ARCHITECTURES["mlp"].build(Hyperparameters(hidden=(8,)), (2, 5, 5), 3, nn.ReLU, nn.Dropout)
    assert network(torch.zeros(7, 2, 5, 5)).shape == (7, 3)
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert [(each.in_features, each.out_features) for each in linear] == layer_sizes((8,), 50, 3) == [(50, 8), (8, 3)]
