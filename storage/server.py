"""Opens databases on PostgreSQL servers: checks them, and creates what is missing while nobody else does."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from storage.cohort_storage import CohortStorage
from storage.driver_errors import of_server, translated
from storage.errors import StorageAwayError, StorageRefusedError
from storage.passwords import as_given, without_password
from storage.schema import check_versions
from storage.session_locks import session_options
from storage.transactions import place_of_url
from storage.waiting import Wait

POSTGRESQL_EXAMPLE = "postgresql+psycopg://USER@HOST/DATABASE"
# An arbitrary constant: the lock keeps two processes from creating the tables of a database at the same time.
_CREATION_LOCK = 7_367_736
# Error texts of a server that is starting, shutting down, full, or not running.
_AWAY = re.compile(
    "refused|starting up|shutting down|recovery|timeout|timed out|unreachable|closed the connection|too many"
    "|connection slots are reserved"
)
_HOLDER = text(
    "SELECT activity.pid, usename, application_name, client_addr::text FROM pg_locks "
    "JOIN pg_stat_activity AS activity ON activity.pid = pg_locks.pid "
    "WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :key AND objsubid = 1 AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


def open_server(url: URL) -> CohortStorage:
    """Open a database on a PostgreSQL server; see `open_storage`."""
    shown = place_of_url(url)
    if "@" in (url.host or ""):
        raise StorageRefusedError(
            f"the host in {as_given(url.render_as_string(hide_password=False))!r} has an @, which is probably the "
            "password's; write it as %40"
        )
    engine = _engine(url, shown)
    try:
        with engine.connect() as connection:
            if _is_complete(connection, shown):
                return _connect(url, shown, complete=True)
            with _alone(connection, shown):
                return _connect(url, shown, complete=_is_complete(connection, shown))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) and (known := of_server(error.orig, shown)) is not None:
            raise known from None
        reason = " ".join(str(error.orig).split()).removesuffix(".")
        reason = without_password(reason, secrets=_secrets_of(url))
        kind = StorageAwayError if _AWAY.search(reason) else StorageRefusedError
        raise kind(
            f"cannot reach {shown}: {reason}; check that the server runs, and the host, user, password and database"
        ) from None
    finally:
        engine.dispose()


def _secrets_of(url: URL) -> list[str]:
    """The passwords that a URL holds."""
    asked = (url.query.get(name) for name in ("password", "sslpassword"))
    return [str(secret) for secret in (url.password, *asked) if secret]


def _engine(url: URL, shown: str) -> Engine:
    """An engine for checks, which holds no transaction open."""
    backend = url.get_backend_name()
    try:
        engine = create_engine(url, **session_options(url))
    except NoSuchModuleError:
        raise StorageRefusedError(
            f"unknown kind of database {url.drivername!r} in {shown}; "
            f"use a path, sqlite:///FILE or {POSTGRESQL_EXAMPLE}"
        ) from None
    except ImportError as error:
        package = "psycopg[binary]" if backend == "postgresql" else str(error.name)
        raise StorageRefusedError(
            f"the driver for {shown} is not installed ({error}); pip install '{package}'"
            + (f" and write {POSTGRESQL_EXAMPLE}" if backend == "postgresql" else "")
        ) from None
    if backend != "postgresql":
        engine.dispose()
        raise StorageRefusedError(f"{backend} is not supported ({shown}); use SQLite or PostgreSQL")
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def _is_complete(connection: Connection, shown: str) -> bool:
    return check_versions(connection, set(inspect(connection).get_table_names()), shown)


def _connect(url: URL, shown: str, *, complete: bool) -> CohortStorage:
    options = {
        "pool_pre_ping": True,
        **session_options(url),
        # Whatever the server's default is: under a stricter one a transaction's snapshot is older than its locks.
        "isolation_level": "READ COMMITTED",
    }
    with translated(shown):
        return CohortStorage(
            # Optuna fills a template with `str.format`.
            url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
            options,
            skip_compatibility_check=complete,
            skip_table_creation=complete,
        )


@contextlib.contextmanager
def _alone(connection: Connection, shown: str) -> Iterator[None]:
    """Hold the lock under which tables are created and migrated; a wait that lasts is spoken of, and ends.

    Raises:
        StorageAwayError: Another process held the lock for too long.
    """
    key = {"key": _CREATION_LOCK}
    wait = Wait(shown, lambda: _holder(connection))
    while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one():
        wait.pause()
    try:
        yield
    finally:
        with contextlib.suppress(DBAPIError):  # a session that was cut holds no lock
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _holder(connection: Connection) -> str:
    """Who holds the lock, as its server knows it."""
    row = connection.execute(_HOLDER, {"key": _CREATION_LOCK}).first()
    if row is None:
        return "another process"
    program = row.application_name or "a program"
    return f"{program} of user {row.usename} at {row.client_addr or 'the server'} (server process {row.pid})"
