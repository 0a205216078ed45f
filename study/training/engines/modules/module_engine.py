"""The engine of any `nn.Module`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import nn

from reluctant.errors import ReluctantWarning
from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from search_spaces.user_networks import NetworkError
from study.data.split import Split
from study.tasks import Task
from study.training.budget import Budget
from study.training.engines.base import EVALUATION_ROWS, MEASURED_SAMPLES, Block, BlockResult, Engine, OnTrained, Sizes
from study.training.engines.modules.first_weights import build
from study.training.engines.modules.module_data import ModuleData
from study.training.engines.modules.module_plan import plan_alone, plan_together
from study.training.engines.modules.network_layers import Layers, place_paths
from study.training.engines.modules.place_measures import measured_rows, measured_together
from study.training.engines.modules.places import activation_places, recorded_calls
from study.training.engines.modules.slot import SlotTraining
from study.training.engines.modules.slot_state import shapes
from study.training.engines.modules.stackable import STACKED_DEVICES, Trial, structure
from study.training.engines.modules.stacked_training import BlockEpochs
from study.training.failures import UserCodeError, user_code
from study.training.outcome import Replicate
from study.training.progress import OnEpoch, SlotState
from study.training.streams import Streams

_FLOAT32, _FLOAT64 = 4, 8
_PARAMETER_COPIES = 4
"""Parameters, their gradients, and the optimizer's two moments."""
_ACTIVATION_COPIES = 2
"""Outputs of modules and their gradients."""
_COPIES_TOGETHER = 4
"""More copies of parameters where slots train together: what the optimizer's kernels hold, and, while slots that have
ended leave, the parameters and moments of those that go on."""
_MEASURE_COPIES = 8
"""float64 copies of a layer's activations that the measures make."""


class Modules(Engine):
    """Trains slots with autograd and `torch.optim`.

    On the processor a block is one slot, so that threads share the work. On a GPU, where `torch.func.vmap` can stack
    the networks, it is many, which train together.
    """

    def __init__(self, architecture: Architecture, task: Task) -> None:
        super().__init__(architecture, task)
        self._refusals: dict[Hashable, str | None] = {}
        self._said: set[str] = set()

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
        """One block for each slot; on a GPU one for all slots that can train together; those with most epochs first.

        Warns:
            ReluctantWarning: Slots could train together but for a reason that the text has; once for each reason.
        """
        alone = plan_alone(len(trials), budget, completed, until)
        if torch.device(device).type not in STACKED_DEVICES:
            return alone
        return plan_together(
            trials,
            alone,
            can_train_together=partial(self._can_train_together, budget, sizes, device),
            peak_bytes=lambda slots, trial: threads * self.peak_bytes(slots, trial, budget, sizes, device),
            memory=memory,
        )

    def _can_train_together(self, budget: Budget, sizes: Sizes, device: str, trials: Sequence[Hyperparameters]) -> bool:
        """Tries one trial of each activation, with and without dropout; what was tried is known from then on."""
        kinds = {(trial.activation, trial.dropout > 0): trial for trial in trials}
        key = structure(trials[0]), frozenset(kinds), sizes
        if key not in self._refusals:
            self._refusals[key] = Trial(
                architecture=self._architecture,
                sizes=sizes,
                device=torch.device(device),
                side_by_side=self._side_by_side(sizes.input_shape, sizes.outputs),
                last_batch=sizes.training % budget.batch_size or budget.batch_size,
            ).refusal([kinds[kind] for kind in sorted(kinds)] * 2)
            reason = self._refusals[key]
            if reason is not None and reason not in self._said:
                self._said.add(reason)
                text = f"networks of {self._architecture.name} train one by one, not many at once: {reason}"
                warnings.warn(text, ReluctantWarning, stacklevel=2)
        return self._refusals[key] is None

    def _side_by_side(self, input_shape: tuple[int, ...], outputs: int) -> bool:
        """Whether the channels of images lie side by side in memory."""
        user = self._architecture.user
        return len(input_shape) == 3 and (user is None or user.check(input_shape, outputs).takes_channels_last)

    def peak_bytes(
        self, slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes, device: str = "cpu"
    ) -> int:
        """Bytes that a block of so many slots uses at its peak.

        On the processor one slot at a time has activations; where slots train together, all of them have.
        """
        together = slots > 1 and torch.device(device).type in STACKED_DEVICES
        with _refused(self._architecture, "cannot be measured"):
            return self._peak_bytes(slots, hyperparameters, budget, sizes, together=together)

    def _peak_bytes(
        self, slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes, *, together: bool
    ) -> int:
        network = build(self._architecture, hyperparameters, sizes.input_shape, sizes.outputs).float()
        sample = torch.zeros(1, *sizes.input_shape)
        layers = Layers.of(network, sample)
        measured = min(MEASURED_SAMPLES, sizes.validation)
        held = [
            sum(measured_rows(measured, layers.shapes[number][0]) * layers.shapes[number][1] for number in group)
            for group in measured_together(layers, measured)
        ]
        places = activation_places(network)
        leaves = [module for module in network.modules() if not any(module.children())]
        with torch.no_grad(), recorded_calls(*{*leaves, *places}) as calls:
            network.eval()(sample)
        outputs_of_a_sample = sum(output.numel() for _, _, output in calls)
        copies = _PARAMETER_COPIES + (budget.patience is not None)  # the kept weights
        rows = max(min(budget.batch_size, sizes.training), EVALUATION_ROWS)
        if together:
            copies += _COPIES_TOGETHER
            rows *= slots
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
        side_by_side = self._side_by_side(tuple(split.training.x.shape[1:]), self._task.outputs(split))
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
        """Trains and measures the slots of one block; see `Engine`.

        Raises:
            UserCodeError: A user's network raised in a block of several slots; each is to be trained by itself.
        """
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
            epochs = BlockEpochs(trainings, budget)
            for epoch in range(resume_states[0].epoch if resume_states else 0, until):
                with of_user():
                    if not epochs.train(epoch, stop):
                        return None
                if all(training.has_ended for training in trainings):
                    break
                if on_epoch is not None and epoch + 1 < until:
                    on_epoch(lambda: [training.snapshot() for training in trainings])
            with of_user():
                states_at_rung = [] if at_end else [training.snapshot() for training in trainings]
                results = [training.result() if at_end else training.result_at_rung() for training in trainings]
        except UserCodeError as error:
            if len(slots) > 1:
                raise
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
