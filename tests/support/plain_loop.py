"""One multilayer perceptron trained with `torch.nn`, autograd and `torch.optim`, on a study's random numbers.

The oracle of every engine: it shares with them the streams and the first weights, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.architectures import layer_sizes
from study.data.split import Part
from study.training.budget import MOMENTUM, Budget
from study.training.start import draws, initial_parameters
from study.training.streams import Streams


class StreamDropout(nn.Module):
    """Inverted dropout whose mask comes from given uniforms instead of torch's global generator.

    Attributes:
        uniforms: `[N, F]` draws of the next training pass.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.uniforms = torch.empty(0)

    def forward(self, h: Tensor) -> Tensor:
        """`[N, F]` in, `[N, F]` out; the identity in eval mode."""
        if not self.training:
            return h
        return h * (self.uniforms >= self.rate) / (1.0 - self.rate)


def build(hyperparameters: Hyperparameters, parameters: Sequence[tuple[Tensor, Tensor]]) -> nn.Sequential:
    """The network as a plain `nn.Sequential` of Linear, activation, dropout.

    Args:
        hyperparameters: Activation, slope, dropout rate.
        parameters: `[F_in, F_out]` weights and `[F_out]` biases of each layer.
    """
    layers: list[nn.Module] = []
    for index, (weight, bias) in enumerate(parameters):
        linear = nn.Linear(weight.shape[0], weight.shape[1], dtype=weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias)
        layers.append(linear)
        if index < len(parameters) - 1:
            activation = ACTIVATIONS[hyperparameters.activation].module(hyperparameters.negative_slope)
            layers += [activation.to(weight.dtype), StreamDropout(hyperparameters.dropout)]
    return nn.Sequential(*layers)


def fit_solo(
    hyperparameters: Hyperparameters,
    training: Part,
    classes: int,
    budget: Budget,
    streams: Streams,
    *,
    replicate: int = 0,
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """Trains one slot with autograd and `torch.optim`.

    Args:
        hyperparameters: The trial.
        training: Training part.
        classes: C of the data.
        budget: Epochs, batch size, optimizer.
        streams: The study's random numbers.
        replicate: Whose streams to use.
        dtype: float32 or float64.

    Returns:
        The trained network, in eval mode.
    """
    x, count = training.x.to(dtype), len(training)
    sizes = layer_sizes(hyperparameters.hidden, x.shape[1], classes)
    start = initial_parameters(
        hyperparameters, draws(sizes, streams, replicate), x[torch.from_numpy(streams.order(replicate, 0, count))]
    )
    network = build(hyperparameters, [(weight.to(dtype), bias.to(dtype)) for weight, bias in start])
    slopes = [p for module in network if isinstance(module, nn.PReLU) for p in module.parameters()]
    others = [p for module in network if isinstance(module, nn.Linear) for p in module.parameters()]
    groups = [{"params": others, "weight_decay": hyperparameters.weight_decay}, {"params": slopes, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    optimizer: torch.optim.Optimizer
    if budget.optimizer == "adam":
        optimizer = torch.optim.Adam(groups, lr=hyperparameters.learning_rate)
    else:
        optimizer = torch.optim.SGD(groups, lr=hyperparameters.learning_rate, momentum=MOMENTUM)
    activations: list[Tensor] = []
    for module in network:
        if not isinstance(module, nn.Linear | StreamDropout):
            module.register_forward_hook(lambda module, inputs, output: activations.append(output))
    dropouts = [module for module in network if isinstance(module, StreamDropout)]
    for epoch in range(budget.epochs):
        generators = [streams.dropout(replicate, layer, epoch) for layer in range(len(dropouts))]
        for chosen in torch.split(torch.from_numpy(streams.order(replicate, epoch, count)), budget.batch_size):
            for generator, dropout, width in zip(generators, dropouts, hyperparameters.hidden, strict=True):
                dropout.uniforms = torch.from_numpy(generator.random((len(chosen), width), dtype="float32"))
            activations.clear()
            loss = nn.functional.cross_entropy(network(x[chosen]), training.y[chosen])
            for a in activations:
                loss = loss + hyperparameters.l1 * a.abs().sum() / len(chosen)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    return network.eval()
