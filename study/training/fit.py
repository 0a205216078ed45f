"""Training of cohorts: a pure function of hyperparameters, data, budget and random streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from itertools import product
from typing import Any, Self

import torch

from search_spaces import Hyperparameters
from search_spaces.architectures import ARCHITECTURES, Architecture
from study.data.split import Split
from study.machine import free_memory
from study.tasks import CLASSIFICATION, Task
from study.training.block_threads import one_thread_a_kernel, train_in_threads
from study.training.budget import Budget
from study.training.engines import engine_of
from study.training.engines.base import Block, OnTrained, Sizes, TrainedBlock
from study.training.failures import check_failures
from study.training.outcome import Outcome, Replicate
from study.training.processes import Processes, can_fork
from study.training.progress import Keeper, OnEpoch, SlotState
from study.training.streams import Streams

Slot = tuple[int, int]
"""A trial's index in its cohort, and a replicate."""


class Trainer:
    """Trains cohorts on settled data, budget and streams; as a context manager, in processes of its own.

    A trial's outcome depends on its hyperparameters, the split, the budget and the streams alone. On one processor type
    and library set it is bit-identical whatever the other trials, their order, the threads and the memory are. On a
    GPU, whose libraries choose kernels by the number of slots, the last digits depend on the other trials.

    Args:
        split: Data; one for all replicates, or one for each.
        budget: Epochs, replicates, batch size, optimizer.
        streams: The study's random numbers.
        architecture: What is trained: a member of `ARCHITECTURES`, or one of your own.
        task: What is learned.
        threads: Blocks that train at the same time.
        device: Torch device.
        dtype: float32, or float64 for tests.
        read_test: Whether to score the test part too.
        clamp: Whether to score the clamped network beside the one that was trained (see `study.training.measures`).

    Raises:
        ValueError: There are not as many splits as replicates.
    """

    def __init__(
        self,
        split: Split | Sequence[Split],
        budget: Budget,
        streams: Streams,
        *,
        architecture: Architecture = ARCHITECTURES["mlp"],
        task: Task = CLASSIFICATION,
        threads: int = 1,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        read_test: bool = False,
        clamp: bool = False,
    ) -> None:
        splits = [split] if isinstance(split, Split) else split
        if len(splits) not in (1, budget.seeds):
            raise ValueError(f"{len(splits)} splits for {budget.seeds} replicates; give one, or one for each")
        self._engine = engine_of(architecture, task)
        self._budget, self._streams, self._device = budget, streams, torch.device(device)
        self._sizes = Sizes.of(*splits, task=task)
        # A GPU is filled by one large block.
        self._threads = threads if self._device.type == "cpu" else 1
        self._processes: Processes | None = None

        @lru_cache(maxsize=self._threads + 1)
        def data_of(number: int) -> Any:
            return self._engine.load(splits[number], dtype, self._device, read_test=read_test, clamp=clamp)

        self._data_of, self._splits = data_of, len(splits)

    def __enter__(self) -> Self:
        if self._threads > 1 and can_fork():
            if self._splits == 1:
                self._data_of(0)  # Children share what was loaded before they were forked.
            self._processes = Processes(self._train_in_child, self._threads)
        return self

    def __exit__(self, *error: object) -> None:
        if self._processes is not None:
            self._processes.close()
            self._processes = None

    def room(self, memory: int | None) -> int | None:
        """Bytes that blocks may use together: on the processor those that are given, on a device those free there."""
        if self._device.type == "cpu":
            return memory
        if self._splits == 1:
            self._data_of(0)  # The data lie on the device too.
        return free_memory(self._device) * 3 // 4

    def plan(
        self,
        trials: Sequence[Hyperparameters],
        room: int | None = None,
        completed: Mapping[Slot, int] | None = None,
    ) -> list[Block]:
        """How a cohort is cut into blocks; `room` in bytes, `completed` as in `Engine.plan`."""
        return self._engine.plan(
            trials,
            self._budget,
            self._sizes,
            threads=self._threads,
            memory=room,
            device=self._device.type,
            completed=completed,
        )

    def peak_bytes(self, trials: Sequence[Hyperparameters], blocks: Sequence[Block]) -> int:
        """Bytes that the largest of a cohort's blocks use at their peak, as many as train at the same time.

        Args:
            trials: The cohort.
            blocks: From `plan`.
        """
        largest = max(
            self._engine.peak_bytes(
                len(block.trials), trials[block.trials[0]], self._budget, self._sizes, self._device.type
            )
            for block in blocks
        )
        return self._threads * largest

    def fit(
        self,
        trials: Sequence[Hyperparameters],
        *,
        memory: int | None = None,
        stop: Callable[[], bool] = lambda: False,
        keeper: Keeper | None = None,
        on_trained: Callable[[Block, TrainedBlock], None] | None = None,
        most_failures: int = 1,
    ) -> list[Outcome]:
        """Trains every trial over all replicates and measures it.

        Args:
            trials: The cohort.
            memory: Bytes that blocks may use together; a cohort that needs more trains in smaller blocks.
            stop: Asked at every step; training ends where it returns True.
            keeper: Knows the progress of slots, and is called between epochs; None: all start at the beginning.
            on_trained: Called with every block and its trained networks, in the thread that trained it; no block trains
                in another process then.
            most_failures: So many trials in a row whose networks raise end training, where these are a user's; the
                outcomes of fewer say why they failed.

        Returns:
            One outcome a trial, in the order asked.

        Raises:
            Interrupted: `stop` returned True.
            NetworkFailedError: Too many networks raised.
            TrainingProcessError: A process that trained a block is gone.
        """
        budget = self._budget
        results, resume_states = _known(keeper, product(range(len(trials)), range(budget.seeds)))
        completed = {slot: state.epoch for slot, state in resume_states.items()} | dict.fromkeys(results, budget.epochs)
        blocks = self.plan(trials, self.room(memory), completed)
        processes = self._processes if on_trained is None else None
        if processes is not None:
            processes.begin()

        def train(block: Block, stop: Callable[[], bool]) -> list[Replicate] | None:
            slots = [(trial, block.replicate) for trial in block.trials]
            train_block = processes or partial(
                self._train, on_trained=None if on_trained is None else partial(on_trained, block)
            )
            replicates = train_block(
                [trials[trial] for trial in block.trials],
                block.replicate,
                stop,
                [resume_states[slot] for slot in slots] if block.epoch else (),
                None if keeper is None else partial(keeper.between_epochs, slots),
            )
            if keeper is not None and replicates is not None:
                trained = [pair for pair in zip(slots, replicates, strict=True) if pair[1].failure is None]
                keeper.finished([slot for slot, _ in trained], [replicate for _, replicate in trained])
            return replicates

        failures: dict[int, str] = {}
        with one_thread_a_kernel() if processes is None else nullcontext():
            for block, replicates in train_in_threads(blocks, train, stop, threads=self._threads):
                for trial, replicate in zip(block.trials, replicates, strict=True):
                    results[trial, block.replicate] = replicate
                    if replicate.failure is not None:
                        failures[trial] = replicate.failure
                check_failures(failures, most_failures)
        return [Outcome(tuple(results[trial, r] for r in range(budget.seeds))) for trial in range(len(trials))]

    def _train(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        stop: Callable[[], bool],
        resume_states: Sequence[SlotState],
        on_epoch: OnEpoch | None,
        *,
        on_trained: OnTrained | None = None,
    ) -> list[Replicate] | None:
        return self._engine.train_block(
            slots,
            replicate,
            self._data_of(replicate if self._splits > 1 else 0),
            self._budget,
            self._streams,
            stop,
            resume_states=resume_states,
            on_epoch=on_epoch,
            on_trained=on_trained,
        )

    def _train_in_child(self, *block: Any) -> list[Replicate] | None:
        with one_thread_a_kernel():
            return self._train(*block)


