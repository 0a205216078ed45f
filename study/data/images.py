"""How the pixels of an image lie in a sample, and images as convolutions read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True)
class ImageLayout:
    """How one sample's pixels are arranged in the source.

    Attributes:
        channels: C: 1 for grey images, 3 for coloured ones.
        rows: H.
        columns: W.
        channels_last: Whether the channels of a pixel lie side by side, `[H, W, C]`; else one channel lies after the
            other, `[C, H, W]`.

    Example:
        >>> ImageLayout.of((28, 28)).shape, ImageLayout.of((32, 48, 3)).shape, ImageLayout.of((3, 32, 48)).shape
        ((1, 28, 28), (3, 32, 48), (3, 32, 48))
    """

    channels: int
    rows: int
    columns: int
    channels_last: bool = False

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Self | None:
        """The layout of samples of a shape: `[H, W]`, `[H, W, C]` or `[C, H, W]`; None where they are no images.

        Of three axes the first holds the channels where it is shorter than the last; else the last does.
        """
        if len(shape) == 2:
            return cls(1, *shape)
        if len(shape) != 3:
            return None
        first, middle, last = shape
        return cls(first, middle, last) if first < last else cls(last, first, middle, channels_last=True)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W), the shape of an image for convolutions."""
        return self.channels, self.rows, self.columns

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """`[C · H · W]` the place in the source of each pixel of an image that lies as `[C, H, W]`."""
        places = np.arange(self.channels * self.rows * self.columns)
        if not self.channels_last:
            return places
        return places.reshape(self.rows, self.columns, self.channels).transpose(2, 0, 1).reshape(-1)

    def images(self, x: torch.Tensor) -> torch.Tensor:
        """`[N, C, H, W]` contiguous images, from `[N, F]` pixels as in the source."""
        if self.channels_last:
            x = x.reshape(-1, self.rows, self.columns, self.channels).permute(0, 3, 1, 2)
        return x.reshape(-1, *self.shape).contiguous()
