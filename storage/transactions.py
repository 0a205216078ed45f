"""Transactions on a connection of their own, beside the sessions that Optuna opens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, select

from storage.errors import StudyNotFoundError, translated
from storage.tables import STUDIES


def place_of(engine: Engine) -> str:
    """The database as its user knows it: a path, or a URL without its password."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        return str(engine.url.database)
    return engine.url.render_as_string(hide_password=True)


@contextmanager
def writing(engine: Engine, study_id: int | None = None) -> Iterator[Connection]:
    """One transaction that holds the right to write from its start; it is rolled back where the block raises.

    SQLite: BEGIN IMMEDIATE, since in WAL a transaction that reads first and writes later fails at once where another
    wrote in between. Other databases: the study's row is locked.

    Args:
        engine: The storage's engine.
        study_id: The study that is written to; it must exist.

    Raises:
        StudyNotFoundError: The study is gone.
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
    """One snapshot of the database for all statements of the block.

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
