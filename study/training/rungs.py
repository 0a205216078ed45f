"""Rungs: the epochs at which the trials of a bracket are compared, and who of them goes on.

Successive halving (Jamieson and Talwalkar 2016) for one or two maximized objectives. Functions of values alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from study.pareto import front_ranks, hypervolume


@dataclass(frozen=True)
class RungResult:
    """What a trial has reached at a rung.

    Attributes:
        values: Its objective values there, all maximized.
        violation: By how much it misses the floor of feasibility; feasible where ≤ 0.
    """

    values: tuple[float, ...]
    violation: float


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Where a study has its rungs, and how many trials pass one.

    Attributes:
        rungs: Their epochs, ascending.
        reduction_factor: Of n trials that reach a rung, ⌈n / reduction_factor⌉ go on.
        bracket: Trials that are compared with one another: a block of consecutive numbers.
        first_replicates: Replicates of each trial up to the last rung; those who pass it get the others.
    """

    rungs: tuple[int, ...]
    reduction_factor: int
    bracket: int
    first_replicates: int


@dataclass(frozen=True)
class Phase:
    """One part of a bracket's training.

    Attributes:
        slots: Trials times replicates that are trained in it.
        epochs: For how many epochs each.
    """

    slots: int
    epochs: int


def phases(halving: Halving, *, epochs: int, replicates: int) -> tuple[Phase, ...]:
    """What a whole bracket trains: up to each rung, then to the end, then the other replicates of who got there.

    Args:
        halving: The rungs.
        epochs: Those of a whole training.
        replicates: Those of a whole trial.

    Example:
        >>> halving = Halving(rungs=(1, 3), reduction_factor=3, bracket=9, first_replicates=1)
        >>> [(phase.slots, phase.epochs) for phase in phases(halving, epochs=9, replicates=3)]
        [(9, 1), (3, 2), (1, 6), (2, 9)]
    """
    found, trials, before = [], halving.bracket, 0
    for until in (*halving.rungs, epochs):
        found.append(Phase(trials * halving.first_replicates, until - before))
        before, trials = until, -(-trials // halving.reduction_factor) if until != epochs else trials
    return *found, Phase(trials * (replicates - halving.first_replicates), epochs)


def rung_epochs(*, min_epochs: int, reduction_factor: int, epochs: int) -> tuple[int, ...]:
    """The epochs of the rungs: `min_epochs`, and then each `reduction_factor` times the one before.

    The last one leaves `reduction_factor` times its epochs, so that passing it is worth something.

    Args:
        min_epochs: Epochs of the first rung, fewer than `epochs`.
        reduction_factor: At least 2.
        epochs: Those of a whole training.

    Example:
        >>> rung_epochs(min_epochs=1, reduction_factor=3, epochs=30)
        (1, 3, 9)
        >>> rung_epochs(min_epochs=20, reduction_factor=3, epochs=30)
        (20,)
    """
    rungs = [min_epochs] if min_epochs < epochs else []
    while rungs and rungs[-1] * reduction_factor**2 <= epochs:
        rungs.append(rungs[-1] * reduction_factor)
    return tuple(rungs)


def keep(
    reached: Mapping[int, RungResult | None],
    reduction_factor: int,
    *,
    reference: Sequence[float],
    earlier: Sequence[Sequence[float]] = (),
) -> list[int]:
    """Who of a bracket goes on at a rung: the best ⌈n / reduction_factor⌉ of the n trials that reached it.

    Feasible trials come first, by the front that they lie on (0 is the Pareto front). Of the front that does not pass
    as a whole, those go on that add most to the hypervolume of the ones kept and of earlier brackets, one after the
    other. Infeasible trials follow, the smallest violation first, and failed ones come last. Equals are told apart by
    their values and violations, and then by their numbers, so that the order of the bracket decides nothing.

    Args:
        reached: What each trial has at the rung, by number; None where it failed.
        reduction_factor: At least 2.
        reference: Where the hypervolume starts.
        earlier: Values of feasible trials of earlier brackets at this rung.

    Returns:
        The numbers of those who go on, ascending.

    Example:
        >>> bracket = {0: (0.9, 0.1), 1: (0.8, 0.5), 2: (0.5, 0.6), 3: (0.4, 0.4)}
        >>> results = {number: RungResult(values, violation=-0.1) for number, values in bracket.items()}
        >>> keep(results, 2, reference=(0.0, 0.0)), keep(results, 3, reference=(0.0, 0.0), earlier=[(0.8, 0.5)])
        ([1, 2], [0, 2])
    """
    wanted = -(-len(reached) // reduction_factor)
    there = {number: result for number, result in sorted(reached.items()) if result is not None}
    feasible = {number: result.values for number, result in there.items() if result.violation <= 0}
    fronts = dict(zip(feasible, front_ranks(list(feasible.values())), strict=True))
    kept: list[int] = []
    for rank in range(max(fronts.values(), default=-1) + 1):
        front = {number: feasible[number] for number in feasible if fronts[number] == rank}
        room = wanted - len(kept)
        if len(front) <= room:
            kept += front
        elif room:
            violations = {number: there[number].violation for number in front}
            kept += _most_added(front, violations, room, [feasible[number] for number in kept], reference, earlier)
    infeasible = [number for number in there if number not in feasible]
    kept += sorted(infeasible, key=lambda number: (there[number].violation, *_best_first(there[number].values), number))
    kept += [number for number in sorted(reached) if reached[number] is None]
    return sorted(kept[:wanted])


def _most_added(
    front: Mapping[int, Sequence[float]],
    violations: Mapping[int, float],
    room: int,
    kept: Sequence[Sequence[float]],
    reference: Sequence[float],
    earlier: Sequence[Sequence[float]],
) -> list[int]:
    """So many trials of a front, each the one that adds most to what is there; else most to what is kept."""
    chosen: list[int] = []
    left = dict(front)
    while len(chosen) < room:
        values = [*kept, *(front[number] for number in chosen)]

        def order(number: int, values: list[Sequence[float]] = values) -> tuple[float, ...]:
            gains = [
                hypervolume([*known, left[number]], reference) - hypervolume(known, reference)
                for known in ([*values, *earlier], values)
            ]
            return (*_best_first(gains), *_best_first(left[number]), violations[number], number)

        best = min(left, key=order)
        chosen.append(best)
        del left[best]
    return chosen


def _best_first(values: Sequence[float]) -> tuple[float, ...]:
    """The key by which larger values are sorted first."""
    return tuple(-value for value in values)
