"""Passes of a network over a part of the data in eval mode: predictions, losses, gradient norms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from study.tasks import Task
from study.training.engines.base import EVALUATION_ROWS, MEASURED_SAMPLES
from study.training.engines.modules.network_layers import Layers
from study.training.engines.modules.places import SearchedActivation, clamped_places, unit_rows
from study.training.measures import ZeroCount
from study.training.sampled import sampled_rows
from study.training.scores import Evaluated


@dataclass(frozen=True, eq=False)
class Samples:
    """One part of the data on the device.

    Attributes:
        x: `[N, ...]` features.
        y: `[N]` targets.
        weights: `[N]` float64 sample weights; None where all count the same.
        loss_weights: `[N]` float64 weights in the loss of training, 1 on average; None where all count the same.
        channels_last: Whether `x` are images whose channels lie side by side in memory.
    """

    x: Tensor
    y: Tensor
    weights: Tensor | None = None
    loss_weights: Tensor | None = None
    channels_last: bool = False

    def __len__(self) -> int:
        return len(self.y)

    def batch(self, chosen: Tensor) -> Tensor:
        """`[n, ...]` features of some samples; images stay channels last where they are."""
        if self.channels_last:
            return self.x.permute(0, 2, 3, 1)[chosen].permute(0, 3, 1, 2)
        return self.x[chosen]

    def sample(self, most: int) -> Samples:
        """So many of the samples, by `sampled_rows`, without weights for training; all where there are no more."""
        if len(self) <= most:
            return self
        rows = sampled_rows(len(self), most).to(self.x.device)
        weights = None if self.weights is None else self.weights[rows]
        return Samples(self.batch(rows), self.y[rows], weights, channels_last=self.channels_last)

    def chunks(self, limit: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Features and targets of one chunk of rows after the other, over the first `limit` samples."""
        return zip(
            torch.split(self.x[:limit], EVALUATION_ROWS), torch.split(self.y[:limit], EVALUATION_ROWS), strict=True
        )


def evaluate(network: nn.Module, task: Task, samples: Samples) -> Evaluated:
    """Predictions and mean loss on a part of the data, as of a stack of one network."""
    network.eval()
    return evaluate_outputs(lambda x: network(x)[None], task, samples)


def evaluate_outputs(outputs_of: Callable[[Tensor], Tensor], task: Task, samples: Samples) -> Evaluated:
    """Predictions and mean losses of S networks on a part of the data.

    Args:
        outputs_of: `[S, N, C]` their outputs in eval mode for `[N, ...]` features.
        task: What is learned.
        samples: The part.
    """
    predictions, probabilities, losses = [], [], []
    of_probabilities = task.judges_probabilities
    weights = samples.weights
    of_chunks = iter([None] * len(samples) if weights is None else torch.split(weights, EVALUATION_ROWS))
    with torch.no_grad():
        for x, y in samples.chunks():
            outputs = outputs_of(x)
            predictions.append(task.predict(outputs))
            if of_probabilities:
                probabilities.append(task.respond(outputs))
            of_samples, of_chunk = task.sample_losses(outputs, task.encode(y, outputs.shape[2])), next(of_chunks)
            weighted = of_samples if of_chunk is None else of_samples * of_chunk
            losses.append(weighted.sum(1, dtype=torch.float64))
    return Evaluated(
        predictions=torch.cat(predictions, 1),
        loss=torch.stack(losses).sum(0) / (len(samples) if weights is None else weights.sum()),
        y=samples.y,
        weights=weights,
        probabilities=torch.cat(probabilities, 1) if of_probabilities else None,
    )


def evaluate_clamped(
    network: nn.Module, task: Task, layers: Layers, samples: Samples, thresholds: Sequence[float]
) -> Evaluated:
    """As `evaluate`, of the clamped network, with the zeros of its layers.

    Args:
        network: The network as it was trained.
        task: What is learned.
        layers: Its layers.
        samples: The part.
        thresholds: The threshold of each hidden layer.
    """
    counts = [ZeroCount() for _ in layers.places]

    def counting(count: ZeroCount) -> Callable[[SearchedActivation, tuple[Tensor, ...], Tensor], None]:
        return lambda module, inputs, output: count.add(unit_rows(output, module.unit_axis)[None])

    with clamped_places(layers.places, thresholds):
        hooks = [
            place.register_forward_hook(counting(count)) for place, count in zip(layers.places, counts, strict=True)
        ]
        try:
            found = evaluate(network, task, samples)
        finally:
            for hook in hooks:
                hook.remove()
    return replace(found, zeros=[count.share() for count in counts])


def gradient_norms(network: nn.Module, task: Task, layers: Layers, samples: Samples) -> list[Tensor]:
    """`[1]` Frobenius norm of the mean loss' gradient with respect to each layer's weights, without dropout."""
    weights = [weight for of_layer in layers.weights for weight in of_layer]
    totals = [torch.zeros_like(weight) for weight in weights]
    count = min(len(samples), MEASURED_SAMPLES)
    network.eval()
    for x, y in samples.chunks(MEASURED_SAMPLES) if weights else ():
        loss = task.judging.loss(network(x), y) * (len(y) / count)
        # In eval mode a layer may be left out, as one whose outputs serve training alone.
        for total, gradient in zip(totals, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
            if gradient is not None:
                total += gradient
    squares = iter([total.double().square().sum() for total in totals])
    nothing = torch.zeros((), dtype=torch.float64, device=samples.x.device)
    return [sum((next(squares) for _ in of_layer), nothing).sqrt()[None] for of_layer in layers.weights]
