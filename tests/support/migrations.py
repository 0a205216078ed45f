"""Optuna's migrations, read once a process: every reading defines their tables anew, which takes long and is kept."""

from __future__ import annotations

from functools import cache
from unittest import mock

from alembic.script import ScriptDirectory
from optuna.storages._rdb.storage import _VersionManager

_read = _VersionManager._create_alembic_script


@cache
def _migrations() -> ScriptDirectory:
    """The scripts; the database that they are read for plays no part in what they say."""
    manager = _VersionManager.__new__(_VersionManager)
    manager.url = "sqlite://"
    scripts = _read(manager)
    scripts.get_current_head()  # reads them
    return scripts


def read_migrations_once() -> None:
    """Lets all databases that this process opens share the scripts; nothing else changes."""
    mock.patch.object(_VersionManager, "_create_alembic_script", side_effect=_migrations).start()
