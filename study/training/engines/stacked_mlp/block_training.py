"""The training of a block: under patience its slots end one by one, and those that are left move to a smaller stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from study.training.budget import Budget
from study.training.engines.stacked_mlp.evaluate import RecordedPass
from study.training.engines.stacked_mlp.kept_weights import KeptWeights
from study.training.engines.stacked_mlp.padded_samples import BlockData
from study.training.engines.stacked_mlp.plan import FEWEST_SLOTS
from study.training.engines.stacked_mlp.stack import Stack
from study.training.engines.stacked_mlp.stack_training import Epoch, StackTraining
from study.training.patience import BestEpochs
from study.training.progress import SlotState
from study.training.streams import Streams

COMPACTED_AT = 0.5
"""A stack is replaced by a smaller one when at most this share of its slots is left.

Slots that have ended cost as much as the others, and moving the rest costs about as much as a few steps.
"""


class BlockTraining:
    """The slots of a block, from their first weights or a later state on.

    Args:
        stack: All of them, before training.
        replicate: Whose streams are used.
        data: The data.
        budget: Epochs, batch size, optimizer, patience.
        streams: The study's random numbers.
        resume_states: The state of each slot, all after the same epoch; empty: training starts at the beginning.

    Attributes:
        epoch: Number of epochs that are completed.
        best: The best epoch of each slot; None where there is no patience.
        recorded: The pass over the validation part after the last epoch, of the weights that are measured; None where
            there was none, as under patience.
    """

    def __init__(
        self,
        stack: Stack,
        replicate: int,
        data: BlockData,
        budget: Budget,
        streams: Streams,
        resume_states: Sequence[SlotState] = (),
    ) -> None:
        self.epoch = resume_states[0].epoch if resume_states else 0
        self._slots = stack.slots
        self._members = list(range(len(stack.slots)))
        self._settings = replicate, data, budget, streams
        self._training = StackTraining(stack, *self._settings)
        self._curves: dict[str, list[Tensor]] = {"training_loss": [], f"validation_{stack.task.metrics[0].name}": []}
        self.best = None if budget.patience is None else BestEpochs(len(stack.slots), budget.patience)
        self._kept = KeptWeights(stack) if self.best is not None else None
        self.recorded: RecordedPass | None = None
        # A slot that has ended has no optimizer any more; what is stored of one has these shapes, filled with 0.
        self._shapes = [
            {} if self.best is None else {name: x.shape for name, x in self._training.state(slot).items()}
            for slot in self._members
        ]
        if resume_states:
            self._restore(resume_states)

    def _restore(self, states: Sequence[SlotState]) -> None:
        for slot, state in enumerate(states):
            self._training.restore(slot, state.tensors)
            if self.best is not None and self._kept is not None:
                self.best.restore(slot, state.tensors, state.epoch)
                self._kept.restore(slot, state.tensors)
        self._training.begin_after(self.epoch)
        device = self._training.stack.weights[0].device
        for name, points in self._curves.items():
            points += torch.stack([state.tensors[f"curve.{name}"] for state in states], dim=1).to(device).unbind(0)

    @property
    def goes_on(self) -> bool:
        """Whether any slot has not ended."""
        return self.best is None or bool(self.best.going())

    @property
    def curves(self) -> dict[str, Tensor]:
        """`[epochs, S]` learning curves, of which a slot that has ended has the first part."""
        return {name: torch.stack(points) for name, points in self._curves.items()}

    @property
    def lengths(self) -> list[int]:
        """Epochs for which each slot was trained."""
        ends = [0] * len(self._slots) if self.best is None else self.best.ends.tolist()
        return [end or self.epoch for end in ends]

    def train_epoch(self, stop: Callable[[], bool], *, last: bool = False) -> bool:
        """Trains for one epoch; returns False where `stop`, which is asked once a step, ended it.

        Args:
            stop: See above.
            last: Whether no epoch follows before the block is measured.
        """
        self._compact()
        trained = self._training.train_epoch(self.epoch, stop, last=last and self.best is None)
        if trained is None:
            return False
        self.recorded = trained.recorded
        self.epoch += 1
        for points, point in zip(self._curves.values(), (trained.training_loss, trained.reached), strict=True):
            points.append(self._of_block(point))
        self._keep(trained)
        return True

    def _of_block(self, point: Tensor) -> Tensor:
        """`[S]` values of all slots of the block, from those of the slots that are trained."""
        if len(self._members) == len(self._slots):
            return point
        whole = point.new_zeros(len(self._slots))
        whole[self._members] = point
        return whole

    def _keep(self, trained: Epoch) -> None:
        """Keeps the weights of the slots whose best epoch this was."""
        if self.best is None or self._kept is None or trained.judged is None:
            return
        stack = self._training.stack
        places = self.best.update(self._members, self.epoch, *trained.judged)
        self._kept.keep(stack, places, [self._members[place] for place in places])

    def _compact(self) -> None:
        """Moves the slots that have not ended to a stack of their own, where they are few."""
        if self.best is None:
            return
        going = self.best.going()
        members = going * FEWEST_SLOTS if len(going) < FEWEST_SLOTS else going
        if len(members) > COMPACTED_AT * len(self._members):
            return
        states = [self._copied(self._members.index(slot)) for slot in members]
        stack = self._new_stack(members)
        self._training = StackTraining(stack, *self._settings)
        for place, tensors in enumerate(states):
            self._training.restore(place, tensors)
        self._training.begin_after(self.epoch)
        self._members = members

    def _new_stack(self, members: Sequence[int]) -> Stack:
        stack = self._training.stack
        return Stack(
            [self._slots[slot] for slot in members],
            task=stack.task,
            features=stack.sizes[0][0],
            outputs=stack.sizes[-1][1],
            dtype=stack.weights[0].dtype,
            device=stack.weights[0].device,
        )

    def _copied(self, place: int) -> dict[str, Tensor]:
        """Copies of the state of one slot of the stack alone: a view would keep the whole stack."""
        state = self._training.state(place)
        return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}

    def snapshot(self) -> list[SlotState]:
        """Copies the state of each slot between two epochs."""
        curves = {f"curve.{name}": curve.cpu() for name, curve in self.curves.items()}
        return [
            SlotState(
                length, self._tensors(slot) | {name: curve[:length, slot].clone() for name, curve in curves.items()}
            )
            for slot, length in enumerate(self.lengths)
        ]

    def _tensors(self, slot: int) -> dict[str, Tensor]:
        if self.best is None or self._kept is None:
            return self._copied(slot)
        kept = self._kept.state(slot)
        state = self.best.state(slot) | kept
        if not int(self.best.ends[slot]):
            return self._copied(self._members.index(slot)) | state
        # What training goes on from is not needed any more, and depends on the other slots.
        return {name: self._kept.blank(shape) for name, shape in self._shapes[slot].items()} | state

    def best_stack(self) -> Stack:
        """All slots with the weights that are measured: the last, under patience the kept ones; training ends here."""
        if self._kept is None:
            return self._training.stack
        everyone = list(range(len(self._slots)))
        stack = self._training.stack if self._members == everyone else self._new_stack(everyone)
        self._kept.load_into(stack)
        return stack
