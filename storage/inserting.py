"""Inserts many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Double, Float, Integer, String, Table, Text, insert

from storage.encoding import BOUND_VALUES

_AS_THEY_ARE = {Integer, Text, String, Float, Double}
"""Types whose values SQLite's driver takes as they are."""


def insert_rows(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, all of the same columns.

    Where no value needs to be converted, SQLite's driver gets hundreds of rows a statement. That takes half of the time
    of one row a statement, and other threads are let in once a statement, which each time may mean to wait for them.

    Args:
        connection: A writing transaction.
        table: The table.
        columns: Names of the columns.
        rows: The values of each row, in the order of `columns`; no rows are allowed.
    """
    if not rows:
        return
    if connection.dialect.name != "sqlite" or any(type(table.c[name].type) not in _AS_THEY_ARE for name in columns):
        connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])
        return
    together = BOUND_VALUES // len(columns)
    rest = len(rows) % together
    for first in range(0, len(rows) - rest, together):
        values = tuple(chain.from_iterable(rows[first : first + together]))
        connection.exec_driver_sql(_statement(table.name, columns, together), values)
    if rest:
        connection.exec_driver_sql(_statement(table.name, columns, 1), [tuple(row) for row in rows[-rest:]])


@lru_cache(maxsize=64)
def _statement(table: str, columns: tuple[str, ...], rows: int) -> str:
    """An insertion whose values are in the order of `columns`, row by row."""
    names = ", ".join(f'"{name}"' for name in columns)
    places = f"({', '.join('?' * len(columns))})"
    return f'INSERT INTO "{table}" ({names}) VALUES {", ".join([places] * rows)}'
