"""One block, from its first weights to its measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from search_spaces import Hyperparameters
from study.training.budget import Budget
from study.training.engines.stacked_mlp.batch import Batch, Uniforms, on_device
from study.training.engines.stacked_mlp.evaluate import (
    Samples,
    accuracy,
    balanced_accuracy,
    gradient_norms,
    hidden_measures,
    network_measures,
    predict,
    predict_and_judge,
)
from study.training.engines.stacked_mlp.optimizer import Optimizer
from study.training.engines.stacked_mlp.replay import Step, replayed
from study.training.engines.stacked_mlp.stack import Stack
from study.training.outcome import SPARSITY_MEASURES, Replicate
from study.training.progress import SlotState
from study.training.start import LSUV_SAMPLES, draws, initial_parameters
from study.training.streams import Streams


@dataclass(frozen=True, eq=False)
class BlockData:
    """What all blocks of a cohort read.

    Attributes:
        training: Training part.
        validation: Validation part.
        test: Test part, where it may be read.
        features: F without padding.
        classes: C without padding.
        majority_accuracy: Validation accuracy of a constant guess.
    """

    training: Samples
    validation: Samples
    test: Samples | None
    features: int
    classes: int
    majority_accuracy: float


def train_block(
    slots: Sequence[Hyperparameters],
    replicate: int,
    data: BlockData,
    budget: Budget,
    streams: Streams,
    stop: Callable[[], bool],
    *,
    start: Sequence[SlotState] = (),
    between_epochs: Callable[[Callable[[], list[SlotState]]], None] | None = None,
    take: Callable[[Stack], None] | None = None,
) -> list[Replicate] | None:
    """Trains and measures the slots of one block.

    Args:
        slots: Hyperparameters, of one shape, sorted as `plan_blocks` sorts them.
        replicate: Whose streams they use.
        data: The data.
        budget: Epochs, batch size, optimizer.
        streams: The study's random numbers.
        stop: Asked once a step.
        start: Where each slot stands, all after the same epoch; empty: at the beginning.
        between_epochs: Given, after every epoch but the last, a function that copies where each slot stands.
        take: Given the stack after training.

    Returns:
        One replicate a slot; None where `stop` ended it.
    """
    with torch.inference_mode():
        # A product over a single slot takes another path through the library, with other bits.
        company, begun = ([*slots, slots[0]], [*start, *start]) if len(slots) == 1 else (slots, start)
        stack = start_stack(company, replicate, data, streams)
        first_norms = gradient_norms(stack, data.validation)
        told = None
        if between_epochs is not None:

            def told(states: Callable[[], list[SlotState]]) -> None:
                between_epochs(lambda: states()[: len(slots)])

        curves = train(stack, replicate, data, budget, streams, stop, start=begun, between_epochs=told)
        if curves is None:
            return None
        if take is not None:
            take(stack)
        return _replicates(stack, data, first_norms, curves)[: len(slots)]


def start_stack(slots: Sequence[Hyperparameters], replicate: int, data: BlockData, streams: Streams) -> Stack:
    """The stack before training."""
    samples = data.training
    stack = Stack(slots, features=data.features, classes=data.classes, dtype=samples.x.dtype, device=samples.x.device)
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
    start: Sequence[SlotState] = (),
    between_epochs: Callable[[Callable[[], list[SlotState]]], None] | None = None,
) -> dict[str, Tensor] | None:
    """Trains a stack for all epochs, or those that are left; `start` and `between_epochs` as in `train_block`.

    Returns:
        `[epochs, S]` learning curves: `training_loss` (mean cross-entropy over the epoch's batches, dropout on,
        without the penalty) and `validation_accuracy` at its end; None where `stop` ended it.
    """
    optimizer = Optimizer(stack, budget.optimizer)
    samples = data.training
    count = len(samples)
    batches = {size: Batch(stack, samples, size) for size in {min(budget.batch_size, count), count % budget.batch_size}}
    steps = {size: replayed(_step(stack, optimizer, batch), samples.x.device) for size, batch in batches.items()}
    widths = [fan_out for _, fan_out in stack.sizes[:-1]]
    curves: dict[str, list[Tensor]] = {"training_loss": [], "validation_accuracy": []}
    if start:
        restore(stack, optimizer, curves, start, steps=start[0].epoch * -(-count // budget.batch_size))
    for epoch in range(start[0].epoch if start else 0, budget.epochs):
        order = on_device(streams.order(replicate, epoch, count), samples.x.device)
        layers = range(len(stack.sizes) - 1) if stack.uses_dropout else ()
        generators = [streams.dropout(replicate, layer, epoch) for layer in layers]
        uniforms = Uniforms(generators, widths, count, samples.x.device)
        right: list[Tensor] = []
        for chosen in torch.split(order, budget.batch_size):
            if stop():
                return None
            batch = batches[len(chosen)]
            batch.fill(samples, chosen, uniforms.take(len(chosen)))
            steps[len(chosen)]()
            probabilities = stack.buffers(len(batch.x), training=True).probabilities
            right.append(probabilities.flatten(1).index_select(1, batch.labels))
        curves["training_loss"].append(-torch.cat(right, 1).clamp_min_(1e-37).log_().double().mean(1))
        curves["validation_accuracy"].append(accuracy(predict(stack, data.validation), data.validation))
        if between_epochs is not None and epoch + 1 < budget.epochs:
            between_epochs(lambda: snapshot(stack, optimizer, curves))
    return {name: torch.stack(points) for name, points in curves.items()}


def _step(stack: Stack, optimizer: Optimizer, batch: Batch) -> Step:
    """One step on what is in the batch's buffers."""

    def step() -> None:
        buffers = stack.forward(batch.x, batch.uniforms)
        stack.backward(batch.x, buffers, batch.targets, batch.row_weights, penalty=True)
        optimizer.step()

    return step


