"""Transactions for writing, and snapshots for reading; each has its own connection, apart from Optuna's sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, select

from storage.errors import StudyNotFoundError, translated
from storage.tables import STUDIES


def place_of(engine: Engine) -> str:
    """The database as users know it: a path, or a URL without its password."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        return str(engine.url.database)
    return engine.url.render_as_string(hide_password=True)


@contextmanager
def writing(engine: Engine, study_id: int | None = None) -> Iterator[Connection]:
    """Open a transaction that may write from its start; it is rolled back where the `with` block raises.

    On SQLite it begins with BEGIN IMMEDIATE, since in WAL mode a transaction that first reads and later writes fails
    where another one wrote in between. On other databases the row of the study is locked.

    Args:
        engine: The engine of the storage.
        study_id: The study to write to; it must exist.

    Raises:
        StudyNotFoundError: The study was deleted.
        StorageError: The database cannot be written.
    """
    with translated(place_of(engine)), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if study_id is not None:
            row = select(STUDIES.c.study_id).where(STUDIES.c.study_id == study_id).with_for_update()
            if connection.execute(row).first() is None:
                raise StudyNotFoundError(
                    f"study {study_id} is no longer in {place_of(engine)}: it was deleted meanwhile; start a new one"
                )
        yield connection
        connection.commit()


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Open a snapshot of the database for all statements of the `with` block.

    Raises:
        StorageError: The database cannot be read.
    """
    with translated(place_of(engine)), engine.connect() as plain:
        connection = plain
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection = plain.execution_options(isolation_level="REPEATABLE READ")
        yield connection
        connection.rollback()
