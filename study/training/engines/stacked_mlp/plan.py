"""Which slots train side by side: a cohort cut into blocks that fit the cache and the memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod

from search_spaces import Hyperparameters
from search_spaces.perceptron import layer_sizes
from study.training.budget import Budget
from study.training.engines.base import EVALUATION_ROWS, MEASURED_BYTES, MEASURED_SAMPLES, Block, Sizes
from study.training.engines.stacked_mlp.stack import padded
from study.training.measures import measured_at_once

CACHE_BYTES = 12 * 2**20
MOST_SLOTS = 32
FEWEST_SLOTS = 2
"""A single slot is padded with a copy of itself: see `block.train_block`."""
STEP_SLOTS = 4
"""What a step costs in addition to its slots, in slots: calling some hundred kernels."""

_FLOAT32, _FLOAT64 = 4, 8
_PARAMETER_COPIES = 4
"""Parameters, their gradients, and the optimizer's two moments."""
_PATIENCE_COPIES = 3
"""More of them under patience: the kept ones, and what half of the slots move to a smaller stack with."""
_STEP_BUFFERS = 6
"""z, a, h, mask, g and scratch of a training step."""
_EVALUATION_BUFFERS = 5
"""z, a, g, scratch and responses of an evaluation chunk."""
_BATCH_SIZES = _CHUNK_SIZES = 2
"""A whole batch and an epoch's last one; a whole evaluation chunk and a part's last one."""
_PREDICTION_BYTES = 8 + 1 + 8
"""A predicted class, whether it is right, and that as float64."""
_PROBABILITY_COPIES = 2
"""Class probabilities in chunks, and put together."""
_HELD_LAYERS = 2
"""Layers of the widest one's size whose activations may be held together, however large they are."""
_MEASURE_COPIES = 8
"""float64 copies of a layer's activations that the measures make."""


def _units(hyperparameters: Hyperparameters, sizes: Sizes) -> list[tuple[int, int]]:
    """Padded (fan-in, fan-out) of every layer."""
    layers = layer_sizes(hyperparameters.hidden, prod(sizes.input_shape), sizes.outputs)
    return [(padded(fan_in), padded(fan_out)) for fan_in, fan_out in layers]


def _step_buffer_bytes(layers: Sequence[tuple[int, int]], budget: Budget, sizes: Sizes) -> int:
    """Bytes of one slot's buffers for a whole batch."""
    rows = padded(min(budget.batch_size, sizes.training))
    return _FLOAT32 * _STEP_BUFFERS * rows * sum(fan_out for _, fan_out in layers)


def slot_bytes(hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes) -> int:
    """Bytes that one slot of a block touches in a step: parameters with optimizer state, and a batch's buffers."""
    layers = _units(hyperparameters, sizes)
    parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in layers)
    return _FLOAT32 * _PARAMETER_COPIES * parameters + _step_buffer_bytes(layers, budget, sizes)


def peak_bytes(slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes, device: str = "cpu") -> int:
    """Bytes that a block of so many slots uses at its peak, evaluation and measures included.

    These are the buffers of both batch sizes and both sizes of evaluation chunk; the predictions of a whole part, and
    its class probabilities where a metric judges them; the summed gradient of the weights; the activations of the
    hidden layers that are measured after one pass; and the measures' copies of one of them, for one slot or for several
    small ones. Under patience there are the kept weights too, and copies of those slots that move to a smaller stack.
    """
    layers = _units(hyperparameters, sizes)
    units = sum(fan_out for _, fan_out in layers)
    most_samples = max(sizes.training, sizes.validation)
    rows = min(EVALUATION_ROWS, padded(most_samples))
    kept = 0 if budget.patience is None else _PATIENCE_COPIES
    measured_rows = min(MEASURED_SAMPLES, padded(sizes.validation))
    measured = [measured_rows * fan_out for _, fan_out in layers[:-1]]
    slots = max(FEWEST_SLOTS, slots)
    held = min(
        _FLOAT32 * slots * sum(measured), held_bytes([_FLOAT32 * slots * activations for activations in measured])
    )
    of_one_slot = (
        slot_bytes(hyperparameters, budget, sizes)
        + (_BATCH_SIZES - 1) * _step_buffer_bytes(layers, budget, sizes)
        + _FLOAT32 * _CHUNK_SIZES * _EVALUATION_BUFFERS * rows * units
        + _FLOAT32 * sum(fan_in * fan_out for fan_in, fan_out in layers)
        + _FLOAT32 * kept * sum((fan_in + 1) * fan_out for fan_in, fan_out in layers)
        + (_PREDICTION_BYTES + _FLOAT32 * _PROBABILITY_COPIES * sizes.probabilities) * most_samples
    )
    measures = _FLOAT64 * _MEASURE_COPIES * max(*measured, measured_at_once(device))
    return slots * of_one_slot + held + measures


