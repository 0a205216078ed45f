"""One block, from its first weights to its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from search_spaces import Hyperparameters
from study.training.budget import Budget
from study.training.engines.stacked_mlp.batch import Batch, Uniforms, on_device
from study.training.engines.stacked_mlp.evaluate import (
    clamp_thresholds,
    evaluate,
    gradient_norms,
    hidden_measures,
    predict,
)
from study.training.engines.stacked_mlp.optimizer import Optimizer
from study.training.engines.stacked_mlp.padded_samples import BlockData
from study.training.engines.stacked_mlp.plan import FEWEST_SLOTS
from study.training.engines.stacked_mlp.replay import Step, replayed
from study.training.engines.stacked_mlp.stack import Stack
from study.training.engines.stacked_mlp.stack_state import restore, snapshot
from study.training.outcome import Replicate
from study.training.progress import OnEpoch, SlotState, Snapshot
from study.training.scores import results_of, scores_of, with_zeros
from study.training.start import LSUV_SAMPLES, draws, initial_parameters
from study.training.streams import Streams


def train_block(
    slots: Sequence[Hyperparameters],
    replicate: int,
    data: BlockData,
    budget: Budget,
    streams: Streams,
    stop: Callable[[], bool],
    *,
    resume_states: Sequence[SlotState] = (),
    on_epoch: OnEpoch | None = None,
    on_trained: Callable[[Stack], None] | None = None,
) -> list[Replicate] | None:
    """Trains and measures the slots of one block, of one shape, in the order of `plan_blocks`; see `Engine`."""
    padded_slots, padded_states, on_padded_epoch = list(slots), list(resume_states), on_epoch
    if len(slots) < FEWEST_SLOTS:
        # torch uses another kernel for batch size 1, which rounds differently: pad with a copy.
        padded_slots, padded_states = padded_slots * FEWEST_SLOTS, padded_states * FEWEST_SLOTS
        if on_epoch is not None:

            def on_padded_epoch(states: Snapshot) -> None:
                on_epoch(lambda: states()[: len(slots)])

    with torch.inference_mode():
        stack = start_stack(padded_slots, replicate, data, streams)
        norms_at_start = gradient_norms(stack, data.validation)
        curves = train(
            stack, replicate, data, budget, streams, stop, resume_states=padded_states, on_epoch=on_padded_epoch
        )
        if curves is None:
            return None
        if on_trained is not None:
            on_trained(stack)
        return results(stack, data, norms_at_start, curves)[: len(slots)]


def start_stack(slots: Sequence[Hyperparameters], replicate: int, data: BlockData, streams: Streams) -> Stack:
    """The stack before training."""
    samples = data.training
    stack = Stack(
        slots,
        task=data.task,
        features=data.features,
        outputs=data.outputs,
        dtype=samples.x.dtype,
        device=samples.x.device,
    )
    normal = draws(stack.sizes, streams, replicate)
    order = on_device(streams.order(replicate, 0, len(samples))[:LSUV_SAMPLES], samples.x.device)
    first = samples.x[order, : data.features].cpu()
    stack.load(initial_parameters(slot, normal, first) for slot in slots)
    return stack


def train(
    stack: Stack,
    replicate: int,
    data: BlockData,
    budget: Budget,
    streams: Streams,
    stop: Callable[[], bool],
    *,
    resume_states: Sequence[SlotState] = (),
    on_epoch: OnEpoch | None = None,
) -> dict[str, Tensor] | None:
    """Trains a stack for all epochs, or those that are left; `resume_states` and `on_epoch` as in `train_block`.

    Returns:
        `[epochs, S]` learning curves: `training_loss` (mean over the epoch's batches, dropout on, without the penalty)
        and the validation value of the task's first metric at its end; None where `stop` ended it.
    """
    optimizer = Optimizer(stack, budget.optimizer)
    samples = data.training
    count = len(samples)
    batches = {size: Batch(stack, samples, size) for size in {min(budget.batch_size, count), count % budget.batch_size}}
    steps = {size: replayed(_step(stack, optimizer, batch), samples.x.device) for size, batch in batches.items()}
    widths = [fan_out for _, fan_out in stack.sizes[:-1]]
    task, shown = stack.task, stack.task.metrics[0]
    losses: list[Tensor] = []
    reached: list[Tensor] = []
    curves = {"training_loss": losses, f"validation_{shown.name}": reached}
    first_epoch = resume_states[0].epoch if resume_states else 0
    if resume_states:
        restore(stack, optimizer, curves, resume_states, steps=first_epoch * -(-count // budget.batch_size))
    for epoch in range(first_epoch, budget.epochs):
        order = on_device(streams.order(replicate, epoch, count), samples.x.device)
        layers = range(len(stack.sizes) - 1) if stack.uses_dropout else ()
        generators = [streams.dropout(replicate, layer, epoch) for layer in layers]
        uniforms = Uniforms(generators, widths, count, samples.x.device)
        terms: list[Tensor] = []
        for chosen in torch.split(order, budget.batch_size):
            if stop():
                return None
            batch = batches[len(chosen)]
            batch.fill(samples, chosen, uniforms.next(len(chosen)))
            steps[len(chosen)]()
            terms.append(task.batch_terms(stack.buffers(len(batch.x), training=True).responses, batch.y))
        weights = samples.loss_weights
        losses.append(task.epoch_loss(torch.cat(terms, 1), None if weights is None else weights[order].double()))
        validation = data.validation
        reached.append(shown.compute(predict(stack, validation), validation.y, validation.weights))
        if on_epoch is not None and epoch + 1 < budget.epochs:
            on_epoch(lambda: snapshot(stack, optimizer, curves))
    return {name: torch.stack(points) for name, points in curves.items()}


def _step(stack: Stack, optimizer: Optimizer, batch: Batch) -> Step:
    """One step on what is in the batch's buffers."""

    def step() -> None:
        buffers = stack.forward(batch.x, batch.uniforms)
        stack.backward(batch.x, buffers, batch.targets, batch.row_weights, penalty=True)
        optimizer.step()

    return step


def results(
    stack: Stack, data: BlockData, norms_at_start: Sequence[Tensor], curves: Mapping[str, Tensor]
) -> list[Replicate]:
    """What a trained stack gives on the data's parts, as one result a slot."""
    validation = evaluate(stack, data.validation)
    test = None if data.test is None else evaluate(stack, data.test)
    layers = hidden_measures(stack, data.validation, with_threshold=data.clamp)
    test_layers = [] if data.test is None else hidden_measures(stack, data.test)
    clamped = clamped_test = None
    if data.clamp:
        thresholds = clamp_thresholds(stack, layers)
        clamped = evaluate(stack, data.validation, thresholds)
        clamped_test = None if data.test is None else evaluate(stack, data.test, thresholds)
    parameters = (*stack.weights, *stack.biases)
    return results_of(
        scores_of(
            stack.task,
            (predict(stack, data.training), data.training.y, data.training.weights),
            validation,
            test,
            clamped_validation=clamped,
            clamped_test=clamped_test,
        ),
        finite=torch.stack([p.isfinite().flatten(1).all(1) for p in parameters]).all(0) & validation.loss.isfinite(),
        layers=with_zeros(layers, clamped),
        test_layers=with_zeros(test_layers, clamped_test),
        norms_at_start=norms_at_start,
        norms_at_end=gradient_norms(stack, data.validation),
        curves=curves,
        diverged=data.diverged,
    )
