"""The database's own clock: expiry goes by it, so that no host's clock matters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DatabaseSeconds(FunctionElement[float]):
    """Seconds since 1970 by the clock of the database, also within a transaction that began earlier."""

    type = Double()
    inherit_cache = True


@compiles(DatabaseSeconds, "sqlite")
def _sqlite(element: DatabaseSeconds, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseSeconds, "postgresql")
def _postgresql(element: DatabaseSeconds, compiler: Any, **options: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::double precision"
