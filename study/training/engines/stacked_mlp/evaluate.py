"""What a trained stack gives in eval mode: scores, layer measures, gradient norms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from study.training.engines.base import MEASURED_SAMPLES
from study.training.engines.stacked_mlp.hidden_layers import HiddenLayers
from study.training.engines.stacked_mlp.padded_samples import Samples
from study.training.engines.stacked_mlp.stack import Buffers, Stack
from study.training.measures import ZeroCount, measured_at_once
from study.training.outcome import CLAMP_THRESHOLD
from study.training.scores import Evaluated, LayerMeasures

RecordedPass = tuple[Evaluated, HiddenLayers]
"""What a pass over a part gave, with the hidden layers as it went through them."""


def predict(stack: Stack, samples: Samples) -> Tensor:
    """`[S, n]` predictions."""
    outputs = stack.sizes[-1][1]
    chunks = [stack.task.predict(buffers.z[-1][:, :, :outputs]) for buffers, *_ in _passes(stack, samples)]
    return torch.cat(chunks, 1)[:, : len(samples)]


def evaluate(
    stack: Stack, samples: Samples, thresholds: Sequence[Tensor] | None = None, *, hidden: HiddenLayers | None = None
) -> Evaluated:
    """Predictions and mean loss of one pass, of the clamped networks with the zeros of their layers.

    Args:
        stack: The networks as they were trained.
        samples: The part.
        thresholds: `[S, 1, 1]` for each hidden layer: see `Stack.forward`; None: the networks are not clamped.
        hidden: Is given the activations of the same pass.
    """
    predictions, probabilities, losses = [], [], []
    of_probabilities = stack.task.judges_probabilities
    weights, done = samples.weights, 0
    widths = [] if thresholds is None else [width for _, width in stack.sizes[:-1]]
    counts = [ZeroCount() for _ in widths]
    for buffers, targets, rows in _passes(stack, samples, thresholds):
        if hidden is not None:
            hidden.add(buffers, rows)
        for count, a, width in zip(counts, buffers.a, widths, strict=bool(counts)):
            count.add(a[:, :rows, :width])
        outputs = buffers.z[-1][:, :, : targets.shape[1]]
        predictions.append(stack.task.predict(outputs))
        if of_probabilities:
            probabilities.append(stack.task.respond(outputs))
        of_samples = stack.task.sample_losses(outputs, targets)
        # Padding is cleared and not cut off: a sum of another length may be rounded differently.
        of_samples[:, rows:] = 0.0
        if weights is not None:
            of_samples = of_samples.double()
            of_samples[:, :rows] *= weights[done : done + rows]
            done += rows
        losses.append(of_samples.sum(1, dtype=torch.float64))
    return Evaluated(
        predictions=torch.cat(predictions, 1)[:, : len(samples)],
        loss=torch.stack(losses).sum(0) / (len(samples) if weights is None else weights.sum()),
        y=samples.y,
        weights=weights,
        probabilities=torch.cat(probabilities, 1)[:, : len(samples)] if of_probabilities else None,
        zeros=[count.share() for count in counts],
    )


def _passes(
    stack: Stack, samples: Samples, thresholds: Sequence[Tensor] | None = None
) -> Iterator[tuple[Buffers, Tensor, int]]:
    """The buffers, `[N, C]` targets and the number of rows without padding, chunk by chunk, in eval mode."""
    outputs = stack.sizes[-1][1]
    for start, stop in samples.chunks():
        buffers = stack.forward(samples.x[start:stop], thresholds=thresholds)
        yield buffers, samples.targets[start:stop, :outputs], min(stop, len(samples)) - start


def gradient_norms(stack: Stack, samples: Samples) -> list[Tensor]:
    """`[S]` Frobenius norm of the mean loss' gradient with respect to each layer's weights, without dropout."""
    count = min(len(samples), MEASURED_SAMPLES)
    chunks = samples.chunks(MEASURED_SAMPLES)
    total = stack.gradients[0] if len(chunks) == 1 else [torch.zeros_like(weight) for weight in stack.weights]
    for start, stop in chunks:
        x = samples.x[start:stop]
        row_weights = torch.zeros(stop - start, dtype=x.dtype, device=x.device)
        row_weights[: max(0, count - start)] = 1.0 / count
        buffers = stack.forward(x)
        stack.backward(x, buffers, samples.targets[start:stop], row_weights, penalty=False)
        if len(chunks) > 1:
            torch._foreach_add_(total, stack.gradients[0])
    return [_norms(gradient) for gradient in total]


def _norms(gradient: Tensor) -> Tensor:
    """`[S]` float64 norms of `[S, F_in, F_out]`; of few slots at a time, whose squares stay in the cache."""
    at_once = max(1, measured_at_once(gradient.device.type) // gradient[0].numel())
    return torch.cat([part.double().square_().sum((1, 2)) for part in torch.split(gradient, at_once)]).sqrt()


def clamp_thresholds(stack: Stack, layers: Sequence[Sequence[LayerMeasures]]) -> list[Tensor]:
    """`[S, 1, 1]` threshold of each hidden layer, from the measures of every slot's hidden layers."""
    weight = stack.weights[0]
    return [
        torch.tensor([layer[CLAMP_THRESHOLD] for layer in of_slots], dtype=weight.dtype, device=weight.device).reshape(
            -1, 1, 1
        )
        for of_slots in zip(*layers, strict=True)
    ]


def recorded_pass(stack: Stack, samples: Samples) -> RecordedPass:
    """One pass over a part for scores and measures of layers."""
    hidden = HiddenLayers(stack, samples)
    return evaluate(stack, samples, hidden=hidden), hidden
