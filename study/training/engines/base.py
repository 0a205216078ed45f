"""What an engine is: the part of training that knows how the slots of an architecture are trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import torch
from torch import nn

from reluctant.errors import ReluctantError
from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from study.data.split import Split
from study.tasks import CLASSIFICATION, Task
from study.training.budget import Budget
from study.training.outcome import Replicate
from study.training.progress import OnEpoch, SlotState
from study.training.streams import Streams

MEASURED_SAMPLES = 8192
"""Samples of a part that activations and gradients are measured on, at most."""
MEASURED_ROWS = 65_536
"""Rows of a layer that has positions, samples times positions, that its activations are measured on, at most."""
MEASURED_BYTES = 64 * 2**20
"""Bytes of measured activations of several layers that are held together."""
EVALUATION_ROWS = 256
"""Rows of one forward pass in evaluation."""


class EngineError(ReluctantError, ValueError):
    """An architecture names an engine that there is not, or one that does not train its networks."""


@dataclass(frozen=True)
class Block:
    """Slots of one replicate and shape, trained from start to end by one thread.

    Attributes:
        replicate: Whose random streams they use.
        trials: Indices of the trials in the cohort, in the order in which the engine wants them.
        epoch: Number of epochs that all of them have completed before.
    """

    replicate: int
    trials: tuple[int, ...]
    epoch: int = 0


Plan = Callable[[Sequence[Hyperparameters], Mapping[tuple[int, int], int]], list[Block]]
"""Cuts trials into blocks, given the epochs that slots of theirs have completed."""


def plan_places(
    trials: Sequence[Hyperparameters], places: Sequence[int], completed: Mapping[tuple[int, int], int], plan: Plan
) -> list[Block]:
    """The blocks of the trials at some places of a cohort, planned by themselves.

    Args:
        trials: The cohort.
        places: Indices of trials in it.
        completed: Epochs that a slot, named by trial and replicate, has completed, where that is not 0.
        plan: Cuts these trials into blocks.
    """
    number_of = {place: number for number, place in enumerate(places)}
    reached = {
        (number_of[trial], replicate): epochs for (trial, replicate), epochs in completed.items() if trial in number_of
    }
    planned = plan([trials[place] for place in places], reached)
    return [replace(block, trials=tuple(places[number] for number in block.trials)) for block in planned]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Data dimensions that determine shapes and memory use.

    Attributes:
        input_shape: Shape of one sample's features.
        outputs: C, number of the network's outputs.
        training: Training samples.
        validation: Validation samples.
        probabilities: Class probabilities of a sample that are kept for a whole part; 0 where no metric judges them.
    """

    input_shape: tuple[int, ...]
    outputs: int
    training: int
    validation: int
    probabilities: int = 0

    @classmethod
    def of(cls, *splits: Split, task: Task = CLASSIFICATION) -> Sizes:
        """The sizes of a split, or the largest of several splits of one data set."""
        shapes = [tuple(split.training.x.shape[1:]) for split in splits]
        outputs = max(task.outputs(split) for split in splits)
        return cls(
            input_shape=tuple(map(max, zip(*shapes, strict=True))),
            outputs=outputs,
            training=max(len(split.training) for split in splits),
            validation=max(len(split.validation) for split in splits),
            probabilities=outputs if task.judges_probabilities else 0,
        )


class TrainedBlock(Protocol):
    """A block after training, before its memory is used for the next one."""

    def network(self, slot: int) -> nn.Module:
        """A copy of one slot's network, made of plain torch modules, in eval mode on the CPU, to be kept."""


OnTrained = Callable[[TrainedBlock], None]


@dataclass(frozen=True)
class BlockResult:
    """What training a block gave.

    Attributes:
        replicates: One replicate a slot; before the last epoch it has scores and layers of the validation part alone.
        states: The state of each slot, from which it can be trained further; empty after the last epoch, and where a
            user's network raised.
    """

    replicates: Sequence[Replicate]
    states: Sequence[SlotState] = ()


