"""A data set as the network sees it: training, validation and test part, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class Part:
    """Samples of one part.

    Attributes:
        x: `[N, F]` float32 features, preprocessed; `[N, C, H, W]` images where the network reads images.
        y: `[N]` targets: int64 class indices, 0 … C − 1, or float64 numbers in their own unit.
        weights: `[N]` float64 weight of each sample in loss and metrics; None where all count the same.
    """

    x: torch.Tensor
    y: torch.Tensor
    weights: torch.Tensor | None = None

    def __len__(self) -> int:
        return int(self.y.shape[0])


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation and test part of one data set.

    Attributes:
        training: What the network is fitted on, and the preprocessing too.
        validation: What trials are judged by.
        test: Read only after the choice is made.
        classes: `[C]` labels as text, in the order of the class indices; empty in regression.
        features: `[F]` names of the features after preprocessing; of images one a pixel, channel by channel.
    """

    training: Part
    validation: Part
    test: Part
    classes: tuple[str, ...]
    features: tuple[str, ...]
