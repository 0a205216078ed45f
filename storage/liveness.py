"""Which workers of a study are alive, and whose trials are reclaimed: locks decide, and time where none can be seen."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, select

from storage.clock import DatabaseSeconds
from storage.driver_errors import translated
from storage.lease_renewal import is_silent
from storage.leases import reclaim_from
from storage.losses import LEASE_EXPIRED, WORKER_DIED
from storage.tables import BEATS, LEASES, WORKERS
from storage.transactions import place_of, snapshot, writing
from storage.worker_locks import Locks, LockState


@dataclass(frozen=True)
class _Signs:
    """The signs of life of a worker that has not ended, or that still holds a lease.

    Attributes:
        held: Whether its lock is held.
        held_proves_life: Whether it is alive in that case, however long it has been silent.
        longest_pause: The longest pause between renewals where a lock may be lost although its worker is alive; None
            where a free lock proves death.
        lease: Seconds after which its leases expire without renewal.
        expires: When they expire, by the clock of the database; None where it never had any.
        age: Seconds since their last renewal, by the clock of the database, which may have jumped meanwhile.
        watched: Seconds for which this process has seen no renewal, by a clock that does not jump.
        server: The start time of the server that granted its lock; empty on SQLite.
    """

    held: bool
    held_proves_life: bool
    longest_pause: float | None
    lease: float = math.inf
    expires: float | None = None
    age: float = math.inf
    watched: float = 0.0
    server: str = ""

    @property
    def overdue(self) -> bool:
        """Whether it holds its lock, and has renewed no lease for longer than one lasts."""
        return self.held and self.watched > self.lease

    @property
    def alive(self) -> bool:
        """Whether it is alive, as far as one can see: it holds its lock, or it lost it a moment ago."""
        return not self.gone(LockState.HELD if self.held else LockState.FREE)

    def gone(self, lock: LockState) -> bool:
        """Whether its trials may be given to others.

        Args:
            lock: What is known of its lock.
        """
        silence = max(self.age, self.watched)
        if lock is LockState.HELD:
            return not self.held_proves_life and self.watched > self.lease
        if lock is LockState.UNSEEN:
            # Its leases have expired, and no clock that jumped says so: it had the time for several renewals.
            return silence > self.lease and self.watched > self.lease / 2
        if lock is LockState.LEFT:
            return True
        return self.longest_pause is None or is_silent(silence, self.lease, self.longest_pause)


@dataclass
class Liveness:
    """Finds out which workers are alive, and reclaims the trials of the others.

    A clock may jump, and machines sleep. A worker that holds its lock is therefore never given up by the clock of the
    database, but only where this process has itself waited for a renewal; on one host, where a held lock proves life,
    not even then.

    Attributes:
        engine: The engine of the storage.
        locks: The locks of all workers.
    """

    engine: Engine
    locks: Locks
    _watched: dict[str, tuple[float | None, float, float]] = field(default_factory=dict)

    def reclaim(self, study_id: int) -> list[int]:
        """Reclaim the trials of every worker of a study that died, or whose leases expired.

        Returns:
            The numbers of the trials. They wait again, or failed where they were lost too often.
        """
        numbers: list[int] = []
        for token, signs in self._signs_of_life(study_id).items():
            if signs.alive:
                continue
            with translated(place_of(self.engine)), self.locks.confirmed(token, signs.server) as lock:
                if signs.gone(lock):
                    numbers += self._reclaim_from(study_id, token, signs, lock)
        self.locks.remove_leftovers(self._unfinished)
        return sorted(numbers)

    def living(self, study_id: int) -> set[str]:
        """The tokens of the workers of a study that are alive."""
        return {token for token, signs in self._signs_of_life(study_id).items() if signs.alive}

    def overdue(self, study_id: int) -> set[str]:
        """The tokens of the workers of a study that hold their locks, and renew no lease: somebody stopped them."""
        return {token for token, signs in self._signs_of_life(study_id).items() if signs.overdue}

    def _reclaim_from(self, study_id: int, token: str, signs: _Signs, lock: LockState) -> list[int]:
        """Reclaim the trials of a worker that is gone, unless it has renewed its leases meanwhile."""
        # That a worker is slow, or lost its database, says nothing against its trials: it is no loss.
        reason = {LockState.FREE: WORKER_DIED, LockState.UNSEEN: LEASE_EXPIRED}.get(lock)
        with writing(self.engine, study_id) as connection:
            expires = select(BEATS.c.expires).where(BEATS.c.token == token).with_for_update()
            if connection.execute(expires).scalar() != signs.expires:
                return []
            return reclaim_from(connection, study_id, token, reason)

    def _unfinished(self, tokens: Collection[str]) -> set[str]:
        """Those of these workers that have not ended, or still hold a lease, in whichever study."""
        open_rows = select(WORKERS.c.token).where(WORKERS.c.token.in_(list(tokens)), WORKERS.c.ended.is_(None))
        holders = select(LEASES.c.token).where(LEASES.c.token.in_(list(tokens)))
        with snapshot(self.engine) as connection:
            return {*connection.execute(open_rows).scalars(), *connection.execute(holders).scalars()}

    def _signs_of_life(self, study_id: int) -> dict[str, _Signs]:
        open_rows = select(WORKERS.c.token).where(WORKERS.c.study_id == study_id, WORKERS.c.ended.is_(None))
        holders = select(LEASES.c.token).where(LEASES.c.study_id == study_id)
        with snapshot(self.engine) as connection:
            tokens = sorted({*connection.execute(open_rows).scalars(), *connection.execute(holders).scalars()})
            renewals = _renewals(connection, tokens)
        with translated(place_of(self.engine)):
            held = self.locks.tokens_held(tokens)
        found = {}
        for token in tokens:
            renewal = renewals.get(token, _Renewal())
            found[token] = _Signs(
                token in held,
                self.locks.held_proves_life,
                self.locks.renewal_seconds,
                renewal.lease,
                renewal.expires,
                renewal.age,
                self._watch(token, renewal),
                renewal.server,
            )
        return found

    def _watch(self, token: str, renewal: _Renewal) -> float:
        """Seconds for which this process has seen no renewal of a worker's leases.

        Each look adds half a lease at most: where this process was stopped itself, or its machine slept, the others
        get the time to renew their leases before they are given up.
        """
        looked = time.monotonic()
        expires, before, silence = self._watched.get(token, (renewal.expires, looked, 0.0))
        silence = silence + min(looked - before, renewal.lease / 2) if expires == renewal.expires else 0.0
        self._watched[token] = renewal.expires, looked, silence
        return silence


@dataclass(frozen=True)
class _Renewal:
    """The last renewal of a worker's leases; the attributes are those of `_Signs`."""

    lease: float = math.inf
    expires: float | None = None
    age: float = math.inf
    server: str = ""


def _renewals(connection: Connection, tokens: Collection[str]) -> dict[str, _Renewal]:
    """The last renewal of each worker that has a row for them."""
    age = DatabaseSeconds() - BEATS.c.expires + BEATS.c.lease
    columns = select(BEATS.c.token, BEATS.c.lease, BEATS.c.expires, age.label("age"), BEATS.c.server)
    rows = connection.execute(columns.where(BEATS.c.token.in_(tokens)))
    return {row.token: _Renewal(row.lease, row.expires, row.age, row.server) for row in rows}
