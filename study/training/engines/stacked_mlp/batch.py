"""What a training step reads, in buffers that stay where they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from study.training.engines.stacked_mlp.padded_samples import Samples
from study.training.engines.stacked_mlp.stack import Stack, padded

DRAWN_AT_ONCE = 2**18
"""Uniforms that are drawn for a layer at once; a generator yields the same ones in pieces of any size."""


def on_device(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor on a device; a GPU copies it asynchronously."""
    host = torch.from_numpy(array)
    return host.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else host.to(device)


class Uniforms:
    """One epoch's uniforms for each hidden layer, of dropout or of slopes, drawn a few batches ahead."""

    def __init__(
        self, generators: Sequence[np.random.Generator], widths: Sequence[int], rows: int, device: torch.device
    ) -> None:
        self._generators, self._widths, self._left, self._device = generators, widths, rows, device
        self._at_once = max(1, DRAWN_AT_ONCE // max(widths, default=1))
        self._drawn: list[Tensor] = []
        self._used = 0

    def next(self, rows: int) -> list[Tensor]:
        """`[rows, F]` next draws for each layer; no layers where nothing draws."""
        if not self._generators:
            return []
        if not self._drawn or self._used == len(self._drawn[0]):
            count = min(self._left, -(-self._at_once // rows) * rows)
            self._drawn = [
                on_device(generator.random((count, width), dtype=np.float32), self._device)
                for generator, width in zip(self._generators, self._widths, strict=True)
            ]
            self._left, self._used = self._left - count, 0
        self._used += rows
        return [drawn[self._used - rows : self._used] for drawn in self._drawn]


class Batch:
    """Buffers for one batch of `size` samples, rows padded.

    Attributes:
        x: `[N, F]` features.
        targets: `[N, C]` encoded targets.
        y: `[size]` targets as the split holds them.
        row_weights: `[N]` 1/size for samples, times their weight in the loss; 0 for padding.
        uniforms: `[N, F]` draws of dropout for each hidden layer.
        slopes: `[1, N, F]` draws of slopes for each hidden layer; empty where no slot draws any.
    """

    def __init__(self, stack: Stack, samples: Samples, size: int) -> None:
        rows = padded(size)
        self._size = size
        self.x = samples.x.new_zeros(rows, samples.x.shape[1])
        self.targets = samples.x.new_zeros(rows, samples.targets.shape[1])
        self.y = samples.y.new_zeros(size)
        self.row_weights = samples.x.new_zeros(rows)
        self.row_weights[:size] = 1.0 / max(1, size)
        widths = [fan_out for _, fan_out in stack.sizes[:-1]]
        self.uniforms = [samples.x.new_zeros(rows, padded(width)) for width in widths]
        self.slopes = [samples.x.new_zeros(1, rows, padded(width)) for width in widths if stack.draws_slopes]
        self._drawn, self._drawn_slopes = (
            [uniform[..., :size, :width] for uniform, width in zip(uniforms, widths, strict=False)]
            for uniforms in (self.uniforms, self.slopes)
        )

    def fill(self, samples: Samples, chosen: Tensor, uniforms: Sequence[Tensor], slopes: Sequence[Tensor] = ()) -> None:
        """Gathers the chosen samples and copies the uniforms of dropout and of slopes, which all slots share."""
        torch.index_select(samples.x, 0, chosen, out=self.x[: self._size])
        torch.index_select(samples.targets, 0, chosen, out=self.targets[: self._size])
        torch.index_select(samples.y, 0, chosen, out=self.y)
        if samples.loss_weights is not None:
            self.row_weights[: self._size] = samples.loss_weights[chosen] / self._size
        for places, draws in ((self._drawn, uniforms), (self._drawn_slopes, slopes)):
            for place, drawn in zip(places, draws, strict=False):
                place.copy_(drawn)
