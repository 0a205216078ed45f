"""A split as networks of any kind read it, on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from study.data.split import Part, Split
from study.tasks import Task
from study.training.engines.modules.passes import Samples
from study.training.engines.modules.places import channels_last
from study.training.outcome import Replicate
from study.training.scores import constant_guess


@dataclass(frozen=True, eq=False)
class ModuleData:
    """What all slots of a cohort read.

    Attributes:
        task: What is learned, fitted to the training part.
        training: Training part.
        validation: Validation part.
        test: Test part, where it may be read.
        outputs: C, number of outputs.
        diverged: The result of a network that diverged.
        clamp: Whether the clamped network is scored beside each network as it was trained.
    """

    task: Task
    training: Samples
    validation: Samples
    test: Samples | None
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
        side_by_side: bool = True,
    ) -> ModuleData:
        """Moves the parts of a split to the device; the test part only where it may be read.

        Args:
            split: The data.
            task: What is learned.
            dtype: Of the features.
            device: Where they lie.
            read_test: Whether the test part is scored too.
            clamp: As the attribute.
            side_by_side: Whether the channels of images lie side by side in memory.
        """
        task = task.fitted(split)

        def moved(weights: Tensor | None) -> Tensor | None:
            return None if weights is None else weights.to(device)

        def samples(part: Part, loss_weights: Tensor | None = None) -> Samples:
            x = part.x.to(device, dtype)
            images = side_by_side and x.dim() == 4
            y, weights = part.y.to(device), moved(part.weights)
            return Samples(channels_last(x) if images else x, y, weights, moved(loss_weights), channels_last=images)

        return cls(
            task=task,
            training=samples(split.training, task.loss_weights(split.training)),
            validation=samples(split.validation),
            test=samples(split.test) if read_test else None,
            outputs=task.outputs(split),
            diverged=constant_guess(task, split, read_test=read_test, clamp=clamp),
            clamp=clamp,
        )
