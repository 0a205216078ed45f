"""Brings the tables of `reluctant` that an earlier version wrote to the present version."""

from __future__ import annotations

import warnings

from sqlalchemy import Connection, Text, update

from reluctant.errors import ReluctantWarning
from storage.tables import METADATA, SCHEMA, SCHEMA_VERSION


def migrate(connection: Connection, version: int, place: str) -> None:
    """Change tables of an earlier version, and say so.

    Args:
        connection: A writing transaction.
        version: The version of the tables.
        place: The database as users know it.
    """
    if version < 2:
        _widen_texts(connection)
    connection.execute(update(SCHEMA).values(version=SCHEMA_VERSION))
    warnings.warn(
        f"{place} was written by an earlier reluctant; its tables were brought from version {version} to "
        f"{SCHEMA_VERSION}, and all that they hold is kept",
        ReluctantWarning,
        stacklevel=2,
    )


def _widen_texts(connection: Connection) -> None:
    """Version 1 limited the length of texts; SQLite ignores such limits, PostgreSQL refused the longer reasons."""
    if connection.dialect.name == "sqlite":
        return
    for table in METADATA.sorted_tables:
        changes = [f"ALTER COLUMN {column.name} TYPE TEXT" for column in table.columns if isinstance(column.type, Text)]
        if changes:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} {', '.join(changes)}")
