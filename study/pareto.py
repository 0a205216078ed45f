"""Points of several maximized objectives: the Pareto front, the fronts behind it, and the hypervolume before them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """Area between maximized points and a reference point; for one objective, the best value above it.

    Example:
        >>> hypervolume([(0.5, 1.0), (1.0, 0.5)], (0.0, 0.0))
        0.75
    """
    if len(reference) == 1:
        return max((max(0.0, point[0] - reference[0]) for point in points), default=0.0)
    area, height = 0.0, reference[1]
    for x, y in sorted(map(tuple, points), reverse=True):
        if x > reference[0] and y > height:
            area += (x - reference[0]) * (y - height)
            height = y
    return area


def pareto(items: Iterable[_Item], values: Callable[[_Item], Sequence[float]]) -> list[_Item]:
    """The items that no other beats in one or two maximized objectives, the best by the first objective first.

    Args:
        items: Candidates; of several with equal values the first is kept.
        values: One or two objective values of an item.

    Example:
        >>> pareto([(0.8, 0.5), (0.9, 0.1), (0.7, 0.4)], lambda point: point)
        [(0.9, 0.1), (0.8, 0.5)]
    """
    front: list[_Item] = []
    for item in sorted(items, key=lambda item: [-value for value in values(item)]):
        if not front or values(item)[-1] > values(front[-1])[-1]:
            front.append(item)
    return front


def front_ranks(points: Sequence[Sequence[float]]) -> list[int]:
    """The front that each point lies on: 0 on the Pareto front, 1 on that of the others, and so on.

    Equal points lie on the same front (non-dominated sorting, Deb et al. 2002).

    Args:
        points: Values of one or two maximized objectives.

    Example:
        >>> front_ranks([(0.8, 0.5), (0.9, 0.1), (0.7, 0.4), (0.8, 0.5)])
        [0, 0, 1, 0]
    """
    left, ranks = {tuple(point) for point in points}, dict[tuple[float, ...], int]()
    rank = 0
    while left:
        front = pareto(left, lambda point: point)
        ranks.update(dict.fromkeys(front, rank))
        left.difference_update(front)
        rank += 1
    return [ranks[tuple(point)] for point in points]
