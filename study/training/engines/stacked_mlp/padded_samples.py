"""A split as a stack reads it: padded, and on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from study.data.split import Part, Split
from study.tasks import Task
from study.training.engines.base import EVALUATION_ROWS
from study.training.engines.stacked_mlp.stack import pad, padded
from study.training.outcome import Replicate
from study.training.sampled import sampled_rows
from study.training.scores import constant_guess


@dataclass(frozen=True, eq=False)
class Samples:
    """One part of the data as the stack sees it.

    Attributes:
        x: `[N, F]` features; both axes padded.
        targets: `[N, C]` encoded targets, padded with 0.
        y: `[n]` targets of the n rows that are samples.
        weights: `[n]` float64 sample weights; None where all count the same.
        loss_weights: `[n]` weights in the loss of training, 1 on average; None where all count the same.
    """

    x: Tensor
    targets: Tensor
    y: Tensor
    weights: Tensor | None = None
    loss_weights: Tensor | None = None

    @classmethod
    def of(
        cls,
        part: Part,
        task: Task,
        outputs: int,
        dtype: torch.dtype,
        device: torch.device,
        *,
        for_training: bool = False,
    ) -> Samples:
        """Pads a part and moves it to the device; the training part with what belongs to training alone."""
        rows = padded(len(part))
        features = part.x.flatten(1).to(dtype)
        encode = task.training_targets if for_training else task.encode
        loss_weights = task.loss_weights(part) if for_training else None
        return cls(
            x=pad(features, rows, padded(features.shape[1])).to(device),
            targets=pad(encode(part.y, outputs).to(dtype), rows, padded(outputs)).to(device),
            y=part.y.to(device),
            weights=None if part.weights is None else part.weights.to(device),
            loss_weights=None if loss_weights is None else loss_weights.to(device, dtype),
        )

    def __len__(self) -> int:
        return int(self.y.shape[0])

    def sample(self, most: int) -> Samples:
        """So many of the samples, by `sampled_rows`, without weights for training; all where there are no more.

        Args:
            most: Samples; a multiple of 16, so that they need no padding.
        """
        if len(self) <= most:
            return self
        rows = sampled_rows(len(self), most).to(self.x.device)
        return Samples(
            x=self.x[rows],
            targets=self.targets[rows],
            y=self.y[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    def chunks(self, limit: int | None = None) -> list[tuple[int, int]]:
        """Bounds of row chunks that end at a padded row, over the first `limit` samples."""
        rows = padded(min(len(self), limit or len(self)))
        return [(start, min(start + EVALUATION_ROWS, rows)) for start in range(0, rows, EVALUATION_ROWS)]


@dataclass(frozen=True, eq=False)
class BlockData:
    """What all blocks of a cohort read.

    Attributes:
        task: What is learned, fitted to the training part.
        training: Training part.
        validation: Validation part.
        test: Test part, where it may be read.
        features: F without padding.
        outputs: C without padding.
        diverged: The result of a network that diverged.
        clamp: Whether the clamped network is scored beside each network as it was trained.
    """

    task: Task
    training: Samples
    validation: Samples
    test: Samples | None
    features: int
    outputs: int
    diverged: Replicate
    clamp: bool = False

    @classmethod
    def of(
        cls,
        split: Split,
        task: Task,
        dtype: torch.dtype,
        device: torch.device,
        *,
        read_test: bool,
        clamp: bool = False,
    ) -> BlockData:
        """Pads the parts of a split and moves them to the device; the test part only where it may be read."""
        task, outputs = task.fitted(split), task.outputs(split)

        def samples(part: Part, *, for_training: bool = False) -> Samples:
            return Samples.of(part, task, outputs, dtype, device, for_training=for_training)

        return cls(
            task=task,
            training=samples(split.training, for_training=True),
            validation=samples(split.validation),
            test=samples(split.test) if read_test else None,
            features=split.training.x.flatten(1).shape[1],
            outputs=outputs,
            diverged=constant_guess(task, split, read_test=read_test, clamp=clamp),
            clamp=clamp,
        )