def fit(
    trials: Sequence[Hyperparameters],
    split: Split | Sequence[Split],
    budget: Budget,
    streams: Streams,
    *,
    architecture: Architecture = ARCHITECTURES["mlp"],
    task: Task = CLASSIFICATION,
    threads: int = 1,
    memory: int | None = None,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    read_test: bool = False,
    clamp: bool = False,
    stop: Callable[[], bool] = lambda: False,
    keeper: Keeper | None = None,
    on_trained: Callable[[Block, TrainedBlock], None] | None = None,
) -> list[Outcome]:
    """Trains one cohort in this process; everything as in `Trainer` and its `fit`.

    Example:
        >>> from study.data import load_dataset, make_split
        >>> split = make_split(load_dataset("iris"), seed=0)
        >>> outcome, = fit([Hyperparameters(learning_rate=0.01)], split, Budget(epochs=20), Streams(0))
        >>> outcome.mean("accuracy") > 0.8, 0 < outcome.mean("near_zero") < 1
        (True, True)
    """
    trainer = Trainer(
        split,
        budget,
        streams,
        architecture=architecture,
        task=task,
        threads=threads,
        device=device,
        dtype=dtype,
        read_test=read_test,
        clamp=clamp,
    )
    return trainer.fit(trials, memory=memory, stop=stop, keeper=keeper, on_trained=on_trained)


def _known(keeper: Keeper | None, slots: Iterator[Slot]) -> tuple[dict[Slot, Replicate], dict[Slot, SlotState]]:
    """The results and the states of those slots that a keeper knows."""
    results: dict[Slot, Replicate] = {}
    states: dict[Slot, SlotState] = {}
    if keeper is None:
        return results, states
    for slot in slots:
        known = keeper.known(*slot)
        if isinstance(known, Replicate):
            results[slot] = known
        elif known is not None:
            states[slot] = known
    return results, states
