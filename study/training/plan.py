"""Which slots train side by side: a cohort cut into blocks that fit the cache and the memory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces import Hyperparameters
from study.training.budget import Budget
from study.training.stack import padded
from study.training.start import layer_sizes

CACHE_BYTES = 8 * 2**20
MOST_SLOTS = 32
EVALUATION_ROWS = 256
MEASURED_SAMPLES = 8192


@dataclass(frozen=True)
class Block:
    """Slots of one replicate and shape, trained from start to end by one thread.

    Attributes:
        replicate: Whose random streams they use.
        trials: Indices of the trials, sorted by activation, learning rate, weight decay.
    """

    replicate: int
    trials: tuple[int, ...]


def slot_bytes(hidden: Sequence[int], budget: Budget, *, features: int, classes: int) -> int:
    """Bytes that one slot of a block takes: parameters with optimizer state, and one batch's buffers."""
    sizes = layer_sizes(hidden, features, classes)
    parameters = sum((padded(fan_in) + 1) * padded(fan_out) for fan_in, fan_out in sizes)
    units = sum(padded(fan_out) for _, fan_out in sizes)
    return 4 * (4 * parameters + 6 * padded(budget.batch_size) * units)


def peak_slot_bytes(hidden: Sequence[int], budget: Budget, *, features: int, classes: int, validation: int) -> int:
    """Bytes that one slot takes at its peak, evaluation and measures included."""
    units = sum(padded(fan_out) for _, fan_out in layer_sizes(hidden, features, classes))
    evaluation = 4 * 5 * min(EVALUATION_ROWS, padded(validation)) * units
    measured = 4 * 2 * min(MEASURED_SAMPLES, padded(validation)) * units
    return slot_bytes(hidden, budget, features=features, classes=classes) + evaluation + measured


def plan_blocks(
    trials: Sequence[Hyperparameters],
    budget: Budget,
    *,
    features: int,
    classes: int,
    validation: int,
    threads: int = 1,
    memory: int | None = None,
) -> list[Block]:
    """Cuts a cohort into blocks; how it is cut changes no result.

    Args:
        trials: The cohort.
        budget: Its replicates and batch size.
        features: F of the data.
        classes: C of the data.
        validation: Validation samples.
        threads: Blocks that train at the same time.
        memory: Bytes that they may take together; None: no bound but the cache.

    Returns:
        Blocks of at most 32 slots, the most expensive first, so that threads end together.
    """
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
        size = slot_bytes(hidden, budget, features=features, classes=classes)
        limit = min(MOST_SLOTS, max(8, CACHE_BYTES // size))
        if memory is not None:
            peak = peak_slot_bytes(hidden, budget, features=features, classes=classes, validation=validation)
            limit = min(limit, memory // (threads * peak))
        count = -(-len(members) // max(2, limit))
        bounds = [len(members) * part // count for part in range(count + 1)]
        for replicate in range(budget.seeds):
            for start, stop in itertools.pairwise(bounds):
                blocks.append(((stop - start) * size, Block(replicate, tuple(members[start:stop]))))
    return [block for _, block in sorted(blocks, key=lambda pair: -pair[0])]
