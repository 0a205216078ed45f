"""The training of a stack, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from study.training.budget import Budget
from study.training.engines.stacked_mlp.batch import Batch, Uniforms, on_device
from study.training.engines.stacked_mlp.evaluate import predict
from study.training.engines.stacked_mlp.optimizer import Optimizer
from study.training.engines.stacked_mlp.padded_samples import BlockData
from study.training.engines.stacked_mlp.replay import Step, replayed
from study.training.engines.stacked_mlp.stack import Stack
from study.training.engines.stacked_mlp.stack_state import restore, snapshot
from study.training.progress import SlotState
from study.training.streams import Streams


class StackTraining:
    """The slots of a stack, from their first weights or a later state on.

    Args:
        stack: The stack before training.
        replicate: Whose streams are used.
        data: The data.
        budget: Epochs, batch size, optimizer.
        streams: The study's random numbers.
        resume_states: The state of each slot, all after the same epoch; empty: training starts at the beginning.

    Attributes:
        stack: The stack.
        epoch: Number of epochs that are completed.
    """

    def __init__(
        self,
        stack: Stack,
        replicate: int,
        data: BlockData,
        budget: Budget,
        streams: Streams,
        resume_states: Sequence[SlotState] = (),
    ) -> None:
        self.stack, self.epoch = stack, resume_states[0].epoch if resume_states else 0
        self._replicate, self._data, self._streams, self._batch_size = replicate, data, streams, budget.batch_size
        self._optimizer = Optimizer(stack, budget.optimizer)
        samples = data.training
        count = len(samples)
        sizes = {min(budget.batch_size, count), count % budget.batch_size}
        self._batches = {size: Batch(stack, samples, size) for size in sizes}
        self._steps = {
            size: replayed(_step(stack, self._optimizer, batch), samples.x.device)
            for size, batch in self._batches.items()
        }
        self._curves: dict[str, list[Tensor]] = {
            "training_loss": [],
            f"validation_{stack.task.metrics[0].name}": [],
        }
        if resume_states:
            steps = self.epoch * -(-count // budget.batch_size)
            restore(stack, self._optimizer, self._curves, resume_states, steps=steps)

    @property
    def curves(self) -> dict[str, Tensor]:
        """`[epochs, S]` learning curves.

        They are `training_loss` (mean over the epoch's batches, dropout on, without the penalty) and the validation
        value of the task's first metric at the end of each epoch.
        """
        return {name: torch.stack(points) for name, points in self._curves.items()}

    def snapshot(self) -> list[SlotState]:
        """Copies the state of each slot between two epochs."""
        return snapshot(self.stack, self._optimizer, self._curves)

    def train_epoch(self, stop: Callable[[], bool]) -> bool:
        """Trains for one epoch; returns False where `stop`, which is asked once a step, ended it."""
        stack, samples, task, streams = self.stack, self._data.training, self.stack.task, self._streams
        order = on_device(streams.order(self._replicate, self.epoch, len(samples)), samples.x.device)
        uniforms = self._uniforms(streams.dropout, stack.uses_dropout)
        slopes = self._uniforms(streams.slopes, stack.draws_slopes)
        terms: list[Tensor] = []
        for chosen in torch.split(order, self._batch_size):
            if stop():
                return False
            batch = self._batches[len(chosen)]
            batch.fill(samples, chosen, uniforms.next(len(chosen)), slopes.next(len(chosen)))
            self._steps[len(chosen)]()
            terms.append(task.batch_terms(stack.buffers(len(batch.x), training=True).responses, batch.y))
        losses, reached = self._curves.values()
        weights = samples.loss_weights
        losses.append(task.epoch_loss(torch.cat(terms, 1), None if weights is None else weights[order].double()))
        validation = self._data.validation
        reached.append(task.metrics[0].compute(predict(stack, validation), validation.y, validation.weights))
        self.epoch += 1
        return True

    def _uniforms(self, draw: Callable[[int, int, int], np.random.Generator], draws: bool) -> Uniforms:
        """The uniforms of this epoch for each hidden layer, from one kind of stream; none where no slot `draws`."""
        widths = [fan_out for _, fan_out in self.stack.sizes[:-1]]
        generators = [draw(self._replicate, layer, self.epoch) for layer in range(len(widths)) if draws]
        samples = self._data.training
        return Uniforms(generators, widths, len(samples), samples.x.device)


def _step(stack: Stack, optimizer: Optimizer, batch: Batch) -> Step:
    """One step on what is in the batch's buffers."""

    def step() -> None:
        buffers = stack.forward(batch.x, batch.uniforms, slopes=batch.slopes)
        stack.backward(batch.x, buffers, batch.targets, batch.row_weights, penalty=True)
        optimizer.step()

    return step
