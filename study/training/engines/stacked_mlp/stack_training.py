"""The training of one stack, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from study.training.budget import Budget
from study.training.engines.stacked_mlp.batch import Batch, Uniforms, on_device
from study.training.engines.stacked_mlp.evaluate import RecordedPass, evaluate, predict, recorded_pass
from study.training.engines.stacked_mlp.optimizer import Optimizer
from study.training.engines.stacked_mlp.padded_samples import BlockData
from study.training.engines.stacked_mlp.replay import Step, replayed
from study.training.engines.stacked_mlp.stack import Stack
from study.training.scores import judged_scores
from study.training.streams import Streams


@dataclass(frozen=True, eq=False)
class Epoch:
    """What is known of S slots after an epoch.

    Attributes:
        training_loss: `[S]` mean over the epoch's batches, dropout on, without the penalty.
        reached: `[S]` validation value of the task's first metric.
        judged: `[S]` validation scores by which slots are judged, and `[S]` float64 mean losses; None where no best
            epoch is sought.
        recorded: The pass over the validation part with its hidden layers, where no training follows.
    """

    training_loss: Tensor
    reached: Tensor
    judged: tuple[Tensor, Tensor] | None = None
    recorded: RecordedPass | None = None


class StackTraining:
    """All slots of a stack, which is changed in place.

    Args:
        stack: The stack.
        replicate: Whose streams are used.
        data: The data.
        budget: Batch size, optimizer, and whether there is a patience.
        streams: The study's random numbers.

    Attributes:
        stack: The stack.
    """

    def __init__(self, stack: Stack, replicate: int, data: BlockData, budget: Budget, streams: Streams) -> None:
        self.stack = stack
        self._replicate, self._data, self._budget, self._streams = replicate, data, budget, streams
        self._optimizer = Optimizer(stack, budget.optimizer)
        samples = data.training
        count = len(samples)
        sizes = {min(budget.batch_size, count), count % budget.batch_size}
        self._batches = {size: Batch(stack, samples, size) for size in sizes}
        self._steps = {
            size: replayed(_step(stack, self._optimizer, batch), samples.x.device)
            for size, batch in self._batches.items()
        }

    def state(self, slot: int) -> dict[str, Tensor]:
        """Views of all that training changes in one slot, by name, padding included."""
        return self.stack.state(slot) | self._optimizer.state(slot)

    def restore(self, slot: int, tensors: Mapping[str, Tensor]) -> None:
        """Puts a slot into a state; `begin_after` says how far it is."""
        for name, tensor in self.state(slot).items():
            tensor.copy_(tensors[name])

    def begin_after(self, epochs: int) -> None:
        """Goes on as after so many epochs."""
        self._optimizer.begin_after(epochs * -(-len(self._data.training) // self._budget.batch_size))

    def train_epoch(self, epoch: int, stop: Callable[[], bool], *, last: bool = False) -> Epoch | None:
        """Trains for one epoch.

        Args:
            epoch: Counted from 0.
            stop: Asked once a step.
            last: Whether the weights after this epoch are measured, so that one pass serves the curve and the measures.

        Returns:
            What is known after it; None where `stop` ended it.
        """
        stack, samples, task, streams = self.stack, self._data.training, self.stack.task, self._streams
        order = on_device(streams.order(self._replicate, epoch, len(samples)), samples.x.device)
        uniforms = self._uniforms(epoch, streams.dropout, stack.uses_dropout)
        slopes = self._uniforms(epoch, streams.slopes, stack.draws_slopes)
        terms: list[Tensor] = []
        for chosen in torch.split(order, self._budget.batch_size):
            if stop():
                return None
            batch = self._batches[len(chosen)]
            batch.fill(samples, chosen, uniforms.next(len(chosen)), slopes.next(len(chosen)))
            self._steps[len(chosen)]()
            terms.append(task.batch_terms(stack.buffers(len(batch.x), training=True).responses, batch.y))
        weights = samples.loss_weights
        loss = task.epoch_loss(torch.cat(terms, 1), None if weights is None else weights[order].double())
        return self._judged(loss, last=last)

    def _judged(self, training_loss: Tensor, *, last: bool) -> Epoch:
        stack, samples, metric = self.stack, self._data.validation, self.stack.task.metrics[0]
        if last:
            recorded = recorded_pass(stack, samples)
            return Epoch(training_loss, recorded[0].value(metric, stack.task), recorded=recorded)
        if self._budget.patience is None:
            predicted = predict(stack, samples)
            return Epoch(training_loss, metric.compute(predicted, samples.y, samples.weights))
        evaluated = evaluate(stack, samples)
        judged = judged_scores(evaluated, stack.task), evaluated.loss
        return Epoch(training_loss, evaluated.value(metric, stack.task), judged)

    def _uniforms(self, epoch: int, draw: Callable[[int, int, int], np.random.Generator], draws: bool) -> Uniforms:
        """The uniforms of an epoch for each hidden layer, from one kind of stream; none where no slot `draws`."""
        widths = [fan_out for _, fan_out in self.stack.sizes[:-1]]
        generators = [draw(self._replicate, layer, epoch) for layer in range(len(widths)) if draws]
        samples = self._data.training
        return Uniforms(generators, widths, len(samples), samples.x.device)


def _step(stack: Stack, optimizer: Optimizer, batch: Batch) -> Step:
    """One step on what is in the batch's buffers."""

    def step() -> None:
        buffers = stack.forward(batch.x, batch.uniforms, slopes=batch.slopes)
        stack.backward(batch.x, buffers, batch.targets, batch.row_weights, penalty=True)
        optimizer.step()

    return step
