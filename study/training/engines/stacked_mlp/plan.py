"""Which slots train side by side: a cohort cut into blocks that fit the cache and the memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from search_spaces import Hyperparameters
from study.data.split import Split
from study.training.budget import Budget
from study.training.engines.stacked_mlp.stack import padded
from study.training.start import layer_sizes

CACHE_BYTES = 12 * 2**20
MOST_SLOTS = 32
STEP_SLOTS = 4
"""What a step costs beside its slots, in slots: calling some hundred kernels."""
EVALUATION_ROWS = 256
MEASURED_SAMPLES = 8192


@dataclass(frozen=True)
class Block:
    """Slots of one replicate and shape, trained from start to end by one thread.

    Attributes:
        replicate: Whose random streams they use.
        trials: Indices of the trials, sorted by activation, learning rate, weight decay.
        epoch: Epochs that all of them have behind them.
    """

    replicate: int
    trials: tuple[int, ...]
    epoch: int = 0


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What of a data set decides about memory.

    Attributes:
        features: F of the data.
        classes: C of the data.
        training: Training samples.
        validation: Validation samples.
    """

    features: int
    classes: int
    training: int
    validation: int

    @classmethod
    def of(cls, split: Split) -> Sizes:
        """The sizes of a split."""
        return cls(
            features=split.training.x.shape[1],
            classes=len(split.classes),
            training=len(split.training),
            validation=len(split.validation),
        )

    @classmethod
    def largest(cls, splits: Sequence[Split]) -> Sizes:
        """What the largest of several splits of one data set needs."""
        return cls(
            features=max(split.training.x.shape[1] for split in splits),
            classes=max(len(split.classes) for split in splits),
            training=max(len(split.training) for split in splits),
            validation=max(len(split.validation) for split in splits),
        )


def slot_bytes(hidden: Sequence[int], budget: Budget, sizes: Sizes) -> int:
    """Bytes that one slot of a block touches in a step: parameters with optimizer state, and a batch's buffers."""
    layers = layer_sizes(hidden, sizes.features, sizes.classes)
    parameters = sum((padded(fan_in) + 1) * padded(fan_out) for fan_in, fan_out in layers)
    units = sum(padded(fan_out) for _, fan_out in layers)
    return 4 * (4 * parameters + 6 * padded(min(budget.batch_size, sizes.training)) * units)


def measured_at_once(device: str) -> int:
    """Activations that are measured together on a type of device: what stays in a cache, or fills a GPU."""
    return 2**17 if device == "cpu" else 2**25


def peak_bytes(slots: int, hidden: Sequence[int], budget: Budget, sizes: Sizes, device: str = "cpu") -> int:
    """Bytes that a block of so many slots takes at its peak, evaluation and measures included.

    The buffers of a whole batch, of an epoch's last batch, and of two sizes of evaluation chunk; predictions of a
    whole part; then, for one hidden layer at a time, what the measures look at, and their own float64 copies for a
    slot, or for several small ones.
    """
    layers = layer_sizes(hidden, sizes.features, sizes.classes)
    units = sum(padded(fan_out) for _, fan_out in layers)
    widest = max(padded(width) for width in hidden)
    measured = min(MEASURED_SAMPLES, padded(sizes.validation))
    batch = 4 * 6 * padded(min(budget.batch_size, sizes.training)) * units
    evaluation = 2 * 4 * 5 * min(EVALUATION_ROWS, padded(max(sizes.training, sizes.validation))) * units
    weights = 4 * sum(padded(fan_in) * padded(fan_out) for fan_in, fan_out in layers)
    predictions = 17 * max(sizes.training, sizes.validation)
    slot = slot_bytes(hidden, budget, sizes) + batch + evaluation + predictions + weights + 2 * 4 * measured * widest
    return slots * slot + 8 * 8 * max(measured * widest, measured_at_once(device))


def plan_blocks(
    trials: Sequence[Hyperparameters],
    budget: Budget,
    sizes: Sizes,
    *,
    threads: int = 1,
    memory: int | None = None,
    device: str = "cpu",
    behind: Mapping[tuple[int, int], int] | None = None,
) -> list[Block]:
    """Cuts a cohort into blocks; how it is cut changes no result.

    Args:
        trials: The cohort.
        budget: Its replicates and batch size.
        sizes: Of the data.
        threads: Blocks that train at the same time.
        memory: Bytes that they may take together; None: no bound. Two slots are the least a block has.
        device: Type of device. On the processor a block should fit the cache; else it is as large as memory lets it.
        behind: Epochs that a slot, named by trial and replicate, has behind it, where that is not 0. Slots of a
            block have the same; a slot with all its epochs behind it is in none.

    Returns:
        Blocks, the most expensive first, so that threads end together; in a cache, of at most 32 slots.
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
        size = slot_bytes(hidden, budget, sizes)
        limit = min(MOST_SLOTS, max(8, CACHE_BYTES // size)) if device == "cpu" else len(members)
        if memory is not None:
            while limit > 2 and threads * peak_bytes(limit, hidden, budget, sizes, device) > memory:
                limit -= 1
        for replicate in range(budget.seeds):
            epochs = [(behind or {}).get((index, replicate), 0) for index in members]
            for epoch in sorted(set(epochs) - {budget.epochs}):
                level = [index for index, reached in zip(members, epochs, strict=True) if reached == epoch]
                count = _blocks(len(level), max(2, limit), budget.seeds, threads)
                bounds = [len(level) * part // count for part in range(count + 1)]
                for start, stop in pairwise(bounds):
                    cost = (stop - start) * size * (budget.epochs - epoch) / budget.epochs
                    blocks.append((cost, Block(replicate, tuple(level[start:stop]), epoch)))
    return [block for _, block in sorted(blocks, key=lambda pair: -pair[0])]


def _blocks(slots: int, limit: int, seeds: int, threads: int) -> int:
    """Into how many blocks the slots of a replicate are cut, so that the threads end soonest."""
    fewest = -(-slots // limit)
    return min(
        range(fewest, max(fewest, slots // 2) + 1),
        key=lambda count: -(-count * seeds // threads) * (-(-slots // count) + STEP_SLOTS),
    )
