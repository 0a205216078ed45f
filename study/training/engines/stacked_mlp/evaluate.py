"""What a trained stack gives in eval mode: scores, layer measures, gradient norms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from study.data.split import Part
from study.training.engines.stacked_mlp.plan import EVALUATION_ROWS, MEASURED_SAMPLES, measured_at_once
from study.training.engines.stacked_mlp.stack import Run, Stack, pad, padded
from study.training.measures import stacked_measures


@dataclass(frozen=True, eq=False)
class Samples:
    """One part of the data as the stack sees it.

    Attributes:
        x: `[N, F]` features; both axes padded.
        targets: `[N, C]` one-hot labels, padded with 0.
        y: `[n]` class indices of the n rows that are samples.
    """

    x: Tensor
    targets: Tensor
    y: Tensor

    @classmethod
    def of(cls, part: Part, classes: int, dtype: torch.dtype, device: torch.device) -> Samples:
        """Pads a part and moves it to the device."""
        rows = padded(len(part))
        one_hot = torch.nn.functional.one_hot(part.y, classes).to(dtype)
        return cls(
            x=pad(part.x.to(dtype), rows, padded(part.x.shape[1])).to(device),
            targets=pad(one_hot, rows, padded(classes)).to(device),
            y=part.y.to(device),
        )

    def __len__(self) -> int:
        return int(self.y.shape[0])

    def chunks(self, limit: int | None = None) -> list[tuple[int, int]]:
        """Bounds of row chunks that end at a padded row, over the first `limit` samples."""
        rows = padded(min(len(self), limit or len(self)))
        return [(start, min(start + EVALUATION_ROWS, rows)) for start in range(0, rows, EVALUATION_ROWS)]


def predict(stack: Stack, samples: Samples) -> Tensor:
    """`[S, n]` predicted classes."""
    return torch.cat([logits.argmax(2) for logits, _ in _outputs(stack, samples)], 1)[:, : len(samples)]


def predict_and_judge(stack: Stack, samples: Samples) -> tuple[Tensor, Tensor]:
    """The same, and `[S]` mean log loss in nats, float64, of one pass."""
    predicted, terms = [], []
    for logits, targets in _outputs(stack, samples):
        predicted.append(logits.argmax(2))
        # Padding has no one-hot label and so adds nothing.
        terms.append((torch.log_softmax(logits, 2) * targets).sum(2).sum(1, dtype=torch.float64))
    return torch.cat(predicted, 1)[:, : len(samples)], -torch.stack(terms).sum(0) / len(samples)


def _outputs(stack: Stack, samples: Samples) -> Iterator[tuple[Tensor, Tensor]]:
    """`[S, N, C]` logits and `[N, C]` one-hot labels of one chunk of rows after the other, in eval mode."""
    classes = stack.sizes[-1][1]
    for start, stop in samples.chunks():
        yield stack.forward(samples.x[start:stop]).z[-1][:, :, :classes], samples.targets[start:stop, :classes]


def accuracy(predicted: Tensor, samples: Samples) -> Tensor:
    """`[S]` share of samples predicted right, float64."""
    return (predicted == samples.y).double().mean(1)


def balanced_accuracy(predicted: Tensor, samples: Samples) -> Tensor:
    """`[S]` mean over the classes of the share predicted right, float64."""
    right = (predicted == samples.y).double()
    members = torch.nn.functional.one_hot(samples.y).double()
    members = members[:, members.sum(0) > 0]
    return (right @ members / members.sum(0)).mean(1)


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
                # With padding: without it a slot would end inside a vector, which has other bits in other company.
                slopes = part.of(stack.slopes[layer])[:, :1, None]
                saturated = activation.saturated(part.of(z), part.of(a), slopes)[:, :count, :width]
                measures = stacked_measures(part.of(a)[:, :count, :width].contiguous(), saturated)
                values = torch.stack(list(measures.values()), 1).tolist()
                for slot, row in enumerate(values, start):
                    result[slot].append(dict(zip(measures, row, strict=True)))
    return result


def network_measures(layers: list[dict[str, float]]) -> dict[str, float]:
    """Each measure of a network: the mean over its hidden layers."""
    return {name: fmean(layer[name] for layer in layers) for name in layers[0]}
