"""What `reluctant doctor` prints: versions, hardware, and whether the database is sound."""

from __future__ import annotations

import platform
import sqlite3
from importlib import metadata

import torch

from reluctant.errors import ReluctantError
from storage import StorageMissingError, open_storage, without_password
from study.machine import available_memory, available_threads, processor
from study.records.attributes import RECORDED_VERSIONS

OTHERS = ("sqlalchemy", "optuna-dashboard", "pandas", "pyarrow", "scipy")


def examine(storage: str) -> bool:
    """Print versions, hardware and the state of the database.

    Args:
        storage: Path or URL of the database.

    Returns:
        Whether studies can run: the database is sound, or does not exist yet.
    """
    _line("python", platform.python_version())
    for name in (*RECORDED_VERSIONS, *OTHERS):
        _line(name, metadata.version(name))
    _line("sqlite", sqlite3.sqlite_version)
    _line("processor", processor())
    _line("threads", f"{available_threads()} usable")
    _line("memory", f"{available_memory() / 2**30:.1f} GiB available")
    _line("devices", ", ".join(["cpu", *_cuda_devices()]))
    return _examine_database(storage)


def _examine_database(storage: str) -> bool:
    try:
        database = open_storage(storage, create=False)
    except ReluctantError as error:
        _line("database", str(error))
        # The first `reluctant run` creates what is missing.
        return isinstance(error, StorageMissingError)
    try:
        _line("database", database.place)
        for name, version in database.schema_versions().items():
            _line(f"{name} schema", version)
        _line("studies", str(len(database.get_all_studies())))
        damage = [*database.integrity_check(), *database.traces_of_deletion()]
        _line("integrity", "ok" if not damage else "; ".join(damage))
        return not damage
    except ReluctantError as error:
        _line("integrity", str(error))
        return False
    finally:
        database.close()


def _cuda_devices() -> list[str]:
    return [f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(torch.cuda.device_count())]


def _line(name: str, value: str) -> None:
    print(f"{name:<18} {without_password(value)}")
