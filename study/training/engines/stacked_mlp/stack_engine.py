"""The engine of multilayer perceptrons: many slots as one stacked network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import torch
from torch import nn

from search_spaces import Hyperparameters
from search_spaces.architectures import Architecture
from study.data.split import Split
from study.training.budget import Budget
from study.training.engines.base import Block, BlockResult, Engine, EngineError, OnTrained, Sizes
from study.training.engines.stacked_mlp.block import train_block
from study.training.engines.stacked_mlp.optimizer import Optimizer
from study.training.engines.stacked_mlp.padded_samples import BlockData
from study.training.engines.stacked_mlp.plan import FEWEST_SLOTS, peak_bytes, plan_blocks
from study.training.engines.stacked_mlp.stack import Stack
from study.training.patience import state_shapes
from study.training.plain_network import plain_network
from study.training.progress import OnEpoch, SlotState
from study.training.streams import Streams


class StackedMLP(Engine):
    """Trains slots of the architecture `mlp` side by side, with a forward and a backward pass of its own.

    On a GPU, whose libraries choose kernels by the number of slots, the last digits of a result depend on which slots
    share a block.
    """

    uses_autograd = False

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
        """Cuts a cohort into blocks that fit the cache and the memory; see `plan_blocks`.

        Raises:
            EngineError: A trial is of a network that this engine does not train.
        """
        for trial in trials:
            if trial.normalization != "none" or trial.residual:
                raise EngineError(
                    "the engine stacked_mlp trains no normalization and no residual connections; give the architecture "
                    'another one: dataclasses.replace(ARCHITECTURES["mlp"], engine="modules")'
                )
        return plan_blocks(
            trials, budget, sizes, threads=threads, memory=memory, device=device, completed=completed, until=until
        )

    def peak_bytes(
        self, slots: int, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes, device: str = "cpu"
    ) -> int:
        """Bytes that a block of so many slots uses at its peak; see `plan.peak_bytes`."""
        return peak_bytes(slots, hyperparameters, budget, sizes, device)

    def slot_shapes(self, hyperparameters: Hyperparameters, budget: Budget, sizes: Sizes) -> dict[str, torch.Size]:
        """Shape of every tensor of a slot's state but its curves, padding included; nothing is allocated."""
        stack = Stack(
            [hyperparameters] * FEWEST_SLOTS,
            task=self._task,
            features=prod(sizes.input_shape),
            outputs=sizes.outputs,
            device="meta",
        )
        tensors = stack.state(0) | Optimizer(stack, budget.optimizer).state(0)
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        if budget.patience is None:
            return shapes
        return shapes | state_shapes({name: tensor.shape for name, tensor in stack.state(0).items()})

    def load(
        self, split: Split, dtype: torch.dtype, device: torch.device, *, read_test: bool, clamp: bool = False
    ) -> BlockData:
        """A split, padded, on the device."""
        return BlockData.of(split, self._task, dtype, device, read_test=read_test, clamp=clamp)

    def train_block(
        self,
        slots: Sequence[Hyperparameters],
        replicate: int,
        data: BlockData,
        budget: Budget,
        streams: Streams,
        stop: Callable[[], bool],
        *,
        until: int | None = None,
        resume_states: Sequence[SlotState] = (),
        on_epoch: OnEpoch | None = None,
        on_trained: OnTrained | None = None,
    ) -> BlockResult | None:
        """Trains and measures the slots of one block as a stack; see `Engine`."""

        def on_stack(stack: Stack) -> None:
            if on_trained is not None:
                on_trained(_TrainedStack(stack, self._architecture))

        return train_block(
            slots,
            replicate,
            data,
            budget,
            streams,
            stop,
            until=until,
            resume_states=resume_states,
            on_epoch=on_epoch,
            on_trained=on_stack,
        )


class _TrainedStack:
    """A stack after training, as a `TrainedBlock`."""

    def __init__(self, stack: Stack, architecture: Architecture) -> None:
        self._stack, self._architecture = stack, architecture

    def network(self, slot: int) -> nn.Module:
        """A copy of one slot's network; a constant slope is the hyperparameter, not its float32 neighbour."""
        stack = self._stack
        # Tensors that are made in inference mode could not be trained further.
        with torch.inference_mode(False), torch.no_grad():
            network = plain_network(
                self._architecture,
                stack.slots[slot],
                (stack.sizes[0][0],),
                stack.sizes[-1][1],
                stack.weights[0].dtype,
            )
            linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
            for module, (weight, bias) in zip(linear, stack.parameters(slot), strict=True):
                module.weight.copy_(weight.T)
                module.bias.copy_(bias)
            learned = [module for module in network.modules() if isinstance(module, nn.PReLU)]
            for activation, slope in zip(learned, stack.slopes, strict=False):
                activation.weight.copy_(slope[slot, :1])
        return network
