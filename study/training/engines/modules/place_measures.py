"""What a network gives in eval mode: predictions, measures at its places, gradient norms of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from study.tasks import Task
from study.training.engines.base import EVALUATION_ROWS, MEASURED_SAMPLES
from study.training.engines.modules.first_weights import build
from study.training.engines.modules.places import (
    SearchedActivation,
    activation_places,
    clamped_places,
    recorded_calls,
    unit_rows,
    weight_layers,
)
from study.training.measures import ZeroCount, layer_measures
from study.training.scores import Evaluated


@dataclass(frozen=True, eq=False)
class Samples:
    """One part of the data on the device.

    Attributes:
        x: `[N, ...]` features.
        y: `[N]` targets.
        weights: `[N]` float64 sample weights; None where all count the same.
        loss_weights: `[N]` float64 weights in the loss of training, 1 on average; None where all count the same.
    """

    x: Tensor
    y: Tensor
    weights: Tensor | None = None
    loss_weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.y)

    def chunks(self, limit: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Features and targets of one chunk of rows after the other, over the first `limit` samples."""
        return zip(
            torch.split(self.x[:limit], EVALUATION_ROWS), torch.split(self.y[:limit], EVALUATION_ROWS), strict=True
        )


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers of a network in the order of execution; every searched activation ends a hidden layer.

    Attributes:
        places: The activation of each hidden layer.
        weights: The weights that are applied in each layer; those after the last place are the output layer's.
    """

    places: list[SearchedActivation]
    weights: list[list[Tensor]]

    @classmethod
    def of(cls, network: nn.Module, x: Tensor) -> Layers:
        """Finds the layers in a forward pass of a few samples in eval mode."""
        places: list[SearchedActivation] = []
        weights: list[list[Tensor]] = [[]]
        seen: set[nn.Module] = set()
        with (
            torch.no_grad(),
            recorded_calls(*weight_layers(network), *activation_places(network)) as calls,
        ):
            network.eval()(x[:1])
        for module, _, _ in calls:
            if module in seen:
                continue
            seen.add(module)
            if isinstance(module, SearchedActivation):
                places.append(module)
                weights.append([])
            elif isinstance(module, nn.Linear):
                weights[-1].append(module.weight)
        return cls(places, weights)


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
    network = build(architecture, hyperparameters, input_shape, outputs)
    paths = {module: path for path, module in network.named_modules()}
    places = Layers.of(network, torch.zeros(1, *input_shape, dtype=torch.float64)).places
    return [paths[place] for place in places]


def evaluate(network: nn.Module, task: Task, samples: Samples) -> Evaluated:
    """Predictions and mean loss on a part of the data, as of a stack of one network."""
    predictions, probabilities, losses = [], [], []
    of_probabilities = task.judges_probabilities
    weights = samples.weights
    of_chunks = iter([None] * len(samples) if weights is None else torch.split(weights, EVALUATION_ROWS))
    network.eval()
    with torch.no_grad():
        for x, y in samples.chunks():
            outputs = network(x)[None]
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

    def counting(count: ZeroCount) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda module, inputs, output: count.add(unit_rows(output)[None])

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
        for total, gradient in zip(totals, torch.autograd.grad(loss, weights), strict=True):
            total += gradient
    squares = iter([total.double().square().sum() for total in totals])
    nothing = torch.zeros((), dtype=torch.float64, device=samples.x.device)
    return [sum((next(squares) for _ in of_layer), nothing).sqrt()[None] for of_layer in layers.weights]


def hidden_measures(
    network: nn.Module, layers: Layers, samples: Samples, *, with_threshold: bool = False
) -> list[dict[str, float]]:
    """Measures of every hidden layer over the first 8,192 samples, `clamp_threshold` where it is asked for.

    Layer by layer, with forward passes for each, so that only one layer's activations are kept at a time.
    """
    measures = []
    network.eval()
    with torch.no_grad():
        for place in layers.places:
            with recorded_calls(place) as calls:
                for x, _ in samples.chunks(MEASURED_SAMPLES):
                    network(x)
            z = torch.cat([unit_rows(inputs) for _, inputs, _ in calls])
            a = torch.cat([unit_rows(output) for _, _, output in calls])
            measures.append(
                layer_measures(a, place.activation.saturated(z, a, place.slope), with_threshold=with_threshold)
            )
    return measures
