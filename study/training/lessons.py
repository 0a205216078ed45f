"""What a trial learns in place of a split as it is: shuffled targets, or inputs in one order after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from search_spaces import Hyperparameters
from study.data.split import Part, Split
from study.training.budget import Budget, BudgetError
from study.training.engines.base import Block, Plan, plan_places
from study.training.streams import Streams


@dataclass(frozen=True)
class Lesson:
    """What is learned in some of the epochs.

    Attributes:
        shuffled: Whether the targets of the training part are shuffled.
        order: The order of the inputs; 0 is that of the data.

    Example:
        >>> [*lessons(Hyperparameters(input_orders=2), 3, 6, 6)], [*lessons(Hyperparameters(), 0, 6, 6)]
        ([(Lesson(shuffled=False, order=1), 6)], [(Lesson(shuffled=False, order=0), 6)])
    """

    shuffled: bool = False
    order: int = 0

    def of(self, split: Split, streams: Streams, replicate: int) -> Split:
        """A split as the lesson has it, which is the same for all trials.

        Args:
            split: The data as they are.
            streams: The study's random numbers.
            replicate: Whose streams are used.
        """
        if self.shuffled:
            training = split.training
            shuffled = torch.from_numpy(streams.shuffled_targets(replicate, len(training)))
            split = replace(split, training=replace(training, y=training.y[shuffled]))
        if self.order:
            inputs = split.training.x[0].numel()
            order = torch.from_numpy(streams.input_order(replicate, self.order, inputs))
            parts = (split.training, split.validation, split.test)
            training, validation, test = (_reordered(part, order) for part in parts)
            split = replace(split, training=training, validation=validation, test=test)
        return split


AS_IT_IS = Lesson()


def _reordered(part: Part, order: torch.Tensor) -> Part:
    return replace(part, x=part.x.flatten(1)[:, order].reshape(part.x.shape))


def lessons(trial: Hyperparameters, epoch: int, until: int, epochs: int) -> Iterator[tuple[Lesson, int]]:
    """The lessons of a trial from one epoch to a later one, each with the epoch at which it ends.

    Epoch e of E, counted from 0, has the inputs in order ⌊e · orders / E⌋: all of them in turn, where there are epochs
    enough, each for an equal share of them.

    Args:
        trial: The trial.
        epoch: The first epoch.
        until: Where it ends.
        epochs: All epochs of the budget, E.
    """
    while epoch < until:
        order = epoch * trial.input_orders // epochs
        end = min(-(-(order + 1) * epochs // trial.input_orders), until)
        yield Lesson(trial.shuffled_targets, order), end
        epoch = end


def plan_apart(
    trials: Sequence[Hyperparameters], completed: Mapping[tuple[int, int], int], budget: Budget, plan: Plan
) -> list[Block]:
    """Blocks whose trials learn the same.

    Args:
        trials: A cohort.
        completed: Epochs that a slot, named by trial and replicate, has completed, where that is not 0.
        budget: What they train for.
        plan: Cuts trials that learn the same into blocks.

    Raises:
        BudgetError: Under patience, inputs come in several orders: the epoch that is best is not one of the last order.
    """
    groups: dict[tuple[bool, int], list[int]] = {}
    for place, trial in enumerate(trials):
        groups.setdefault((trial.shuffled_targets, trial.input_orders), []).append(place)
        if trial.input_orders > 1 and budget.patience is not None:
            raise BudgetError(
                f"the inputs come in {trial.input_orders} orders, and patience of the budget is {budget.patience}: "
                "what is best in one order says nothing of the last; leave patience out"
            )
    return [block for places in groups.values() for block in plan_places(trials, places, completed, plan)]
