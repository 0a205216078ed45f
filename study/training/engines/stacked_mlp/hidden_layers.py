"""The measures of a stack's hidden layers, from the pass that gives its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from study.training.engines.base import MEASURED_SAMPLES, layer_groups
from study.training.engines.stacked_mlp.padded_samples import Samples
from study.training.engines.stacked_mlp.plan import held_bytes
from study.training.engines.stacked_mlp.stack import Buffers, Stack
from study.training.measures import stacked_measures


class HiddenLayers:
    """Measures of every slot's hidden layers over the first 8,192 samples.

    Activations are kept of as many layers as fit together: of all, but where layers are large and many. Those that do
    not fit are measured after a pass of their own.

    Args:
        stack: The stack.
        samples: The part.
    """

    def __init__(self, stack: Stack, samples: Samples) -> None:
        self._stack, self._samples = stack, samples
        self._count = min(len(samples), MEASURED_SAMPLES)
        self._widths = [width for _, width in stack.sizes[:-1]]
        bytes_of_unit = len(stack.slots) * self._count * samples.x.element_size()
        of_layers = [bytes_of_unit * width for width in self._widths]
        self._groups = layer_groups(of_layers, held_bytes(of_layers)) if of_layers else []
        self._begin(self._groups[0] if self._groups else [])

    def _begin(self, layers: Sequence[int]) -> None:
        slots = len(self._stack.slots)
        x = self._samples.x
        self._rows = 0
        self._a = {layer: x.new_empty(slots, self._count, self._widths[layer]) for layer in layers}
        self._saturated = {layer: x.new_zeros(slots, dtype=torch.float64) for layer in layers}

    def add(self, buffers: Buffers, rows: int) -> None:
        """Adds the next chunk of samples.

        Args:
            buffers: Of its forward pass.
            rows: Samples in it; those behind them are padding.
        """
        rows = min(rows, self._count - self._rows)
        if rows <= 0:
            return
        for layer, a in self._a.items():
            width = self._widths[layer]
            a[:, self._rows : self._rows + rows] = buffers.a[layer][:, :rows, :width]
            done = 0
            for lane in buffers.lanes[layer]:
                # Padding stays: a slot that ended inside a vector would be rounded by which slots share the batch.
                flat = lane.activation.saturated(lane.z, lane.a, lane.slope)[:, :rows, :width]
                # As floats, of which sums are exact up to 2²⁴ and several times faster than those of bool.
                self._saturated[layer][done : done + len(flat)] += flat.to(a.dtype).sum(2).double().sum(1)
                done += len(flat)
        self._rows += rows

    def measures(self, *, with_threshold: bool = False, counted_only: bool = False) -> list[list[dict[str, float]]]:
        """The measures, `[slot][layer]`, once all samples were added; see `stacked_measures` for the arguments."""
        of_group = partial(self._of_group, with_threshold=with_threshold, counted_only=counted_only)
        measured = of_group()
        for group in self._groups[1:]:
            self._begin(group)
            for start, stop in self._samples.chunks(MEASURED_SAMPLES):
                self.add(self._stack.forward(self._samples.x[start:stop]), stop - start)
            measured += of_group()
        self._begin([])
        return [list(of_slot) for of_slot in zip(*measured, strict=True)] or [[] for _ in self._stack.slots]

    def _of_group(self, *, with_threshold: bool, counted_only: bool) -> list[list[dict[str, float]]]:
        """The measures of the layers whose activations are held, `[layer][slot]`."""
        measured = []
        for layer, a in self._a.items():
            saturation = self._saturated[layer] / (self._count * self._widths[layer])
            found = stacked_measures(a, saturation, with_threshold=with_threshold, counted_only=counted_only)
            rows: list[list[float]] = torch.stack(list(found.values()), 1).tolist()
            measured.append([dict(zip(found, row, strict=True)) for row in rows])
        return measured
