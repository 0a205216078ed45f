"""Transactions for writing, and snapshots for reading; each has its own connection, apart from Optuna's sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, select

from storage.driver_errors import translated
from storage.errors import StudyDeletedError
from storage.passwords import without_password
from storage.tables import STUDIES, WORKERS


def place_of(engine: Engine) -> str:
    """The database as users know it: a path, or a URL without its password."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        return str(engine.url.database)
    return place_of_url(engine.url)


def place_of_url(url: URL) -> str:
    """A URL as users may see it: no password in it, nor in its query."""
    return without_password(url.render_as_string(hide_password=True))


def check_study(connection: Connection, study_id: int, place: str, *, token: str | None = None) -> None:
    """Refuse a study that was deleted.

    Creating a study deletes the rows of workers without a study: a worker without a row had another study of this id.

    Args:
        connection: A snapshot, or a writing transaction.
        study_id: The study.
        place: The database as users know it.
        token: The token of a worker of this study.

    Raises:
        StudyDeletedError: There is no such study, or it is not the study of this worker.
    """
    known = select(STUDIES.c.study_id).where(STUDIES.c.study_id == study_id)
    if token is not None:
        known = known.join(WORKERS, WORKERS.c.study_id == STUDIES.c.study_id).where(WORKERS.c.token == token)
    if connection.execute(known).first() is None:
        raise StudyDeletedError(
            f"the study with the id {study_id} is no longer in {place}: it was deleted while it was in use; "
            "its trials are lost, and `reluctant run` starts it anew"
        )


@contextmanager
def writing(engine: Engine, study_id: int | None = None, *, token: str | None = None) -> Iterator[Connection]:
    """Open a transaction that may write from its start; it is rolled back where the `with` block raises.

    On SQLite it begins with BEGIN IMMEDIATE, since in WAL mode a transaction that first reads and later writes fails
    where another one wrote in between. On other databases the row of the study is locked.

    Args:
        engine: The engine of the storage.
        study_id: The study to write to; it must exist.
        token: The token of the worker that writes; it must be a worker of this study.

    Raises:
        StudyDeletedError: The study was deleted, even where another one has its id by now.
        StorageError: The database cannot be written.
    """
    with translated(place_of(engine)), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        if study_id is not None:
            row = select(STUDIES.c.study_id).where(STUDIES.c.study_id == study_id).with_for_update()
            connection.execute(row)
            check_study(connection, study_id, place_of(engine), token=token)
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
