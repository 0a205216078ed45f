"""Measures of a network at its places, the activations of its hidden layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from study.training.engines.base import MEASURED_BYTES, MEASURED_ROWS, MEASURED_SAMPLES, layer_groups
from study.training.engines.modules.network_layers import Layers
from study.training.engines.modules.passes import Samples
from study.training.engines.modules.places import SearchedActivation, unit_rows
from study.training.measures import layer_measures

_HELD_BYTES = 2 * 4
"""Of a unit in a row: its pre-activation and its activation, float32."""
_GOLDEN = (5**0.5 - 1) / 2


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
    for group in measured_together(layers, count):
        places = [layers.places[number] for number in group]
        with torch.no_grad(), _recorded_rows(places, count) as recorded:
            for x, _ in samples.chunks(MEASURED_SAMPLES):
                network(x)
        for place in places:
            z, a = (torch.cat(rows) for rows in zip(*recorded.pop(place), strict=True))
            saturated = place.activation.saturated(z, a, place.slope)
            measures.append(layer_measures(a, saturated, with_threshold=with_threshold, counted_only=counted_only))
    return measures


def measured_together(layers: Layers, samples: int) -> list[list[int]]:
    """The hidden layers, cut into groups whose measured activations may be held together, one at least.

    Args:
        layers: The layers.
        samples: Samples that they are measured on.
    """
    of_layers = [measured_rows(samples, positions) * units * _HELD_BYTES for positions, units in layers.shapes]
    return layer_groups(of_layers, MEASURED_BYTES)


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
