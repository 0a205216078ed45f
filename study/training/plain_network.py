"""Networks of plain torch modules, as they are kept and exported."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.architectures import Architecture
from search_spaces.perceptron import Residual
from study.training.engines.base import EVALUATION_ROWS
from study.training.outcome import CLAMP_THRESHOLD, Replicate


def plain_network(
    architecture: Architecture,
    hyperparameters: Hyperparameters,
    input_shape: tuple[int, ...],
    outputs: int,
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """An untrained network of an architecture, with torch's own activation and dropout modules, in eval mode.

    Args:
        architecture: What is built.
        hyperparameters: Activation, slope, dropout rate and widths.
        input_shape: Shape of one sample's features.
        outputs: C, number of outputs.
        dtype: Of its parameters.

    Example:
        >>> from search_spaces.architectures import ARCHITECTURES
        >>> plain_network(ARCHITECTURES["mlp"], Hyperparameters(hidden=(8,)), (4,), 3)
        Sequential(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): ReLU()
          (2): Linear(in_features=8, out_features=3, bias=True)
        )
    """
    activation = ACTIVATIONS[hyperparameters.activation]
    network = architecture.build(
        hyperparameters,
        input_shape,
        outputs,
        lambda: activation.module(hyperparameters.negative_slope),
        lambda: nn.Dropout(hyperparameters.dropout),
    )
    return network.to(dtype).eval()


def outputs_of(network: nn.Module, x: Tensor) -> Tensor:
    """`[N, C]` outputs for `[N, *input_shape]` samples; of images some at a time, so that memory stays bounded."""
    return network(x) if x.dim() < 3 else torch.cat([network(part) for part in torch.split(x, EVALUATION_ROWS)])


def clamped_network(network: nn.Module, measured: Replicate) -> nn.Sequential:
    """The clamped network of one that was trained: see `with_thresholds`.

    Args:
        network: An `nn.Sequential`, as the architecture `mlp` builds it.
        measured: Its result, with the thresholds of its layers: it did not diverge.
    """
    assert isinstance(network, nn.Sequential)
    return with_thresholds(network, [layer[CLAMP_THRESHOLD] for layer in measured.layers[:-1]])


def with_thresholds(network: nn.Sequential, thresholds: Sequence[float]) -> nn.Sequential:
    """A network with `nn.Hardshrink` after every activation; parameters are shared.

    Args:
        network: Its layers; those of a residual connection lie inside.
        thresholds: For each activation, the magnitude up to which its outputs are set to 0.

    Example:
        >>> with_thresholds(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), [0.01])
        Sequential(
          (0): Linear(in_features=4, out_features=8, bias=True)
          (1): ReLU()
          (2): Hardshrink(0.01)
          (3): Linear(in_features=8, out_features=3, bias=True)
        )
    """
    left = list(thresholds)
    clamped = _behind_activations(network, left)
    if left:
        raise ValueError(f"{len(thresholds)} thresholds for {len(thresholds) - len(left)} activations; give one each")
    return clamped.train(network.training)


def _behind_activations(network: nn.Sequential, left: list[float]) -> nn.Sequential:
    """A copy whose activations are followed by `nn.Hardshrink` at the next of the thresholds that are left."""
    kinds = tuple({type(activation.module(0.0)) for activation in ACTIVATIONS.values()})
    layers: list[nn.Module] = []
    for module in network:
        layers.append(_behind_activations(module, left) if isinstance(module, Residual) else module)
        if isinstance(module, kinds):
            layers.append(nn.Hardshrink(left.pop(0)))
    return type(network)(*layers)
