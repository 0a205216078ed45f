"""Checks the versions of the tables: which databases this version can read and write."""

from __future__ import annotations

import functools
from pathlib import Path

import optuna
from alembic.script import ScriptDirectory
from optuna.storages._rdb import models
from sqlalchemy import Connection, select

from storage.errors import StorageRefusedError
from storage.tables import METADATA, OPTUNA_TABLES, SCHEMA, SCHEMA_VERSION


def check_versions(connection: Connection, tables: set[str], place: str) -> bool:
    """Refuse tables of a version that this program cannot use.

    Args:
        connection: A connection to the database.
        tables: Names of the tables in the database.
        place: The database as users know it.

    Returns:
        Whether all tables exist, in the right versions. Otherwise, creating the missing ones and migrating those of an
        earlier `reluctant` completes the database.

    Raises:
        StorageRefusedError: A newer version wrote the tables, or an older Optuna.
    """
    revision = None
    if "alembic_version" in tables:
        revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision is not None and revision != _head():
        if revision in _revisions():
            raise StorageRefusedError(
                f"{place} was written by an older Optuna (schema {revision}, needed {_head()}); "
                "copy the file, then run `optuna storage upgrade --storage URL`"
            )
        raise StorageRefusedError(
            f"{place} was written by a newer Optuna (schema {revision}; "
            f"Optuna {optuna.__version__} knows up to {_head()}); upgrade Optuna"
        )
    ours = None
    if SCHEMA.name in tables:
        ours = connection.execute(select(SCHEMA.c.version)).scalar()
    if ours is not None and ours > SCHEMA_VERSION:
        raise StorageRefusedError(
            f"{place} was written by a newer reluctant (schema {ours}; this one knows up to {SCHEMA_VERSION}); "
            "upgrade reluctant"
        )
    return revision is not None and ours == SCHEMA_VERSION and tables >= OPTUNA_TABLES | set(METADATA.tables)


@functools.cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(models.__file__).parent / "alembic"))


@functools.cache
def _head() -> str:
    return str(_scripts().get_current_head())


def _revisions() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}
