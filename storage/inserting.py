"""Inserts many rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Double, Float, Integer, String, Table, Text, insert

_AS_THEY_ARE = {Integer, Text, String, Float, Double}
"""Types whose values SQLite's driver takes as they are."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all of the same columns.

    Where no value needs to be converted, SQLite's driver gets tuples, which takes half of the time.

    Args:
        connection: A writing transaction.
        table: The table.
        rows: The rows, by column; none is allowed.
    """
    if not rows:
        return
    columns = tuple(rows[0])
    if connection.dialect.name != "sqlite" or any(type(table.c[name].type) not in _AS_THEY_ARE for name in columns):
        connection.execute(insert(table), rows)
        return
    values = [tuple(row[name] for name in columns) for row in rows]
    connection.exec_driver_sql(_statement(table.name, columns), values)


@lru_cache(maxsize=64)
def _statement(table: str, columns: tuple[str, ...]) -> str:
    """An insertion whose values are in the order of `columns`."""
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'
