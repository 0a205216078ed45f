"""Training of one cohort: a pure function of hyperparameters, data, budget and random streams."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import product

import torch

from search_spaces import Hyperparameters
from study.data.split import Split
from study.machine import free_memory
from study.training.block import BlockData, train_block
from study.training.budget import Budget
from study.training.evaluate import Samples
from study.training.outcome import Outcome, Replicate
from study.training.plan import Block, Sizes, plan_blocks
from study.training.progress import Keeper, SlotState
from study.training.stack import Stack
from study.training.streams import Streams


class Interrupted(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Training was asked to stop; nothing of it is kept."""


def fit(
    trials: Sequence[Hyperparameters],
    split: Split | Sequence[Split],
    budget: Budget,
    streams: Streams,
    *,
    threads: int = 1,
    memory: int | None = None,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    read_test: bool = False,
    stop: Callable[[], bool] = lambda: False,
    keeper: Keeper | None = None,
    take: Callable[[Block, Stack], None] = lambda block, stack: None,
) -> list[Outcome]:
    """Trains every trial over all replicates, as one stacked network, and measures it.

    A trial's outcome depends on its hyperparameters, the split, the budget and the streams alone: to the bit
    on one processor type and library set, whatever the other trials, their order, the threads, the memory.

    Args:
        trials: The cohort.
        split: Data; one for all replicates, or one for each.
        budget: Epochs, replicates, batch size, optimizer.
        streams: The study's random numbers.
        threads: Blocks that train at the same time.
        memory: Bytes that blocks may take together; a cohort that needs more trains in smaller blocks.
        device: Torch device.
        dtype: float32, or float64 for tests.
        read_test: Whether to score the test part too.
        stop: Asked once a step; training ends where it says so.
        keeper: Knows where slots stand, and is told between epochs; None: all start at the beginning.
        take: Given every block and its stack after training, in the thread that trained it.

    Returns:
        One outcome a trial, in the order asked.

    Raises:
        Interrupted: `stop` said so.
        ValueError: There are not as many splits as replicates.

    Example:
        >>> from study.data import load_dataset, make_split
        >>> split = make_split(load_dataset("iris"), seed=0)
        >>> outcome, = fit([Hyperparameters(learning_rate=0.01)], split, Budget(epochs=20), Streams(0))
        >>> outcome.mean("accuracy") > 0.8, 0 < outcome.mean("near_zero") < 1
        (True, True)
    """
    splits = [split] if isinstance(split, Split) else split
    if len(splits) not in (1, budget.seeds):
        raise ValueError(f"{len(splits)} splits for {budget.seeds} replicates; give one, or one for each")
    target = torch.device(device)

    @lru_cache(maxsize=threads + 1)
    def data_of(number: int) -> BlockData:
        return _block_data(splits[number], dtype, target, read_test=read_test)

    results: dict[tuple[int, int], Replicate] = {}
    begun: dict[tuple[int, int], SlotState] = {}
    if keeper is not None:
        for slot in product(range(len(trials)), range(budget.seeds)):
            known = keeper.known(*slot)
            if isinstance(known, Replicate):
                results[slot] = known
            elif known is not None:
                begun[slot] = known
    behind = {slot: state.epoch for slot, state in begun.items()} | dict.fromkeys(results, budget.epochs)
    # A GPU is filled by one large block, and its memory is its own.
    on_cpu = target.type == "cpu"
    threads, memory = (threads, memory) if on_cpu else (1, free_memory(target))
    blocks = plan_blocks(
        trials, budget, Sizes.largest(splits), threads=threads, memory=memory, cached=on_cpu, behind=behind
    )
    stopped = False

    def should_stop() -> bool:
        return stopped or stop()

    def trained(block: Block) -> list[Replicate] | None:
        slots = [(trial, block.replicate) for trial in block.trials]
        replicates = train_block(
            [trials[i] for i in block.trials],
            block.replicate,
            data_of(block.replicate if len(splits) > 1 else 0),
            budget,
            streams,
            should_stop,
            start=[begun[slot] for slot in slots] if block.epoch else (),
            between_epochs=None if keeper is None else partial(keeper.between_epochs, slots),
            take=partial(take, block),
        )
        if keeper is not None and replicates is not None:
            keeper.finished(slots, replicates)
        return replicates

    with _one_thread_a_block(), ThreadPoolExecutor(max_workers=threads) as pool:
        futures = [(block, pool.submit(trained, block)) for block in blocks]
        try:
            for block, future in futures:
                replicates = future.result()
                if replicates is None:
                    raise Interrupted
                for trial, replicate in zip(block.trials, replicates, strict=True):
                    results[trial, block.replicate] = replicate
        except BaseException:
            stopped = True
            pool.shutdown(cancel_futures=True)
            raise
    return [Outcome(tuple(results[trial, r] for r in range(budget.seeds))) for trial in range(len(trials))]


def _block_data(split: Split, dtype: torch.dtype, device: torch.device, *, read_test: bool) -> BlockData:
    classes = len(split.classes)
    return BlockData(
        training=Samples.of(split.training, classes, dtype, device),
        validation=Samples.of(split.validation, classes, dtype, device),
        test=Samples.of(split.test, classes, dtype, device) if read_test else None,
        features=split.training.x.shape[1],
        classes=classes,
        majority_accuracy=split.majority_accuracy,
    )


@contextmanager
def _one_thread_a_block() -> Iterator[None]:
    """Blocks are the unit of parallelism: a kernel that split its work would join threads at every step."""
    before, collecting = torch.get_num_threads(), gc.isenabled()
    torch.set_num_threads(1)
    gc.disable()
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if collecting:
            gc.enable()
