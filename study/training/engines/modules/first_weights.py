"""The network of one slot before training: built, and initialized by the searched rule."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces import INITIALIZATIONS, Hyperparameters
from search_spaces.architectures import Architecture
from study.training.engines.modules.places import SearchedActivation, SearchedDropout, WeightLayer, weight_layers
from study.training.engines.modules.torch_generator import seeded
from study.training.start import LSUV_SAMPLES, draws, initial_layer
from study.training.streams import Streams


def build(
    architecture: Architecture,
    hyperparameters: Hyperparameters,
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    torch_seed: int = 0,
) -> nn.Module:
    """A float64 network with searched places; its parameters are drawn from torch's generator.

    Args:
        architecture: What is built.
        hyperparameters: Activation, slope, dropout rate and widths.
        input_shape: Shape of one sample's features.
        outputs: C, number of outputs.
        torch_seed: Seed of torch's generator while the network is built.
    """
    with seeded(torch_seed):
        network = architecture.build(
            hyperparameters,
            input_shape,
            outputs,
            lambda: SearchedActivation(hyperparameters),
            lambda: SearchedDropout(hyperparameters.dropout),
        )
    return network.double()


def start_network(
    architecture: Architecture,
    hyperparameters: Hyperparameters,
    samples: Tensor,
    outputs: int,
    streams: Streams,
    replicate: int,
) -> nn.Module:
    """A float64 network before training, in training mode.

    The weights and biases of linear layers and convolutions follow the searched initialization, on the study's draws,
    but those whose weights are frozen or parametrized;
    other parameters keep the values that torch gives them, the same for all trials of a replicate.

    Args:
        architecture: What is built.
        hyperparameters: Initialization, activation, slope, dropout rate and widths.
        samples: `[N, *input_shape]` training samples in the replicate's order; only LSUV reads them.
        outputs: C, number of outputs.
        streams: The study's random numbers.
        replicate: Whose streams are used.
    """
    network = build(
        architecture,
        hyperparameters,
        tuple(samples.shape[1:]),
        outputs,
        torch_seed=streams.torch_seed(replicate),
    )
    layers = weight_layers(network)
    normals = draws([(layer.weight[0].numel(), layer.weight.shape[0]) for layer in layers], streams, replicate)
    with torch.no_grad():
        for layer, normal in zip(layers, normals, strict=True):
            weight, bias = initial_layer(
                hyperparameters, normal, positions=layer.weight[0, 0].numel(), last=layer is layers[-1]
            )
            layer.weight.copy_(weight.T.reshape(layer.weight.shape))
            if layer.bias is not None:
                layer.bias.copy_(bias)
        if INITIALIZATIONS[hyperparameters.initialization].unit_variance:
            user = architecture.user
            of_float32 = user is not None and not user.check(tuple(samples.shape[1:]), outputs).takes_float64
            dtype = torch.float32 if of_float32 else torch.float64
            _to_unit_variance(network.to(dtype), samples[:LSUV_SAMPLES].to(dtype))
            network.double()
    return network.train()


def _to_unit_variance(network: nn.Module, samples: Tensor) -> None:
    """Divides the weights of each layer by the deviation of its outputs, layer by layer in the order of execution."""
    network.eval()
    done: set[nn.Module] = set()

    def rescale(layer: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor], output: Tensor) -> Tensor:
        assert isinstance(layer, WeightLayer)
        if layer in done:
            return output
        done.add(layer)
        deviation = output.std(correction=0)
        if deviation > 0:
            layer.weight /= deviation
        # Not the module itself, whose hook this is.
        return layer.forward(*inputs, **named)

    handles = [layer.register_forward_hook(rescale, with_kwargs=True) for layer in weight_layers(network)]
    network(samples)
    for handle in handles:
        handle.remove()
