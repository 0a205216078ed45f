"""What a trained stack gives in eval mode: scores, layer measures, gradient norms."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from study.training.engines.base import MEASURED_SAMPLES
from study.training.engines.stacked_mlp.padded_samples import Samples
from study.training.engines.stacked_mlp.plan import measured_at_once
from study.training.engines.stacked_mlp.stack import Run, Stack, padded
from study.training.measures import stacked_measures
from study.training.scores import Evaluated


def predict(stack: Stack, samples: Samples) -> Tensor:
    """`[S, n]` predictions."""
    return torch.cat([stack.task.predict(outputs) for outputs, *_ in _outputs(stack, samples)], 1)[:, : len(samples)]


def evaluate(stack: Stack, samples: Samples) -> Evaluated:
    """Predictions and mean loss of one pass."""
    predictions, losses = [], []
    for outputs, targets, rows in _outputs(stack, samples):
        predictions.append(stack.task.predict(outputs))
        of_samples = stack.task.sample_losses(outputs, targets)
        # Padding is cleared and not cut off: a sum of another length may be rounded differently.
        of_samples[:, rows:] = 0.0
        losses.append(of_samples.sum(1, dtype=torch.float64))
    return Evaluated(
        predictions=torch.cat(predictions, 1)[:, : len(samples)],
        loss=torch.stack(losses).sum(0) / len(samples),
        y=samples.y,
    )


def _outputs(stack: Stack, samples: Samples) -> Iterator[tuple[Tensor, Tensor, int]]:
    """`[S, N, C]` outputs, `[N, C]` targets and the number of rows without padding, chunk by chunk, in eval mode."""
    outputs = stack.sizes[-1][1]
    for start, stop in samples.chunks():
        z = stack.forward(samples.x[start:stop]).z[-1]
        yield z[:, :, :outputs], samples.targets[start:stop, :outputs], min(stop, len(samples)) - start


def gradient_norms(stack: Stack, samples: Samples) -> list[Tensor]:
    """`[S]` Frobenius norm of the mean loss' gradient with respect to each layer's weights, without dropout."""
    count = min(len(samples), MEASURED_SAMPLES)
    total = [torch.zeros_like(weight) for weight in stack.weights]
    for start, stop in samples.chunks(MEASURED_SAMPLES):
        x = samples.x[start:stop]
        row_weights = torch.zeros(stop - start, dtype=x.dtype, device=x.device)
        row_weights[: max(0, count - start)] = 1.0 / count
        buffers = stack.forward(x)
        stack.backward(x, buffers, samples.targets[start:stop], row_weights, penalty=False)
        torch._foreach_add_(total, stack.gradients[0])
    return [weight.double().square().sum((1, 2)).sqrt() for weight in total]


def hidden_measures(stack: Stack, samples: Samples) -> list[list[dict[str, float]]]:
    """Measures of every slot's hidden layers over the first 8,192 samples: `[slot][layer]`.

    Layer by layer, with a forward pass for each, so that only one layer's activations are kept at a time.
    """
    count = min(len(samples), MEASURED_SAMPLES)
    result: list[list[dict[str, float]]] = [[] for _ in stack.slots]
    for layer, (_, width) in enumerate(stack.sizes[:-1]):
        z = samples.x.new_empty(len(stack.slots), padded(count), padded(width))
        a = torch.empty_like(z)
        for start, stop in samples.chunks(MEASURED_SAMPLES):
            buffers = stack.forward(samples.x[start:stop])
            z[:, start:stop] = buffers.z[layer]
            a[:, start:stop] = buffers.a[layer]
        at_once = max(1, measured_at_once(z.device.type) // (count * width))
        for run, activation in stack.runs:
            for start in range(run.start, run.stop, at_once):
                part = Run(start, min(start + at_once, run.stop))
                # Padding stays: a slot that ended inside a vector would be rounded by which slots share the batch.
                slopes = part.of(stack.slopes[layer])[:, :1, None]
                saturated = activation.saturated(part.of(z), part.of(a), slopes)[:, :count, :width]
                measures = stacked_measures(part.of(a)[:, :count, :width].contiguous(), saturated)
                values = torch.stack(list(measures.values()), 1).tolist()
                for slot, row in enumerate(values, start):
                    result[slot].append(dict(zip(measures, row, strict=True)))
    return result
