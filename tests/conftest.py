from __future__ import annotations

import os
from collections.abc import Iterator

import postgres
import pytest
from chromium import browser
from migrations import read_migrations_once

from study.machine import available_threads

read_migrations_once()

__all__ = ["browser"]  # one for all tests: a process can run Playwright once


def pytest_xdist_auto_num_workers() -> int:
    """Processes that test with `-n auto`: more than there are cores, because many tests wait for other processes."""
    cores = available_threads()
    return cores + cores // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests that take minutes first, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: "faults" not in item.path.parts)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server; without PostgreSQL the test is skipped, or fails where nothing may be skipped."""
    found = postgres.binaries()
    if found is None:
        reason = "PostgreSQL is not installed (apt-get install postgresql)"
        if os.environ.get("RELUCTANT_SKIP_NOTHING"):
            pytest.fail(reason)
        pytest.skip(reason)
    with postgres.Server(found) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> str:
    """A database with all tables, to be copied."""
    from storage import open_storage

    name = postgres_server.new_database()
    open_storage(postgres_server.url(name)).close()
    return name


@pytest.fixture
def postgres_url(postgres_server: postgres.Server, postgres_template: str) -> str:
    """The URL of a fresh database with all tables."""
    return postgres_server.url(postgres_server.new_database(postgres_template))
