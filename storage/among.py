"""Conditions on ids: whether a column has one of some values."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement

from storage.encoding import chunks


def among(column: ColumnElement[int], numbers: Collection[int]) -> Iterator[ColumnElement[bool]]:
    """Conditions of which one holds for each row whose value in a column is one of some numbers; none for no numbers.

    Args:
        column: A column of whole numbers.
        numbers: The numbers. Consecutive ones, as the ids of a cohort mostly are, make one condition that
            costs the same however many they are; others make one for as many as fit into a statement.
    """
    if not numbers:
        return
    lowest, highest = min(numbers), max(numbers)
    if highest - lowest + 1 == len(set(numbers)):
        yield column.between(lowest, highest)
    else:
        for some in chunks(numbers):
            yield column.in_(some)
