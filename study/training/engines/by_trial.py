"""The engine of perceptrons of which some are normalized: each trial by the fastest engine that trains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from study.data.split import Split
from study.tasks import Task
from study.training.budget import Budget
from study.training.engines.base import Block, BlockResult, Engine, OnTrained, Sizes, plan_places
from study.training.engines.modules.module_data import ModuleData
from study.training.engines.modules.module_engine import Modules
from study.training.engines.stacked_mlp.padded_samples import BlockData
from study.training.engines.stacked_mlp.stack_engine import StackedMLP
from study.training.progress import OnEpoch, SlotState
from study.training.streams import Streams


@dataclass(frozen=True)
class _BothData:
    """A split as either engine reads it."""

    stacked: BlockData
    modules: ModuleData


class ByTrial(Engine):
    """Trains networks that are normalized or residual slot by slot, and all others as stacks.

    A trial has the bits that its own engine gives it, whatever the other trials of its cohort are.
    """

    def __init__(self, architecture: Architecture, task: Task) -> None:
        super().__init__(architecture, task)
        self._stacked, self._modules = StackedMLP(architecture, task), Modules(architecture, task)

    def _engine_of(self, trial: Hyperparameters) -> Engine:
        return self._modules if trial.normalization != "none" or trial.residual else self._stacked

    def plan(
        self,
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
        """The blocks of both engines, stacks first; see `Engine`."""

        def plan_of(engine: Engine) -> list[Block]:
            def plan(own: Sequence[Hyperparameters], reached: Mapping[tuple[int, int], int]) -> list[Block]:
                return engine.plan(
                    own,
                    budget,
                    sizes,
                    threads=threads,
                    memory=memory,
                    device=device,
                    completed=reached,
                    until=until,
                )

            places = [place for place, trial in enumerate(trials) if self._engine_of(trial) is engine]
            return plan_places(trials, places, completed or {}, plan)

        return [*plan_of(self._stacked), *plan_of(self._modules)]

    def peak_bytes(
        self, slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes, device: str = "cpu"
    ) -> int:
        """Bytes that a block of so many slots uses at its peak."""
        return self._engine_of(hyperparameters).peak_bytes(slots, hyperparameters, budget, sizes, device)

    def slot_shapes(self, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes) -> dict[str, torch.Size]:
        """Shape of every tensor of a slot's state but its curves."""
        return self._engine_of(hyperparameters).slot_shapes(hyperparameters, budget, sizes)

    def load(
        self, split: Split, dtype: torch.dtype, device: torch.device, *, read_test: bool, clamp: bool = False
    ) -> _BothData:
        """A split as either engine reads it."""
        stacked = self._stacked.load(split, dtype, device, read_test=read_test, clamp=clamp)
        return _BothData(stacked, self._modules.load(split, dtype, device, read_test=read_test, clamp=clamp))

    def train_block(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        data: _BothData,
        budget: Budget,
        streams: Streams,
        stop: Callable[[], bool],
        *,
        until: int | None = None,
        resume_states: Sequence[SlotState] = (),
        on_epoch: OnEpoch | None = None,
        on_trained: OnTrained | None = None,
    ) -> BlockResult | None:
        """Trains and measures the slots of one block, which are all of one engine; see `Engine`."""
        engine = self._engine_of(slots[0])
        own: Any = data.stacked if engine is self._stacked else data.modules
        return engine.train_block(
            slots,
            replicate,
            own,
            budget,
            streams,
            stop,
            until=until,
            resume_states=resume_states,
            on_epoch=on_epoch,
            on_trained=on_trained,
        )
