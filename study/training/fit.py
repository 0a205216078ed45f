"""Training of cohorts: a pure function of hyperparameters, data, budget and random streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache, partial
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
from study.training.engines.base import Block, BlockResult, OnTrained, Sizes, TrainedBlock
from study.training.failures import UserCodeError, check_failures
from study.training.lessons import AS_IT_IS, Lesson, lessons, plan_apart
from study.training.outcome import Outcome, Replicate
from study.training.processes import Processes, can_fork, can_fork_for_gradients
from study.training.progress import Keeper, OnEpoch, SlotState, Snapshot
from study.training.rung_progress import Decide, RungProgress, Slot
from study.training.streams import Streams


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
        def data_of(number: int, lesson: Lesson, replicate: int) -> Any:
            split = lesson.of(splits[number], streams, replicate)
            return self._engine.load(split, dtype, self._device, read_test=read_test, clamp=clamp)

        self._data_of, self._splits = data_of, len(splits)

    def __enter__(self) -> Self:
        if self._threads > 1 and (can_fork_for_gradients() if self._engine.uses_autograd else can_fork()):
            if self._splits == 1:
                self._data(0)  # Children share what was loaded before they were forked.
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
            self._data(0)  # The data lie on the device too.
        return free_memory(self._device) * 3 // 4

    def plan(
        self,
        trials: Sequence[Hyperparameters],
        room: int | None = None,
        completed: Mapping[Slot, int] | None = None,
        until: int | None = None,
    ) -> list[Block]:
        """How a cohort is cut into blocks; `room` in bytes, `completed` and `until` as in `Engine.plan`."""

        def plan(own: Sequence[Hyperparameters], reached: Mapping[Slot, int]) -> list[Block]:
            return self._engine.plan(
                own,
                self._budget,
                self._sizes,
                threads=self._threads,
                memory=room,
                device=str(self._device),
                completed=reached,
                until=until,
            )

        return plan_apart(trials, completed or {}, self._budget, plan)

    def peak_bytes(self, trials: Sequence[Hyperparameters], blocks: Sequence[Block]) -> int:
        """Bytes that the largest of a cohort's blocks use at their peak, as many as train at the same time.

        Args:
            trials: The cohort.
            blocks: From `plan`.
        """
        largest = max(
            self._engine.peak_bytes(
                len(block.trials), trials[block.trials[0]], self._budget, self._sizes, str(self._device)
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
        rungs: Sequence[int] = (),
        decide: Decide | None = None,
        first_replicates: int | None = None,
    ) -> list[Outcome]:
        """Trains every trial over all replicates and measures it; at rungs, some may be stopped.

        The outcomes at rungs are part of the states that a keeper is given, so that a cohort that is resumed from these
        states decides by the same outcomes.

        Args:
            trials: The cohort.
            memory: Bytes that blocks may use together; a cohort that needs more trains in smaller blocks.
            stop: Asked at every step; training ends where it returns True.
            keeper: Knows the progress of slots, and is called between epochs; None: all start at the beginning.
            on_trained: Called with every block and its trained networks, in the thread that trained it; no block trains
                in another process then.
            most_failures: So many trials in a row whose networks raise end training, where these are a user's; the
                outcomes of fewer say why they failed.
            rungs: Epochs, in ascending order, up to which all trials are trained before any goes on.
            decide: Called at each rung; says which trials go on. None: all of them.
            first_replicates: Replicates that go through the rungs, the first ones; the others are trained afterwards,
                and only those of the trials that went on at the last rung. None: all replicates.

        Returns:
            One outcome a trial, in the order asked; those of stopped trials say where they were stopped.

        Raises:
            BudgetError: Rungs or replicates do not fit the budget.
            Interrupted: `stop` returned True.
            NetworkFailedError: Too many networks raised.
            TrainingProcessError: A process that trained a block is gone.
        """
        progress = RungProgress(len(trials), self._budget, keeper, rungs, first_replicates)
        processes = self._processes if on_trained is None else None
        if processes is not None:
            processes.begin()
        room = self.room(memory)
        failures: dict[int, str] = {}
        for until in progress.phases:
            blocks = self.plan(trials, room, progress.completed(until), until)
            train = partial(self._train_phase, trials, until, progress, keeper, processes, on_trained)
            with one_thread_a_kernel() if processes is None else nullcontext():
                for block, replicates in train_in_threads(blocks, train, stop, threads=self._threads):
                    for trial, replicate in zip(block.trials, replicates, strict=True):
                        if replicate.failure is not None:
                            failures[trial] = replicate.failure
                    check_failures(failures, most_failures)
            if decide is not None and until != progress.phases[-1]:
                progress.decide(until, decide)
        return progress.outcomes()

    def _train_phase(
        self,
        trials: Sequence[Hyperparameters],
        until: int,
        progress: RungProgress,
        keeper: Keeper | None,
        processes: Processes | None,
        on_trained: Callable[[Block, TrainedBlock], None] | None,
        block: Block,
        stop: Callable[[], bool],
    ) -> Sequence[Replicate] | None:
        """Trains a block up to an epoch, and keeps what that gave; returns None where `stop` ended it.

        Where a user's network raises in a block of several slots, each is trained by itself, so that only those fail
        which raise then.
        """
        slots = [(trial, block.replicate) for trial in block.trials]

        def between_epochs(states: Snapshot) -> None:
            if keeper is not None:
                keeper.between_epochs(slots, progress.with_rungs(slots, states))

        train = processes or partial(self._train, on_trained=None if on_trained is None else partial(on_trained, block))
        try:
            result = train(
                [trials[trial] for trial in block.trials],
                block.replicate,
                stop,
                until,
                progress.states(slots) if block.epoch else (),
                None if keeper is None else between_epochs,
            )
        except UserCodeError:
            train_block = partial(self._train_phase, trials, until, progress, keeper, processes, on_trained)
            found = [train_block(replace(block, trials=(trial,)), stop) for trial in block.trials]
            return None if None in found else [replicate for of_block in found for replicate in of_block or ()]
        if result is None:
            return None
        replicates = progress.add(slots, until, result)
        if keeper is not None:
            if result.states:
                between_epochs(lambda: list(result.states))
            else:
                trained = [pair for pair in zip(slots, replicates, strict=True) if pair[1].failure is None]
                keeper.finished([slot for slot, _ in trained], [replicate for _, replicate in trained])
        return replicates

    def _train(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        stop: Callable[[], bool],
        until: int,
        resume_states: Sequence[SlotState],
        on_epoch: OnEpoch | None,
        *,
        on_trained: OnTrained | None = None,
    ) -> BlockResult | None:
        """Trains the slots of a block, which learn the same, lesson by lesson."""
        reached, result = resume_states[0].epoch if resume_states else 0, None
        for lesson, end in lessons(slots[0], reached, until, self._budget.epochs):
            if result is not None and on_epoch is not None:
                on_epoch(partial(list, resume_states))  # between two lessons
            result = self._engine.train_block(
                slots,
                replicate,
                self._data(replicate, lesson),
                self._budget,
                self._streams,
                stop,
                until=end,
                resume_states=resume_states,
                on_epoch=on_epoch,
                on_trained=on_trained,
            )
            if result is None or not result.states:
                break
            resume_states = result.states
        return result

    def _data(self, replicate: int, lesson: Lesson = AS_IT_IS) -> Any:
        """The data of a replicate as the engine reads them; those that are as they are belong to all of a split."""
        number = replicate if self._splits > 1 else 0
        return self._data_of(number, lesson, number if lesson == AS_IT_IS else replicate)

    def _train_in_child(self, *block: Any) -> BlockResult | None:
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
