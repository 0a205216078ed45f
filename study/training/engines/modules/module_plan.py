"""Which slots of any module train together: on the processor none, on a GPU those that can be stacked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, product

from search_spaces import Hyperparameters
from study.training.budget import Budget
from study.training.engines.base import Block
from study.training.engines.modules.stackable import structure


def plan_alone(
    trials: int, budget: Budget, completed: Mapping[tuple[int, int], int] | None, until: int | None
) -> list[Block]:
    """One block for each slot with epochs left, those with most epochs left first."""
    reached, last = completed or {}, budget.epochs if until is None else until
    blocks = [
        Block(replicate, (trial,), reached.get((trial, replicate), 0))
        for replicate, trial in product(range(budget.seeds), range(trials))
    ]
    return sorted((block for block in blocks if block.epoch < last), key=lambda block: block.epoch)


def plan_together(
    trials: Sequence[Hyperparameters],
    alone: Sequence[Block],
    *,
    can_train_together: Callable[[Sequence[Hyperparameters]], bool],
    peak_bytes: Callable[[int, Hyperparameters], int],
    memory: int | None,
) -> list[Block]:
    """Joins blocks of one slot each to larger ones.

    Args:
        trials: The cohort.
        alone: From `plan_alone`.
        can_train_together: Whether trials of one structure can.
        peak_bytes: Bytes that a block of so many slots of a trial uses at its peak.
        memory: Bytes that a block may use, which are exceeded where one slot needs more; None: no limit.

    Returns:
        Blocks, those with most epochs left first; in each of them neighbours share what they can of activation,
        learning rate and weight decay.
    """
    groups: dict[tuple[Hyperparameters, int, int], list[int]] = {}
    for block in alone:
        (trial,) = block.trials
        groups.setdefault((structure(trials[trial]), block.replicate, block.epoch), []).append(trial)
    blocks = []
    for (_, replicate, epoch), members in groups.items():
        limit = 1
        if len(members) > 1 and can_train_together([trials[member] for member in members]):
            most = max((trials[member] for member in members), key=lambda trial: trial.dropout)
            limit = len(members) if memory is None else _largest(len(members), most, peak_bytes, memory)
        ordered = sorted(members, key=lambda member: (*_shared(trials[member]), member))
        count = -(-len(members) // limit)
        bounds = [len(members) * part // count for part in range(count + 1)]
        blocks += [Block(replicate, tuple(ordered[start:stop]), epoch) for start, stop in pairwise(bounds)]
    return sorted(blocks, key=lambda block: block.epoch)


def _largest(slots: int, trial: Hyperparameters, peak_bytes: Callable[[int, Hyperparameters], int], memory: int) -> int:
    """The most slots, at least one, of which a block fits the memory."""
    return max(1, bisect_right(range(1, slots + 1), memory, key=lambda count: peak_bytes(count, trial)))


def _shared(trial: Hyperparameters) -> tuple[str, float, float]:
    return trial.activation, trial.learning_rate, trial.weight_decay
