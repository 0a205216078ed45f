"""Optuna's storage with cohort transactions: whole blocks of trials in two of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from optuna.study import StudyDirection
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage import leases, proposals, results, studies, workers
from storage.errors import StorageError, StudyNotFoundError
from storage.file_locks import FileLocks
from storage.records import Claimed, Proposal, ProposedCohort, Result, TestMeasures
from storage.session_locks import SessionLocks
from storage.study_reader import StudyReader
from storage.tables import METADATA, SCHEMA, SCHEMA_VERSION
from storage.transactions import place_of, snapshot, writing
from storage.workers import LEASE_SECONDS, Worker


class CohortStorage(StudyReader):
    """A database of studies, in Optuna's own schema and tables of ours beside it.

    Everything that stock Optuna does with an `RDBStorage` works on it. The methods here move whole cohorts, every
    state change a compare-and-set, so that any number of processes may call them at the same time.

    Open one with `storage.open_storage`, which checks the database first.
    """

    def __init__(
        self,
        url: str,
        engine_kwargs: dict[str, Any] | None = None,
        skip_compatibility_check: bool = False,
        *,
        skip_table_creation: bool = False,
    ) -> None:
        """Connect, and create missing tables.

        Args:
            url: SQLAlchemy URL.
            engine_kwargs: For SQLAlchemy's `create_engine`.
            skip_compatibility_check: Trust that Optuna's schema version fits.
            skip_table_creation: Trust that all tables exist.
        """
        super().__init__(url, engine_kwargs, skip_compatibility_check, skip_table_creation=skip_table_creation)
        if not skip_table_creation:
            METADATA.create_all(self.engine)
            with writing(self.engine) as connection:
                if connection.execute(select(SCHEMA.c.version)).first() is None:
                    connection.execute(insert(SCHEMA), {"schema_id": 1, "version": SCHEMA_VERSION})

    @property
    def place(self) -> str:
        """The database as its user knows it: a path, or a URL without its password."""
        return place_of(self.engine)

    @property
    def address(self) -> str:
        """What opens it again, its password included: never to be shown."""
        return self.engine.url.render_as_string(hide_password=False) if self.file is None else str(self.file)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for a server, and for a database in memory."""
        path = self.engine.url.database
        return None if self.engine.dialect.name != "sqlite" or path in (None, "", ":memory:") else Path(str(path))

    def create_or_get_study(
        self,
        name: str,
        directions: Sequence[str | StudyDirection],
        *,
        metric_names: Sequence[str] | None = None,
        user_attrs: Mapping[str, Any] | None = None,
        system_attrs: Mapping[str, Any] | None = None,
    ) -> tuple[int, bool]:
        """The study of that name, created with these directions and attributes where there is none.

        Processes that ask at the same time get the same study, and one of them has created it, whole. An existing
        study is returned as it is.

        Args:
            name: Its name.
            directions: "maximize" or "minimize" for each objective.
            metric_names: What the objectives are called.
            user_attrs: Optuna user attributes of the study.
            system_attrs: Optuna system attributes of the study.

        Returns:
            Its id, and whether it was created.
        """
        sides = [d if isinstance(d, StudyDirection) else StudyDirection[d.upper()] for d in directions]
        with snapshot(self.engine) as connection:
            found = studies.find(connection, name)
        if found is not None:
            return found, False
        try:
            with writing(self.engine) as connection:
                found = studies.find(connection, name)
                if found is not None:
                    return found, False
                created = studies.create(connection, name, sides, metric_names, user_attrs or {}, system_attrs or {})
                return created, True
        except IntegrityError:  # without SQLite's lock, another process may have been faster
            return self.study_id(name), False

    def study_id(self, name: str) -> int:
        """The id of the study of that name.

        Raises:
            StudyNotFoundError: There is none; the text names the nearest one.
        """
        with snapshot(self.engine) as connection:
            return studies.find_or_explain(connection, name, self.place)

    def set_study_attrs(
        self,
        study_id: int,
        *,
        user_attrs: Mapping[str, Any] | None = None,
        system_attrs: Mapping[str, Any] | None = None,
    ) -> None:
        """Insert or replace attributes of a study in one transaction."""
        with writing(self.engine, study_id) as connection:
            studies.set_attributes(connection, study_id, user_attrs or {}, system_attrs or {})

    def delete_study(self, study_id: int) -> None:
        """Delete a study, and what our own tables know of it."""
        super().delete_study(study_id)
        with writing(self.engine) as connection:
            studies.delete_orphaned_rows(connection)

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """As Optuna's; our rows of studies that stock Optuna deleted are cleared first."""
        with writing(self.engine) as connection:
            studies.delete_orphaned_rows(connection)
        return super().create_new_study(directions, study_name)

    def propose(self, study_id: int, cohort: ProposedCohort) -> bool:
        """Insert a cohort of trials as WAITING, with their parameters.

        Args:
            study_id: The study.
            cohort: The proposals and the number that the first of them expects.

        Returns:
            Whether it was inserted. Nothing was written where the study has another number of trials by now.

        Raises:
            StudyNotFoundError: The study is gone.
            StorageFullError: No room to write; nothing was written.
        """
        with writing(self.engine, study_id) as connection:
            return proposals.insert_cohort(connection, study_id, cohort)

    def claim(
        self,
        worker: Worker,
        limit: int,
        *,
        below: int | None = None,
        cohort: ProposedCohort | None = None,
        complete: Callable[[Claimed], Proposal | None] | None = None,
    ) -> list[Claimed]:
        """Turn the lowest waiting numbers of the worker's study into running trials of its own.

        Args:
            worker: Who claims.
            limit: How many at most.
            below: Only numbers below this one: the study's total.
            cohort: Proposed first, in the same transaction; dropped where its first number is taken.
            complete: Asked for every claimed trial; returns the parameters that it still lacks, or None. They are
                stored in the same transaction. A trial that a user enqueued has a `fixed` and no `params`. What is
                stored already stays as it is. It must not use this storage.

        Returns:
            The claimed trials in number order.

        Raises:
            StudyNotFoundError: The study is gone.
            StorageFullError: No room to write; nothing was written.
        """
        with writing(self.engine, worker.study_id) as connection:
            if cohort is not None:
                proposals.insert_cohort(connection, worker.study_id, cohort)
            return leases.claim_waiting(connection, worker.study_id, worker.token, limit, below, complete)

    def finish(self, worker: Worker, outcomes: Sequence[Result]) -> list[int]:
        """Record results in one transaction, for those trials whose lease still stands.

        Args:
            worker: Who claimed them.
            outcomes: One a trial.

        Returns:
            The ids of the trials that were lost meanwhile; their results are discarded, and that is on record.

        Raises:
            ValueError: A value is NaN, or does not fit the study; nothing was written.
            StorageFullError: No room to write; nothing was written.
        """
        results.check(outcomes)
        try:
            with writing(self.engine, worker.study_id) as connection:
                return results.write_results(connection, worker.study_id, worker.token, outcomes)
        except StudyNotFoundError:
            return [outcome.trial_id for outcome in outcomes]

    def release(self, worker: Worker, trial_ids: Collection[int] | None = None) -> list[int]:
        """Give trials back: RUNNING becomes WAITING, with the same number and parameters.

        Args:
            worker: Who claimed them.
            trial_ids: Which; None means all that it holds.

        Returns:
            Their numbers.
        """
        try:
            with writing(self.engine, worker.study_id) as connection:
                return leases.release_trials(connection, worker.token, trial_ids)
        except StudyNotFoundError:
            return []

    def abandon(self, worker: Worker, reason: str) -> list[int]:
        """Give back all trials of a worker as if it had died: the loss is on record, and it is signed off.

        Returns:
            Their numbers.
        """
        with writing(self.engine, worker.study_id) as connection:
            return leases.reclaim_from(connection, worker.study_id, worker.token, reason)

    def worker(self, study_id: int, *, details: Mapping[str, Any] | None = None, lease: float | None = None) -> Worker:
        """Sign on as a worker of a study; use it as a context manager.

        Args:
            study_id: The study.
            details: Library versions and hardware, kept with the study.
            lease: Seconds after which others may take its trials where it gives no sign of life; None: two minutes,
                longer than SQLite's busy timeout and a renewal's pause.

        Raises:
            StorageError: The database has no place for locks.
        """
        return Worker(self.engine, study_id, self._locks, details or {}, LEASE_SECONDS if lease is None else lease)

    def reclaim(self, study_id: int) -> list[int]:
        """Take back the trials of every worker that died or whose leases expired.

        They wait again, with the same number and parameters; one that was lost too often while it was trained alone
        has failed. Only trials with a row in our lease table are touched. Any number of processes may do this at the
        same time; each trial is taken back by one of them.

        Returns:
            Their numbers.
        """
        return workers.reclaim(self.engine, study_id, self._locks)

    def living_workers(self, study_id: int) -> set[str]:
        """The tokens of the study's workers that are alive."""
        return workers.living(self.engine, study_id, self._locks)

    def save_test_results(self, study_id: int, measured: Sequence[TestMeasures]) -> None:
        """Store test results, in place of older ones of the same trial and replicate."""
        with writing(self.engine, study_id) as connection:
            results.write_test_results(connection, measured)

    def close(self) -> None:
        """Close all connections; of SQLite, the database file alone then holds everything."""
        self.remove_session()
        if self.engine.dialect.name == "sqlite":
            # A full disk or a reader in another process may prevent it: then the `-wal` file stays, and stays valid.
            with contextlib.suppress(DBAPIError), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 2000")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        self.engine.dispose()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_locks"}

    @cached_property
    def _locks(self) -> workers.Locks:
        if self.engine.dialect.name == "postgresql":
            return SessionLocks(self.engine)
        if self.file is None:
            raise StorageError(
                f"{self.place} has no place for the locks that tell living workers from dead ones; "
                "use a SQLite file on this machine, as in --storage reluctant.db"
            )
        return FileLocks(Path(f"{self.file}.workers"))
