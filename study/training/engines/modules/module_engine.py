"""The engine of any `nn.Module`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product

import torch
from torch import nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from search_spaces.user_networks import NetworkError
from study.data.split import Split
from study.training.budget import Budget
from study.training.engines.base import EVALUATION_ROWS, MEASURED_SAMPLES, Block, BlockResult, Engine, OnTrained, Sizes
from study.training.engines.modules.first_weights import build
from study.training.engines.modules.place_measures import Layers, measured_rows, place_paths
from study.training.engines.modules.places import activation_places, recorded_calls
from study.training.engines.modules.slot import ModuleData, SlotTraining
from study.training.engines.modules.slot_state import shapes
from study.training.failures import UserCodeError, user_code
from study.training.outcome import Replicate
from study.training.progress import OnEpoch, SlotState
from study.training.streams import Streams

_FLOAT32, _FLOAT64 = 4, 8
_PARAMETER_COPIES = 4
"""Parameters, their gradients, and the optimizer's two moments."""
_ACTIVATION_COPIES = 2
"""Outputs of modules and their gradients."""
_MEASURE_COPIES = 8
"""float64 copies of a layer's activations that the measures make."""


class Modules(Engine):
    """Trains slots one by one with autograd and `torch.optim`; a block is one slot, so that threads share the work."""

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
        """One block for each slot with epochs left, those with most epochs left first."""
        reached, last = completed or {}, budget.epochs if until is None else until
        blocks = [
            Block(replicate, (trial,), reached.get((trial, replicate), 0))
            for replicate, trial in product(range(budget.seeds), range(len(trials)))
        ]
        return sorted((block for block in blocks if block.epoch < last), key=lambda block: block.epoch)

    def peak_bytes(
        self, slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes, device: str = "cpu"
    ) -> int:
        """Bytes that a block of so many slots uses at its peak, of which one at a time has activations."""
        with _refused(self._architecture, "cannot be measured"):
            return self._peak_bytes(slots, hyperparameters, budget, sizes)

    def _peak_bytes(self, slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes) -> int:
        network = build(self._architecture, hyperparameters, sizes.input_shape, sizes.outputs).float()
        sample = torch.zeros(1, *sizes.input_shape)
        layers = Layers.of(network, sample)
        measured = min(MEASURED_SAMPLES, sizes.validation)
        held = [
            sum(measured_rows(measured, layers.shapes[number][0]) * layers.shapes[number][1] for number in group)
            for group in layers.groups(measured)
        ]
        places = activation_places(network)
        leaves = [module for module in network.modules() if not any(module.children())]
        with torch.no_grad(), recorded_calls(*{*leaves, *places}) as calls:
            network.eval()(sample)
        outputs_of_a_sample = sum(output.numel() for _, _, output in calls)
        copies = _PARAMETER_COPIES + (budget.patience is not None)  # the kept weights
        rows = max(min(budget.batch_size, sizes.training), EVALUATION_ROWS)
        return (
            slots * _FLOAT32 * copies * sum(p.numel() for p in network.parameters())
            + _FLOAT32 * _ACTIVATION_COPIES * rows * outputs_of_a_sample
            + (_FLOAT32 * _ACTIVATION_COPIES + _FLOAT64 * _MEASURE_COPIES) * max(held, default=0)
        )

    def slot_shapes(self, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes) -> dict[str, torch.Size]:
        """Shape of every tensor of a slot's state but its curves; the network is built to find them."""
        network = build(self._architecture, hyperparameters, sizes.input_shape, sizes.outputs)
        return shapes(network, hyperparameters, budget)

    def layer_names(self, hyperparameters: Hyperparameters, sizes: Sizes) -> tuple[str, ...]:
        """The paths of the activations in the order of execution; empty where modules have numbers alone."""
        names = place_paths(self._architecture, hyperparameters, sizes.input_shape, sizes.outputs)
        return () if all(name.replace(".", "").isdigit() for name in names) else (*names, "output")

    def load(
        self, split: Split, dtype: torch.dtype, device: torch.device, *, read_test: bool, clamp: bool = False
    ) -> ModuleData:
        """A split on the device."""
        user, shape = self._architecture.user, tuple(split.training.x.shape[1:])
        side_by_side = user is None or user.check(shape, self._task.outputs(split)).takes_channels_last
        return ModuleData.of(
            split, self._task, dtype, device, read_test=read_test, clamp=clamp, side_by_side=side_by_side
        )

    def train_block(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        data: ModuleData,
        budget: Budget,
        streams: Streams,
        stop: Callable[[], bool],
        *,
        until: int | None = None,
        resume_states: Sequence[SlotState] = (),
        on_epoch: OnEpoch | None = None,
        on_trained: OnTrained | None = None,
    ) -> BlockResult | None:
        """Trains and measures the slots of one block, one after the other in every epoch; see `Engine`."""
        of_user = partial(user_code, self._architecture)
        until = budget.epochs if until is None else until
        at_end = until == budget.epochs
        states: Sequence[SlotState | None] = resume_states or [None] * len(slots)
        try:
            with of_user():
                trainings = [
                    SlotTraining(self._architecture, slot, replicate, data, budget, streams, state, to_the_end=at_end)
                    for slot, state in zip(slots, states, strict=True)
                ]
            for epoch in range(resume_states[0].epoch if resume_states else 0, until):
                going = [training for training in trainings if not training.has_ended]
                with of_user():
                    if not all(training.train_epoch(epoch, stop) for training in going):
                        return None
                if all(training.has_ended for training in trainings):
                    break
                if on_epoch is not None and epoch + 1 < until:
                    on_epoch(lambda: [training.snapshot() for training in trainings])
            with of_user():
                states_at_rung = [] if at_end else [training.snapshot() for training in trainings]
                results = [training.result() if at_end else training.result_at_rung() for training in trainings]
        except UserCodeError as error:
            return BlockResult([Replicate(diverged=False, scores={}, failure=str(error)) for _ in slots])
        if at_end and on_trained is not None:
            on_trained(_TrainedModules(self._architecture, trainings))
        return BlockResult(results, states_at_rung)


class _TrainedModules:
    """Slots after training, as a `TrainedBlock`."""

    def __init__(self, architecture: Architecture, trainings: Sequence[SlotTraining]) -> None:
        self._architecture, self._trainings = architecture, trainings

    def network(self, slot: int) -> nn.Module:
        """A copy of one slot's network.

        Raises:
            NetworkError: A user's network cannot be copied.
        """
        with _refused(self._architecture, "cannot be copied"):
            return self._trainings[slot].plain()


@contextmanager
def _refused(architecture: Architecture, what: str) -> Iterator[None]:
    """Turns what a user's network raises into an error of one line."""
    try:
        with user_code(architecture):
            yield
    except UserCodeError as error:
        raise NetworkError(f"--network: a network of {architecture.name} {what}: {error}; mend the function") from None