def held_bytes(of_layers: Sequence[int]) -> int:
    """Bytes of activations of hidden layers that are held together, at most.

    Args:
        of_layers: Bytes of the activations of each hidden layer of a block.
    """
    return max(MEASURED_BYTES, _HELD_LAYERS * max(of_layers))


def plan_blocks(
    trials: Sequence[Hyperparameters],
    budget: Budget,
    sizes: Sizes,
    *,
    threads: int = 1,
    memory: int | None = None,
    device: str = "cpu",
    completed: Mapping[tuple[int, int], int] | None = None,
    until: int | None = None,
) -> list[Block]:
    """Cuts a cohort into blocks; how it is cut changes no result.

    Args:
        trials: The cohort.
        budget: Its replicates and batch size.
        sizes: Sizes of the data.
        threads: Blocks that train at the same time.
        memory: Bytes that they may use together, which are exceeded where two slots need more; None: no limit.
        device: Type of device. On the processor a block should fit the cache; else it is as large as memory lets it.
        completed: Epochs that a slot, named by trial and replicate, has completed, where that is not 0. Slots of a
            block have completed equally many.
        until: Epoch up to which the blocks train; None: through all epochs. A slot that has completed so many is in no
            block.

    Returns:
        Blocks, the most expensive first, so that threads end together; in a cache, of at most 32 slots. Their trials
        are sorted by activation, learning rate and weight decay, which neighbours in a stack can share.
    """
    until = budget.epochs if until is None else until
    blocks: list[tuple[float, Block]] = []
    for hidden in dict.fromkeys(trial.hidden for trial in trials):
        members = sorted(
            (index for index, trial in enumerate(trials) if trial.hidden == hidden),
            key=lambda index: (
                trials[index].activation,
                trials[index].learning_rate,
                trials[index].weight_decay,
                index,
            ),
        )
        one = trials[members[0]]
        size = slot_bytes(one, budget, sizes)
        limit = min(MOST_SLOTS, max(8, CACHE_BYTES // size)) if device == "cpu" else len(members)
        if memory is not None:
            while limit > FEWEST_SLOTS and threads * peak_bytes(limit, one, budget, sizes, device) > memory:
                limit -= 1
        for replicate in range(budget.seeds):
            epochs = [(completed or {}).get((index, replicate), 0) for index in members]
            for epoch in sorted({reached for reached in epochs if reached < until}):
                level = [index for index, reached in zip(members, epochs, strict=True) if reached == epoch]
                count = _blocks(len(level), max(FEWEST_SLOTS, limit), budget.seeds, threads)
                bounds = [len(level) * part // count for part in range(count + 1)]
                for start, stop in pairwise(bounds):
                    cost = (stop - start) * size * (until - epoch) / budget.epochs
                    blocks.append((cost, Block(replicate, tuple(level[start:stop]), epoch)))
    return [block for _, block in sorted(blocks, key=lambda pair: -pair[0])]


def _blocks(slots: int, limit: int, seeds: int, threads: int) -> int:
    """Into how many blocks the slots of a replicate are cut, so that the threads end soonest."""
    fewest = -(-slots // limit)
    return min(
        range(fewest, max(fewest, slots // 2) + 1),
        key=lambda count: -(-count * seeds // threads) * (-(-slots // count) + STEP_SLOTS),
    )
