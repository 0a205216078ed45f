"""Brings the tables of `reluctant` that an earlier version wrote to the present version."""

from __future__ import annotations

import warnings

from sqlalchemy import Connection, Text, update

from reluctant.errors import ReluctantWarning
from storage.tables import BEATS, METADATA, PREFIX, SCHEMA, SCHEMA_VERSION


def migrate(connection: Connection, version: int, place: str) -> None:
    """Change tables of an earlier version, and say so.

    Args:
        connection: A writing transaction.
        version: The version of the tables.
        place: The database as users know it.
    """
    if version < 2:
        _widen_texts(connection)
    if version < 3:
        _end_earlier_workers(connection)
    connection.execute(update(SCHEMA).values(version=SCHEMA_VERSION))
    warnings.warn(
        f"{place} was written by an earlier reluctant; its tables were brought from version {version} to "
        f"{SCHEMA_VERSION}, and all that they hold is kept; workers of the earlier version that are still at it end",
        ReluctantWarning,
        stacklevel=2,
    )


# What a worker of an earlier version reads. Such versions show the text of an error in a line of their own where they
# find "no such table" in it, and a traceback otherwise.
_TO_EARLIER_WORKERS = (
    "a newer reluctant brought this database to version 3 of its tables, and this worker is of an earlier version: "
    "start it again with the newer one (no such table for earlier versions)"
)


def _end_earlier_workers(connection: Connection) -> None:
    """End workers of versions 1 and 2 at their next renewal; they release their trials.

    They reclaim the trials of workers that hold their locks, by a clock that may jump.
    """
    connection.exec_driver_sql(f"ALTER TABLE {BEATS.name} ADD COLUMN version INTEGER")
    trigger = f"CREATE TRIGGER {PREFIX}earlier BEFORE UPDATE ON {BEATS.name}"
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"{trigger} WHEN OLD.version IS NULL BEGIN SELECT RAISE(ABORT, '{_TO_EARLIER_WORKERS}'); END"
        )
        return
    connection.exec_driver_sql(
        f"CREATE FUNCTION {PREFIX}refuse_earlier() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_TO_EARLIER_WORKERS}'; END $$"
    )
    connection.exec_driver_sql(
        f"{trigger} FOR EACH ROW WHEN (OLD.version IS NULL) EXECUTE PROCEDURE {PREFIX}refuse_earlier()"
    )


def _widen_texts(connection: Connection) -> None:
    """Version 1 limited the length of texts; SQLite ignores such limits, PostgreSQL refused the longer reasons."""
    if connection.dialect.name == "sqlite":
        return
    for table in METADATA.sorted_tables:
        changes = [f"ALTER COLUMN {column.name} TYPE TEXT" for column in table.columns if isinstance(column.type, Text)]
        if changes:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} {', '.join(changes)}")
