"""Training of cohorts: a pure function of hyperparameters, data, budget and random streams."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from itertools import product
from typing import Any, Self

import torch

from search_spaces import Hyperparameters
from study.data.split import Split
from study.machine import free_memory
from study.training.budget import Budget
from study.training.engines.stacked_mlp.block import BlockData, train_block
from study.training.engines.stacked_mlp.evaluate import Samples
from study.training.engines.stacked_mlp.plan import Block, Sizes, plan_blocks
from study.training.engines.stacked_mlp.stack import Stack
from study.training.outcome import Outcome, Replicate
from study.training.processes import BetweenEpochs, Processes, can_fork
from study.training.progress import Keeper, SlotState
from study.training.streams import Streams


class Interrupted(Exception):  # noqa: N818 - not an error: somebody asked for it
    """Training was asked to stop; nothing of it is kept."""


class Trainer:
    """Trains cohorts on settled data, budget and streams; as a context manager, in processes of its own.

    A trial's outcome depends on its hyperparameters, the split, the budget and the streams alone: to the bit
    on one processor type and library set, whatever the other trials, their order, the threads, the memory. On a GPU,
    whose libraries choose kernels by how many there are, the last digits depend on who trains beside it.

    Args:
        split: Data; one for all replicates, or one for each.
        budget: Epochs, replicates, batch size, optimizer.
        streams: The study's random numbers.
        threads: Blocks that train at the same time.
        device: Torch device.
        dtype: float32, or float64 for tests.
        read_test: Whether to score the test part too.

    Raises:
        ValueError: There are not as many splits as replicates.
    """

    def __init__(
        self,
        split: Split | Sequence[Split],
        budget: Budget,
        streams: Streams,
        *,
        threads: int = 1,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        read_test: bool = False,
    ) -> None:
        splits = [split] if isinstance(split, Split) else split
        if len(splits) not in (1, budget.seeds):
            raise ValueError(f"{len(splits)} splits for {budget.seeds} replicates; give one, or one for each")
        self._budget, self._streams, self._device = budget, streams, torch.device(device)
        self._sizes = Sizes.largest(splits)
        # A GPU is filled by one large block.
        self._threads = threads if self._device.type == "cpu" else 1
        self._processes: Processes | None = None

        @lru_cache(maxsize=self._threads + 1)
        def data_of(number: int) -> BlockData:
            return _block_data(splits[number], dtype, self._device, read_test=read_test)

        self._data_of, self._splits = data_of, len(splits)

    def __enter__(self) -> Self:
        if self._threads > 1 and can_fork():
            if self._splits == 1:
                self._data_of(0)  # for all of them
            self._processes = Processes(self._train_in_child, self._threads)
        return self

    def __exit__(self, *error: object) -> None:
        if self._processes is not None:
            self._processes.close()
            self._processes = None

    def room(self, memory: int | None) -> int | None:
        """Bytes that blocks may take together: on the processor what is given, on a device what is free there."""
        if self._device.type == "cpu":
            return memory
        if self._splits == 1:
            self._data_of(0)  # lies there too
        return free_memory(self._device) * 3 // 4

    def plan(
        self,
        trials: Sequence[Hyperparameters],
        room: int | None = None,
        behind: Mapping[tuple[int, int], int] | None = None,
    ) -> list[Block]:
        """How a cohort is cut into blocks; `room` in bytes, `behind` as in `plan_blocks`."""
        return plan_blocks(
            trials,
            self._budget,
            self._sizes,
            threads=self._threads,
            memory=room,
            device=self._device.type,
            behind=behind,
        )

    def fit(
        self,
        trials: Sequence[Hyperparameters],
        *,
        memory: int | None = None,
        stop: Callable[[], bool] = lambda: False,
        keeper: Keeper | None = None,
        take: Callable[[Block, Stack], None] | None = None,
    ) -> list[Outcome]:
        """Trains every trial over all replicates, as one stacked network, and measures it.

        Args:
            trials: The cohort.
            memory: Bytes that blocks may take together; a cohort that needs more trains in smaller blocks.
            stop: Asked all the time; training ends where it says so.
            keeper: Knows where slots stand, and is told between epochs; None: all start at the beginning.
            take: Given every block and its stack after training, in the thread that trained it: none of them trains
                in another process then.

        Returns:
            One outcome a trial, in the order asked.

        Raises:
            Interrupted: `stop` said so.
            TrainingProcessError: A process that trained a block is gone.
        """
        budget = self._budget
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
        blocks = self.plan(trials, self.room(memory), behind)
        processes = self._processes if take is None else None
        if processes is not None:
            processes.begin()
        stopped = False

        def should_stop() -> bool:
            return stopped or stop()

        def trained(block: Block) -> list[Replicate] | None:
            slots = [(trial, block.replicate) for trial in block.trials]
            train = processes or partial(self._train, take=None if take is None else partial(take, block))
            replicates = train(
                [trials[i] for i in block.trials],
                block.replicate,
                should_stop,
                [begun[slot] for slot in slots] if block.epoch else (),
                None if keeper is None else partial(keeper.between_epochs, slots),
            )
            if keeper is not None and replicates is not None:
                keeper.finished(slots, replicates)
            return replicates

        alone = _one_thread_a_block() if processes is None else nullcontext()
        with alone, ThreadPoolExecutor(max_workers=self._threads) as pool:
            futures = {pool.submit(trained, block): block for block in blocks}
            try:
                for future in as_completed(futures):
                    block, replicates = futures[future], future.result()
                    if replicates is None:
                        raise Interrupted
                    for trial, replicate in zip(block.trials, replicates, strict=True):
                        results[trial, block.replicate] = replicate
            except BaseException:
                stopped = True
                pool.shutdown(cancel_futures=True)
                raise
        return [Outcome(tuple(results[trial, r] for r in range(budget.seeds))) for trial in range(len(trials))]

    def _train(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        stop: Callable[[], bool],
        start: Sequence[SlotState],
        between_epochs: BetweenEpochs | None,
        *,
        take: Callable[[Stack], None] | None = None,
    ) -> list[Replicate] | None:
        return train_block(
            slots,
            replicate,
            self._data_of(replicate if self._splits > 1 else 0),
            self._budget,
            self._streams,
            stop,
            start=start,
            between_epochs=between_epochs,
            take=take,
        )

    def _train_in_child(self, *block: Any) -> list[Replicate] | None:
        with _one_thread_a_block():
            return self._train(*block)


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
    take: Callable[[Block, Stack], None] | None = None,
) -> list[Outcome]:
    """Trains one cohort in this process; everything as in `Trainer` and its `fit`.

    Example:
        >>> from study.data import load_dataset, make_split
        >>> split = make_split(load_dataset("iris"), seed=0)
        >>> outcome, = fit([Hyperparameters(learning_rate=0.01)], split, Budget(epochs=20), Streams(0))
        >>> outcome.mean("accuracy") > 0.8, 0 < outcome.mean("near_zero") < 1
        (True, True)
    """
    trainer = Trainer(split, budget, streams, threads=threads, device=device, dtype=dtype, read_test=read_test)
    return trainer.fit(trials, memory=memory, stop=stop, keeper=keeper, take=take)


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
