"""Databases and data as a program names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any

import optuna

from storage import CohortStorage, open_storage
from study.data.in_memory import held_in_memory
from study.records.open_study import OpenStudy


def opened(place: str, find: Callable[[CohortStorage], OpenStudy], *, create: bool = True) -> OpenStudy:
    """A study in the database of a place, which is closed again where the study cannot be opened.

    Args:
        place: SQLite file, or SQLAlchemy URL.
        find: Creates or opens the study.
        create: Whether a missing database is created.

    Raises:
        StorageError: The database cannot be opened, or is not there.
        ReluctantError: What `find` raises.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(place, create=create)
    try:
        return find(storage)
    except BaseException:
        storage.close()
        raise


@contextmanager
def named(data: Any, y: Any) -> Iterator[str | None]:
    """The name under which a study finds its data.

    Args:
        data: What a command takes: a built-in name, a path, `openml:ID`; or a DataFrame, arrays, tensors. None: what
            the study says itself.
        y: `[N]` values to predict, where the data are arrays or a DataFrame without them.

    Raises:
        DataError: The data cannot be used.
    """
    if data is None or isinstance(data, str | PathLike):
        if y is not None:
            from study.data import DataError

            raise DataError(f"y is given beside {data!r}, which has a target of its own; leave y out")
        yield None if data is None else str(data)
        return
    with held_in_memory(data, y) as source:
        yield source