def slot_shapes(
    hyperparameters: Hyperparameters, features: int, classes: int, *, optimizer: Literal["adam", "sgd"]
) -> dict[str, torch.Size]:
    """The shape of every tensor of a slot's state but its curves; nothing is allocated."""
    stack = Stack([hyperparameters] * 2, features=features, classes=classes, device="meta")
    tensors = stack.state(0) | Optimizer(stack, optimizer).state(0)
    return {name: tensor.shape for name, tensor in tensors.items()}


def snapshot(stack: Stack, optimizer: Optimizer, curves: Mapping[str, Sequence[Tensor]]) -> list[SlotState]:
    """Copies where each slot stands between two epochs."""
    epoch = len(curves["training_loss"])
    states = []
    for slot in range(len(stack.slots)):
        tensors = stack.state(slot) | optimizer.state(slot)
        # Copies of the slot alone: a view would keep the whole stack.
        copied = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        copied |= {
            f"curve.{name}": torch.stack([point[slot].cpu() for point in points]) for name, points in curves.items()
        }
        states.append(SlotState(epoch, copied))
    return states


def restore(
    stack: Stack, optimizer: Optimizer, curves: dict[str, list[Tensor]], states: Sequence[SlotState], *, steps: int
) -> None:
    """Puts each slot where its state says; the reverse of `snapshot`."""
    for slot, state in enumerate(states):
        for name, tensor in (stack.state(slot) | optimizer.state(slot)).items():
            tensor.copy_(state.tensors[name])
    optimizer.begin_after(steps)
    device = stack.weights[0].device
    for name, points in curves.items():
        points += torch.stack([state.tensors[f"curve.{name}"] for state in states], dim=1).to(device).unbind(0)


def _replicates(
    stack: Stack, data: BlockData, first_norms: Sequence[Tensor], curves: dict[str, Tensor]
) -> list[Replicate]:
    predicted, loss = predict_and_judge(stack, data.validation)
    columns = {
        "accuracy": accuracy(predicted, data.validation),
        "balanced_accuracy": balanced_accuracy(predicted, data.validation),
        "log_loss": loss,
        "training_accuracy": accuracy(predict(stack, data.training), data.training),
    }
    columns["generalization_gap"] = columns["training_accuracy"] - columns["accuracy"]
    if data.test is not None:
        test, columns["test_log_loss"] = predict_and_judge(stack, data.test)
        columns["test_accuracy"] = accuracy(test, data.test)
        columns["test_balanced_accuracy"] = balanced_accuracy(test, data.test)
    test_layers = hidden_measures(stack, data.test) if data.test is not None else []
    last_norms = gradient_norms(stack, data.validation)
    layers = hidden_measures(stack, data.validation)
    finite = torch.stack([p.isfinite().flatten(1).all(1) for p in (*stack.weights, *stack.biases)]).all(0)
    finite &= loss.isfinite()
    # To the host in few pieces: a device is waited for at each.
    scored = torch.stack(list(columns.values()), 1).tolist()
    all_norms = torch.stack([torch.stack(list(first_norms)), torch.stack(last_norms)], 2).transpose(0, 1).tolist()
    drawn = {name: curve.T.tolist() for name, curve in curves.items()}
    result = []
    for slot, is_finite in enumerate(finite.tolist()):
        if not is_finite:
            result.append(_constant_guess(data))
            continue
        scores = dict(zip(columns, scored[slot], strict=True)) | network_measures(layers[slot])
        norms = all_norms[slot]
        for name, place in (("gradient_ratio_start", 0), ("gradient_ratio_end", 1)):
            if norms[-1][place] > 0:
                scores[name] = norms[0][place] / norms[-1][place]
        result.append(
            Replicate(
                diverged=False,
                scores=scores,
                layers=tuple(
                    measures | {"gradient_norm_start": start, "gradient_norm_end": end}
                    for measures, (start, end) in zip([*layers[slot], {}], norms, strict=True)
                ),
                test_layers=tuple(test_layers[slot]) if test_layers else (),
                curves={name: tuple(curve[slot]) for name, curve in drawn.items()},
            )
        )
    return result


def _constant_guess(data: BlockData) -> Replicate:
    """What a diverged replicate is worth: the majority class, and no sparsity."""
    scores = {
        "accuracy": data.majority_accuracy,
        "balanced_accuracy": 1.0 / data.classes,
        **dict.fromkeys(SPARSITY_MEASURES, 0.0),
    }
    if data.test is not None:
        majority = torch.bincount(data.training.y, minlength=data.classes).argmax()
        scores["test_accuracy"] = float((data.test.y == majority).double().mean())
        scores["test_balanced_accuracy"] = 1.0 / data.classes
    return Replicate(diverged=True, scores=scores)
