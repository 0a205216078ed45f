"""What befalls a PostgreSQL server under a study: sessions are cut, all connections are taken, it is restarted."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.faults.strikes import Strikes

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))  # the tests' PostgreSQL server
import postgres

OF_SERVERS = ("cut session", "full server", "restart")
_FULL_SECONDS = 1.5


@dataclass
class ServerStrikes(Strikes):
    """Faults of a server, too.

    Attributes:
        server: The server.
    """

    server: postgres.Server = field(kw_only=True)
    _taken: list[psycopg.Connection] = field(default_factory=list, init=False)
    _until: float = field(default=0.0, init=False)

    def tend(self) -> None:
        """Gives the connections back."""
        if self._taken and time.monotonic() >= self._until:
            for connection in self._taken:
                connection.close()
            self._taken.clear()

    def close(self) -> None:
        """Gives the connections back, and closes the database."""
        self._until = 0.0
        self.tend()
        super().close()

    def _faults(self) -> dict[str, Callable[[], bool | None]]:
        return {
            **super()._faults(),
            "cut session": self._cut,
            "full server": self._fill,
            "restart": self._restart,
        }

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.place.replace("+psycopg", ""), autocommit=True)

    def _expect_lost_contact(self) -> None:
        """From now on workers may lose the server, and find none of its connections free."""
        for said in ("cannot reach", "cannot be reached", "lacks resources"):
            self.crowd.expect(75, said, "contact lost")

    def _cut(self) -> bool:
        """Ends one session of a worker, as a proxy, a time limit or an operator does."""
        try:
            with self._connect() as connection:
                sessions = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid() "
                    "AND application_name LIKE 'reluctant %%' AND application_name NOT LIKE %s ORDER BY pid",
                    (f"reluctant {os.getpid()} on %",),
                ).fetchall()
                if not sessions:
                    return False
                self._expect_lost_contact()
                connection.execute("SELECT pg_terminate_backend(%s)", self.crowd.moments.choice(sessions))
        except psycopg.OperationalError:
            return False
        return True

    def _fill(self) -> bool:
        """Takes all connections that the server has left, for a while."""
        if self._taken:
            return False
        self._expect_lost_contact()
        try:
            while True:
                self._taken.append(self._connect())
        except psycopg.OperationalError:
            self._until = time.monotonic() + _FULL_SECONDS
        return True

    def _restart(self) -> None:
        """Restarts the server, in a hurry or as by a crash."""
        self._expect_lost_contact()
        self._until = 0.0
        self.tend()
        self.server.stop(self.crowd.moments.choice(("fast", "immediate")))
        time.sleep(1.0)
        self.server.start()
