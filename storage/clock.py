"""The clock of the database as an SQL expression: leases expire by it, so that the clocks of hosts do not matter."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class DatabaseSeconds(FunctionElement[float]):
    """Seconds since 1970 at the moment of the statement, also within a transaction that began earlier."""

    type = Double()
    inherit_cache = True


@compiles(DatabaseSeconds, "sqlite")
def _sqlite(element: DatabaseSeconds, compiler: Any, **options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseSeconds, "postgresql")
def _postgresql(element: DatabaseSeconds, compiler: Any, **options: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::double precision"
