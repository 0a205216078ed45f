"""What a network gives in eval mode: predictions, measures at its places, gradient norms of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from search_spaces.user_networks import is_initialized
from study.tasks import Task
from study.training.engines.base import (
    EVALUATION_ROWS,
    MEASURED_BYTES,
    MEASURED_ROWS,
    MEASURED_SAMPLES,
    layer_groups,
)
from study.training.engines.modules.first_weights import build
from study.training.engines.modules.places import (
    SearchedActivation,
    WeightLayer,
    activation_places,
    clamped_places,
    recorded_calls,
    unit_rows,
    weight_layers,
)
from study.training.measures import ZeroCount, layer_measures
from study.training.sampled import sampled_rows
from study.training.scores import Evaluated

_HELD_BYTES = 2 * 4
"""Of a unit in a row: its pre-activation and its activation, float32."""
_GOLDEN = (5**0.5 - 1) / 2


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

    def groups(self, samples: int) -> list[list[int]]:
        """The hidden layers, cut into groups whose measured activations may be held together, one at least.

        Args:
            samples: Samples that they are measured on.
        """
        of_layers = [measured_rows(samples, positions) * units * _HELD_BYTES for positions, units in self.shapes]
        return layer_groups(of_layers, MEASURED_BYTES)


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


def hidden_measures(
    network: nn.Module,
    layers: Layers,
    samples: Samples,
    *,
    with_threshold: bool = False,
    counted_only: bool = False,
) -> list[dict[str, float]]:
    """Measures of every hidden layer over the first 8,192 samples; which ones, `stacked_measures` says.

    Of a layer with positions at most 65,536 rows are measured, equally many positions of each sample. Layers whose
    rows fit together share a forward pass.
    """
    count = min(len(samples), MEASURED_SAMPLES)
    measures = []
    network.eval()
    for group in layers.groups(count):
        places = [layers.places[number] for number in group]
        with torch.no_grad(), _recorded_rows(places, count) as recorded:
            for x, _ in samples.chunks(MEASURED_SAMPLES):
                network(x)
        for place in places:
            z, a = (torch.cat(rows) for rows in zip(*recorded.pop(place), strict=True))
            saturated = place.activation.saturated(z, a, place.slope)
            measures.append(layer_measures(a, saturated, with_threshold=with_threshold, counted_only=counted_only))
    return measures


def measured_rows(samples: int, positions: int) -> int:
    """Rows of a layer that are measured on so many samples, each of which has so many positions."""
    return samples * min(positions, max(1, MEASURED_ROWS // samples))


@contextmanager
def _recorded_rows(
    places: Sequence[SearchedActivation], samples: int
) -> Iterator[dict[SearchedActivation, list[tuple[Tensor, Tensor]]]]:
    """Records the measured rows of pre-activations and activations of some places, call by call."""
    recorded: dict[SearchedActivation, list[tuple[Tensor, Tensor]]] = {place: [] for place in places}
    seen = dict.fromkeys(places, 0)

    def record(place: SearchedActivation, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        z, a = (_measured(x, place.unit_axis, seen[place], samples) for x in (inputs[0], output))
        recorded[place].append((z, a))
        seen[place] += len(output)

    handles = [place.register_forward_hook(record) for place in places]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def _measured(x: Tensor, unit_axis: int, first: int, samples: int) -> Tensor:
    """`[rows, F]` the measured rows of a place's tensor, the same whatever the trial and the chunks are.

    The positions of a sample are evenly spaced, and begin at another one in each sample: the multiples of the golden
    ratio, modulo 1, fill the unit interval evenly.

    Args:
        x: `[n, ..., F]`, or `[n, F, ...]` where the units are channels.
        unit_axis: The axis of the units.
        first: The number of the first sample.
        samples: Samples that are measured in all.
    """
    rows = unit_rows(x, unit_axis)
    count, positions = len(x), len(rows) // len(x)
    kept = measured_rows(samples, positions) // samples
    if kept == positions:
        return rows
    numbers = torch.arange(first, first + count, device=x.device, dtype=torch.float64)
    starts = (numbers * _GOLDEN % 1.0 * positions).long()
    spaced = torch.arange(kept, device=x.device) * positions // kept
    chosen = (starts[:, None] + spaced) % positions + positions * torch.arange(count, device=x.device)[:, None]
    return rows[chosen.flatten()]