def layer_groups(of_layers: Sequence[int], most: int) -> list[list[int]]:
    """The hidden layers, cut into groups whose measured activations may be held together, one at least.

    Args:
        of_layers: Bytes of the measured activations of each layer.
        most: Bytes that may be held together.

    Example:
        >>> layer_groups([3, 3, 3, 9, 1], 8)
        [[0, 1], [2], [3], [4]]
    """
    groups: list[list[int]] = []
    held = 0
    for number, of_layer in enumerate(of_layers):
        if held + of_layer > most or not groups:
            groups.append([])
            held = 0
        groups[-1].append(number)
        held += of_layer
    return groups


class Engine(ABC):
    """Trains the slots of one architecture for one task.

    How slots are cut into blocks, what else is trained at the same time, and how often training is interrupted changes
    no bit of a result on one processor type.

    Args:
        architecture: What is trained.
        task: What is learned.

    Attributes:
        uses_autograd: Whether gradients are torch's own.
    """

    uses_autograd: ClassVar[bool] = True

    def __init__(self, architecture: Architecture, task: Task) -> None:
        self._architecture, self._task = architecture, task

    @abstractmethod
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
        """Cuts a cohort into blocks.

        Args:
            trials: The cohort.
            budget: Its replicates and batch size.
            sizes: Sizes of the data.
            threads: Blocks that train at the same time.
            memory: Bytes that they may use together; None: no limit.
            device: Type of device.
            completed: Epochs that a slot, named by trial and replicate, has completed, where that is not 0. Slots of
                a block have completed equally many.
            until: Epoch up to which the blocks train; None: through all epochs. A slot that has completed so many is in
                no block.

        Returns:
            Blocks, the most expensive first, so that threads end together.
        """

    @abstractmethod
    def peak_bytes(
        self, slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes, device: str = "cpu"
    ) -> int:
        """Bytes that a block of so many slots uses at its peak, evaluation and measures included."""

    @abstractmethod
    def slot_shapes(self, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes) -> dict[str, torch.Size]:
        """Shape of every tensor of a slot's state but its curves, by name."""

    def layer_names(self, hyperparameters: Hyperparameters, sizes: Sizes) -> tuple[str, ...]:
        """The path of the module that ends each layer, in their order, the output layer last; empty: they have none."""
        return ()

    @abstractmethod
    def load(
        self, split: Split, dtype: torch.dtype, device: torch.device, *, read_test: bool, clamp: bool = False
    ) -> Any:
        """A split as `train_block` reads it, on the device; blocks in several threads share it.

        Args:
            split: The data.
            dtype: Of the features and the networks.
            device: Where they lie.
            read_test: Whether the test part is scored too.
            clamp: Whether the clamped network is scored beside each network as it was trained.
        """

    @abstractmethod
    def train_block(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        data: Any,
        budget: Budget,
        streams: Streams,
        stop: Callable[[], bool],
        *,
        until: int | None = None,
        resume_states: Sequence[SlotState] = (),
        on_epoch: OnEpoch | None = None,
        on_trained: OnTrained | None = None,
    ) -> BlockResult | None:
        """Trains and measures the slots of one block.

        Training up to one epoch, and from the states of its slots up to a later one, in any other blocks, gives the
        same bits as training at once.

        Args:
            slots: Hyperparameters, in the order of the block.
            replicate: Whose streams they use.
            data: The data, from `load`.
            budget: Epochs, batch size, optimizer.
            streams: The study's random numbers.
            stop: Asked once a step.
            until: Epoch up to which the block is trained; None: through all epochs.
            resume_states: The state of each slot, all after the same epoch; empty: training starts at the beginning.
            on_epoch: Called after every epoch but the last that is trained.
            on_trained: Called with the block that is trained through all epochs.

        Returns:
            What it gave; None where `stop` ended it.
        """
