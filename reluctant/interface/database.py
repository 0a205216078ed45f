"""Databases and data as a program names them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import optuna

from storage import CohortStorage, open_storage
from study.data.in_memory import held_in_memory


def database(place: str, *, create: bool) -> CohortStorage:
    """The database of a place.

    Args:
        place: SQLite file, or SQLAlchemy URL.
        create: Whether a missing one is created.

    Raises:
        StorageError: It cannot be opened, or is not there.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return open_storage(place, create=create)


@contextmanager
def named(data: Any, y: Any, *, name: str) -> Iterator[str | None]:
    """The name under which a study finds its data.

    Args:
        data: What a command takes: a built-in name, a path, `openml:ID`; or a DataFrame, arrays, tensors. None: what
            the study says itself.
        y: `[N]` values to predict, where the data are arrays or a DataFrame without them.
        name: A short name for data in memory.

    Raises:
        DataError: The data cannot be used.
    """
    if data is None or isinstance(data, str | PathLike):
        if y is not None:
            from study.data import DataError

            raise DataError(f"y is given beside {data!r}, which has a target of its own; leave y out")
        yield None if data is None else str(data)
        return
    with held_in_memory(data, y, name=name) as source:
        yield source
