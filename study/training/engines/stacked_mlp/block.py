"""One block, from its first weights to its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from search_spaces import Hyperparameters
from study.training.budget import Budget
from study.training.engines.base import BlockResult
from study.training.engines.stacked_mlp.batch import on_device
from study.training.engines.stacked_mlp.block_training import BlockTraining
from study.training.engines.stacked_mlp.evaluate import (
    clamp_thresholds,
    evaluate,
    gradient_norms,
    predict,
    recorded_pass,
)
from study.training.engines.stacked_mlp.padded_samples import BlockData
from study.training.engines.stacked_mlp.plan import FEWEST_SLOTS
from study.training.engines.stacked_mlp.stack import Stack
from study.training.outcome import Replicate
from study.training.patience import BEST_EPOCH
from study.training.progress import OnEpoch, SlotState, Snapshot
from study.training.sampled import measured_on
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
    until: int | None = None,
    resume_states: Sequence[SlotState] = (),
    on_epoch: OnEpoch | None = None,
    on_trained: Callable[[Stack], None] | None = None,
) -> BlockResult | None:
    """Trains and measures the slots of one block, of one shape, in the order of `plan_blocks`; see `Engine`."""
    padded_slots, padded_states, on_padded_epoch = list(slots), list(resume_states), on_epoch
    if len(slots) < FEWEST_SLOTS:
        # torch uses another kernel for batch size 1, which rounds differently: pad with a copy.
        padded_slots, padded_states = padded_slots * FEWEST_SLOTS, padded_states * FEWEST_SLOTS
        if on_epoch is not None:

            def on_padded_epoch(states: Snapshot) -> None:
                on_epoch(lambda: states()[: len(slots)])

    until = budget.epochs if until is None else until
    with torch.inference_mode():
        stack = start_stack(padded_slots, replicate, data, streams)
        _, gradients_on = measured_on(data.training, data.validation, sample=budget.sampled)
        norms_at_start = gradient_norms(stack, gradients_on) if until == budget.epochs else None
        training = BlockTraining(stack, replicate, data, budget, streams, padded_states)
        del stack  # it may be replaced by a smaller one
        if not train(training, until, stop, on_padded_epoch):
            return None
        states = training.snapshot()[: len(slots)] if norms_at_start is None else ()
        best = training.best_stack()
        if on_trained is not None and norms_at_start is not None:
            on_trained(best)
        return BlockResult(results(best, data, budget, training, norms_at_start)[: len(slots)], states)


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


def train(training: BlockTraining, until: int, stop: Callable[[], bool], on_epoch: OnEpoch | None = None) -> bool:
    """Trains a block up to an epoch; returns False where `stop` ended it. `on_epoch` is that of `train_block`."""
    while training.epoch < until and training.goes_on:
        if not training.train_epoch(stop, last=training.epoch + 1 == until):
            return False
        if on_epoch is not None and training.epoch < until and training.goes_on:
            on_epoch(training.snapshot)
    return True


def results(
    stack: Stack,
    data: BlockData,
    budget: Budget,
    training: BlockTraining,
    norms_at_start: Sequence[Tensor] | None = None,
) -> list[Replicate]:
    """What a stack gives on the data's parts, as one result a slot.

    Args:
        stack: All slots of a block, with the weights that are measured.
        data: The data.
        budget: Whether some measures are taken on a sample, and which ones at a rung.
        training: How they were trained.
        norms_at_start: Norms of their gradients before training; None: training will go on, and of what a trained
            network gives only scores and layers of the validation part are measured.
    """
    at_end = norms_at_start is not None
    test_part = data.test if at_end else None
    validation, hidden = training.recorded or recorded_pass(stack, data.validation)
    counted_only = budget.counted_at_rungs and not at_end
    layers = hidden.measures(with_threshold=data.clamp, counted_only=counted_only)
    test, test_hidden = (None, None) if test_part is None else recorded_pass(stack, test_part)
    test_layers = [] if test_hidden is None else test_hidden.measures()
    clamped = clamped_test = None
    if data.clamp:
        thresholds = clamp_thresholds(stack, layers)
        clamped = evaluate(stack, data.validation, thresholds)
        clamped_test = None if test_part is None else evaluate(stack, test_part, thresholds)
    samples, gradients_on = measured_on(data.training, data.validation, sample=budget.sampled)
    scores = scores_of(
        stack.task,
        (predict(stack, samples), samples.y, samples.weights) if at_end else None,
        validation,
        test,
        training_sampled=samples is not data.training,
        clamped_validation=clamped,
        clamped_test=clamped_test,
    )
    if training.best is not None:
        scores[BEST_EPOCH] = training.best.epochs.double().to(validation.loss.device)
    parameters = (*stack.weights, *stack.biases)
    return results_of(
        scores,
        finite=torch.stack([p.isfinite().flatten(1).all(1) for p in parameters]).all(0) & validation.loss.isfinite(),
        layers=with_zeros(layers, clamped),
        test_layers=with_zeros(test_layers, clamped_test),
        norms=None if norms_at_start is None else (norms_at_start, gradient_norms(stack, gradients_on)),
        norms_sampled=gradients_on is not data.validation,
        curves=training.curves,
        lengths=training.lengths,
        diverged=data.diverged,
    )
