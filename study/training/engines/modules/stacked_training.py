"""The training of several slots at once, by one forward pass, one backward pass and one optimizer for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor, nn

from study.training.budget import Budget
from study.training.engines.modules.passes import evaluate_outputs
from study.training.engines.modules.slot import SlotTraining
from study.training.engines.modules.slot_state import STEP, learned_slopes, optimizer_of
from study.training.engines.modules.stacked_networks import StackedNetworks, stacked
from study.training.scores import judged_scores


class BlockEpochs:
    """The epochs of a block: its slots train together, while at least two of them have not ended, or one by one.

    Args:
        trainings: The slots of one replicate; several of them can be stacked (see `stackable.py`).
        budget: Names the optimizer.
    """

    def __init__(self, trainings: Sequence[SlotTraining], budget: Budget) -> None:
        self._trainings, self._budget = trainings, budget
        self._stack: StackedSlots | None = None

    def train(self, epoch: int, stop: Callable[[], bool]) -> bool:
        """Trains those that have not ended for one epoch; returns False where `stop` ended it."""
        going = [training for training in self._trainings if not training.has_ended]
        if len(going) < 2:
            return all(training.train_epoch(epoch, stop) for training in going)
        if self._stack is None or len(self._stack.trainings) > len(going):
            for training in self._stack.trainings if self._stack is not None else ():
                _separate(training)
            self._stack = StackedSlots(going, self._budget)
        return self._stack.train_epoch(epoch, stop)


class StackedSlots:
    """Slots that train together; after each epoch, each of them is what training it by itself would have made it.

    Args:
        trainings: The slots, between two epochs.
        budget: Names the optimizer.
    """

    def __init__(self, trainings: Sequence[SlotTraining], budget: Budget) -> None:
        self.trainings, self._patience = list(trainings), budget.patience
        slots = [training.hyperparameters for training in trainings]
        self._networks = StackedNetworks([training.network for training in trainings], slots)
        self._optimizer = _StackedOptimizer(self._networks, trainings, budget)

    def train_epoch(self, epoch: int, stop: Callable[[], bool]) -> bool:
        """As `SlotTraining.train_epoch`, of all slots."""
        first = self.trainings[0]
        task, terms = first.data.task, []
        self._networks.train()
        for batch, drawing in first.batches(epoch, self._networks.template):
            if stop():
                return False
            with drawing:
                losses, outputs = self._networks.losses(task.loss, batch)
            self._optimizer.step(losses)
            terms.append(task.batch_terms(task.respond(outputs.detach()), batch[1]))
        loss = first.epoch_loss(epoch, torch.cat(terms, 1))
        self._networks.train(False)
        validation = evaluate_outputs(self._networks.outputs, task, first.data.validation)
        self._optimizer.share_moments()
        judged = () if self._patience is None else (judged_scores(validation, task), validation.loss)
        points = (loss, validation.value(task.metrics[0], task), *judged)
        for training, *of_slot in zip(self.trainings, *(torch.split(point, 1) for point in points), strict=True):
            training.end_epoch(epoch, *of_slot)
        return True


@dataclass(frozen=True, eq=False)
class _Part:
    """One parameter of neighbouring slots that share a learning rate and a weight decay.

    Attributes:
        start: The first of the slots.
        whole: `[S, ...]` parameters of all slots.
        view: `[s, ...]` those of these slots, which the optimizer updates.
        own: The slots' own parameters.
    """

    start: int
    whole: Tensor
    view: Tensor
    own: Sequence[Tensor]


class _StackedOptimizer:
    """Torch's optimizer of the common parameters of S slots, each with a learning rate and a weight decay of its own.

    Args:
        networks: The networks of the slots.
        trainings: The slots, whose optimizers' moments training goes on from.
        budget: Names the optimizer.
    """

    def __init__(self, networks: StackedNetworks, trainings: Sequence[SlotTraining], budget: Budget) -> None:
        self._wholes = [whole for whole in networks.parameters.values() if whole.requires_grad]
        self._optimizers = [training.optimizer for training in trainings]
        slopes = learned_slopes(networks.template)
        of_slopes = [id(parameter) in slopes for parameter in networks.template.parameters()]
        own = [list(training.network.parameters()) for training in trainings]
        self._parts: list[_Part] = []
        groups = []
        slots = [
            (training.hyperparameters.learning_rate, training.hyperparameters.weight_decay) for training in trainings
        ]
        for (rate, decay), members in groupby(range(len(slots)), key=slots.__getitem__):
            start, *_ = run = list(members)
            parts = [
                _Part(start, whole, whole.detach()[start : start + len(run)], [own[slot][index] for slot in run])
                for index, whole in enumerate(networks.parameters.values())
            ]
            self._parts += parts
            for learned in (False, True):
                views = [part.view for part, is_slope in zip(parts, of_slopes, strict=True) if is_slope == learned]
                groups.append({"params": views, "lr": rate, "weight_decay": 0.0 if learned else decay})
        self._optimizer = optimizer_of(groups, budget)
        self._take_moments()

    def step(self, losses: Tensor) -> None:
        """Updates the parameters once, by the gradients of the `[S]` losses of the slots."""
        # No slot's loss depends on another slot's parameters, so that the sum has the gradients of all.
        gradients = torch.autograd.grad(losses.sum(), self._wholes, allow_unused=True)
        of_wholes = {id(whole): gradient for whole, gradient in zip(self._wholes, gradients, strict=True)}
        for part in self._parts:
            gradient = of_wholes.get(id(part.whole))
            part.view.grad = None if gradient is None else gradient[part.start : part.start + len(part.own)]
        self._optimizer.step()

    def _take_moments(self) -> None:
        for part in self._parts:
            states = [self._optimizers[part.start + place].state.get(p, {}) for place, p in enumerate(part.own)]
            if states[0]:
                self._optimizer.state[part.view] = {
                    key: value.clone() if key == STEP else stacked([state[key] for state in states])
                    for key, value in states[0].items()
                }

    def share_moments(self) -> None:
        """Lets the optimizers of the slots have the moments, as views."""
        for part in self._parts:
            state = self._optimizer.state.get(part.view, {})
            for place, parameter in enumerate(part.own):
                self._optimizers[part.start + place].state[parameter] = {
                    key: value.clone() if key == STEP else value[place] for key, value in state.items()
                }


def _separate(training: SlotTraining) -> None:
    """Gives a slot tensors of its own, so that those that it shared are not kept for it."""
    network: nn.Module = training.network
    for tensor in (*network.parameters(), *network.buffers()):
        tensor.data = tensor.data.clone()
    for state in training.optimizer.state.values():
        state.update({key: value.clone() for key, value in state.items()})
