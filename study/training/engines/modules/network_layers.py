"""The layers of a network, in the order of execution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from search_spaces.user_networks import is_initialized
from study.training.engines.modules.first_weights import build
from study.training.engines.modules.places import (
    SearchedActivation,
    WeightLayer,
    activation_places,
    recorded_calls,
    weight_layers,
)


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers of a network in the order of execution; every searched activation ends a hidden layer.

    Attributes:
        places: The activation of each hidden layer.
        weights: The weights that are applied in each layer; those after the last place are the output layer's.
        shapes: Positions and units of each hidden layer; without positions there is one.
    """

    places: list[SearchedActivation]
    weights: list[list[Tensor]]
    shapes: list[tuple[int, int]]

    @classmethod
    def of(cls, network: nn.Module, x: Tensor) -> Layers:
        """Finds the layers in a forward pass of a sample in eval mode, and the axis of the units of each place.

        Units are channels where the last weights before a place are a convolution's, else the last axis.
        """
        places: list[SearchedActivation] = []
        weights: list[list[Tensor]] = [[]]
        shapes: list[tuple[int, int]] = []
        of_images = x.dim() > 3
        seen: set[nn.Module] = set()
        # Frozen layers and parametrized ones have no weights here, and yet say what units are.
        others = [each for each in network.modules() if isinstance(each, WeightLayer) and not is_initialized(each)]
        with (
            torch.no_grad(),
            recorded_calls(*weight_layers(network), *others, *activation_places(network)) as calls,
        ):
            network.eval()(x[:1])
        for module, _, output in calls:
            if module in seen:
                continue
            seen.add(module)
            if isinstance(module, SearchedActivation):
                module.unit_axis = 1 if of_images else -1
                units = output.shape[module.unit_axis]
                places.append(module)
                shapes.append((output.numel() // units, units))
                weights.append([])
            elif isinstance(module, WeightLayer):
                of_images = not isinstance(module, nn.Linear)
                weights[-1] += [module.weight] if is_initialized(module) else []
        return cls(places, weights, shapes)


def place_paths(
    architecture: Architecture, hyperparameters: Hyperparameters, input_shape: tuple[int, ...], outputs: int
) -> list[str]:
    """The path of the activation of each hidden layer in a trial's network, in the order of execution.

    Args:
        architecture: What is built.
        hyperparameters: The trial.
        input_shape: Shape of one sample's features.
        outputs: C, number of outputs.

    Example:
        >>> from search_spaces import ARCHITECTURES
        >>> place_paths(ARCHITECTURES["mlp"], Hyperparameters(hidden=(8, 8)), (4,), 3)
        ['1', '3']
    """
    network = build(architecture, hyperparameters, input_shape, outputs).float()
    paths = {module: path for path, module in network.named_modules()}
    places = Layers.of(network, torch.zeros(1, *input_shape)).places
    return [paths[place] for place in places]
