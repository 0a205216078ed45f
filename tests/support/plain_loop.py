"""One multilayer perceptron trained with `torch.nn`, autograd and `torch.optim`, on a study's random numbers.

The oracle of every engine: it shares with them the streams and the first weights, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.perceptron import layer_sizes
from study.data.split import Part
from study.training.budget import Budget
from study.training.start import draws, initial_parameters
from study.training.streams import Streams

LossFunction = Callable[[Tensor, Tensor], Tensor]


class StreamDropout(nn.Module):
    """Inverted dropout whose mask comes from a stream instead of torch's global generator.

    Attributes:
        generator: Yields the uniforms of the next training passes.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator = np.random.default_rng(0)

    def forward(self, h: Tensor) -> Tensor:
        """`[N, F]` in, `[N, F]` out, or images `[N, C, H, W]`, drawn channels last; the identity in eval mode."""
        if not self.training:
            return h
        last = h.movedim(1, -1)
        uniforms = torch.from_numpy(self.generator.random(tuple(last.shape), dtype="float32")).movedim(-1, 1)
        return h * (uniforms >= self.rate) / (1.0 - self.rate)


class StreamRReLU(nn.Module):
    """Randomized leaky ReLU (Xu et al. 2015) whose slopes come from a stream instead of torch's global generator.

    Args:
        low: Smallest slope.
        high: Largest slope.

    Attributes:
        generator: Yields the uniforms of the next training passes.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high
        self.generator = np.random.default_rng(0)

    def forward(self, z: Tensor) -> Tensor:
        """`[N, F]` in, `[N, F]` out, or images `[N, C, H, W]`, drawn channels last; torch's own layer in eval mode."""
        if not self.training:
            return nn.functional.rrelu(z, self.low, self.high, training=False)
        last = z.movedim(1, -1)
        uniforms = torch.from_numpy(self.generator.random(tuple(last.shape), dtype="float32")).movedim(-1, 1)
        return z * torch.where(z > 0, 1.0, self.low + (self.high - self.low) * uniforms.to(z.dtype))


def plain_activation(hyperparameters: Hyperparameters) -> nn.Module:
    """Torch's own layer, float64; where its slopes are drawn, the same with those of a stream."""
    activation = ACTIVATIONS[hyperparameters.activation]
    if activation.drawn_slope is not None:
        return StreamRReLU(*activation.drawn_slope)
    return activation.module(hyperparameters.negative_slope).double()


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
            layers += [plain_activation(hyperparameters).to(weight.dtype), StreamDropout(hyperparameters.dropout)]
    return nn.Sequential(*layers)


def fit_plain(
    hyperparameters: Hyperparameters,
    training: Part,
    classes: int,
    budget: Budget,
    streams: Streams,
    *,
    replicate: int = 0,
    dtype: torch.dtype = torch.float32,
    loss_function: LossFunction = nn.functional.cross_entropy,
    seen: Callable[[int], Part] | None = None,
) -> nn.Sequential:
    """Trains one multilayer perceptron.

    Args:
        hyperparameters: The trial.
        training: Training part.
        classes: C of the data.
        budget: Epochs, batch size, optimizer.
        streams: The study's random numbers.
        replicate: Whose streams to use.
        dtype: float32 or float64.
        loss_function: Of `[N, C]` outputs and the targets of their rows.
        seen: The samples of an epoch, in the order of the training part; None: the training part.

    Returns:
        The trained network, in eval mode.
    """
    x, count = training.x.to(dtype), len(training)
    sizes = layer_sizes(hyperparameters.hidden, x.shape[1], classes)
    start = initial_parameters(
        hyperparameters, draws(sizes, streams, replicate), x[torch.from_numpy(streams.order(replicate, 0, count))]
    )
    network = build(hyperparameters, [(weight.to(dtype), bias.to(dtype)) for weight, bias in start])
    activations = [module for module in network if not isinstance(module, nn.Linear | StreamDropout)]
    train_alone(
        network,
        activations,
        hyperparameters,
        training,
        budget,
        streams,
        replicate=replicate,
        loss_function=loss_function,
        seen=seen,
    )
    return network


def train_alone(
    network: nn.Module,
    activations: Sequence[nn.Module],
    hyperparameters: Hyperparameters,
    training: Part,
    budget: Budget,
    streams: Streams,
    *,
    replicate: int = 0,
    loss_function: LossFunction = nn.functional.cross_entropy,
    seen: Callable[[int], Part] | None = None,
) -> list[float]:
    """Trains a network in place, from the parameters that it has, and leaves it in eval mode.

    Args:
        network: Any module with `StreamDropout`s, each used once in a pass.
        activations: Those of its modules whose outputs the penalties are on.
        hyperparameters: Learning rate, weight decay and penalty.
        training: Training part.
        budget: Epochs, batch size, optimizer.
        streams: The study's random numbers.
        replicate: Whose streams to use.
        loss_function: Of `[N, C]` outputs and the targets of their rows.
        seen: The samples of an epoch, in the order of the training part; None: the training part.

    Returns:
        Mean training loss of each epoch, dropout on, without the penalty.
    """
    dtype = next(network.parameters()).dtype
    count = len(training)
    slopes = [p for module in network.modules() if isinstance(module, nn.PReLU) for p in module.parameters()]
    others = [p for p in network.parameters() if not any(p is slope for slope in slopes)]
    groups = [{"params": others, "weight_decay": hyperparameters.weight_decay}, {"params": slopes, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    optimizer: torch.optim.Optimizer
    if budget.optimizer == "adam":
        optimizer = torch.optim.Adam(groups, lr=hyperparameters.learning_rate)
    else:
        optimizer = torch.optim.SGD(groups, lr=hyperparameters.learning_rate, momentum=0.9)
    outputs: list[Tensor] = []
    for module in activations:
        module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    dropouts = [module for module in network.modules() if isinstance(module, StreamDropout)]
    drawing = [module for module in network.modules() if isinstance(module, StreamRReLU)]
    curve = []
    for epoch in range(budget.epochs):
        for layer, dropout in enumerate(dropouts):
            dropout.generator = streams.dropout(replicate, layer, epoch)
        for layer, activation in enumerate(drawing):
            activation.generator = streams.slopes(replicate, layer, epoch)
        part, losses = training if seen is None else seen(epoch), 0.0
        x = part.x.to(dtype)
        for chosen in torch.split(torch.from_numpy(streams.order(replicate, epoch, count)), budget.batch_size):
            outputs.clear()
            loss = loss_function(network(x[chosen]), part.y[chosen])
            losses += float(loss.detach()) * len(chosen)
            for a in outputs:
                loss = loss + hyperparameters.l1 * a.abs().sum() / len(chosen)
                loss = loss + hyperparameters.l2 * a.square().sum() / len(chosen)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        curve.append(losses / count)
    network.eval()
    return curve
