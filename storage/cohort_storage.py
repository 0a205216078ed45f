"""`CohortStorage`: Optuna's storage, with whole cohorts of trials written in two transactions each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from storage import brackets, leases, proposals, results, studies
from storage.errors import StorageError, StudyDeletedError
from storage.file_locks import FileLocks
from storage.liveness import Liveness
from storage.migrations import migrate
from storage.named_lock import named_lock
from storage.records import Claimed, Proposal, ProposedCohort, Result, TestMeasures
from storage.same_file import SameFile
from storage.session_locks import SessionLocks
from storage.study_storage import StudyStorage
from storage.tables import METADATA, SCHEMA, SCHEMA_VERSION
from storage.transactions import writing
from storage.worker_locks import Locks
from storage.workers import LEASE_SECONDS, Worker


class CohortStorage(StudyStorage):
    """A database of studies, in Optuna's own schema and in a few tables of `reluctant`.

    Everything that stock Optuna does with an `RDBStorage` works on it. The methods here move whole cohorts. Every
    change of a trial's state is a compare-and-set, so any number of processes may call them at the same time.

    Open one with `storage.open_storage`, which checks the database first.

    Example:
        >>> import tempfile
        >>> from optuna.distributions import FloatDistribution
        >>> from storage import Proposal, ProposedCohort, Result, open_storage
        >>> folder = tempfile.TemporaryDirectory()
        >>> storage = open_storage(f"{folder.name}/reluctant.db")
        >>> study_id, _ = storage.create_or_get_study("rates", ["maximize"])
        >>> rates = FloatDistribution(0.0, 1.0)
        >>> cohort = ProposedCohort(0, [Proposal({"dropout": rate}, {"dropout": rates}) for rate in (0.0, 0.5)])
        >>> with storage.worker(study_id) as worker:
        ...     trials = storage.claim(worker, limit=2, cohort=cohort)
        ...     storage.finish(worker, [Result(trial.trial_id, [1 - trial.params["dropout"]]) for trial in trials])
        []
        >>> [(trial.number, trial.values) for trial in storage.read_trials(study_id)]
        [(0, [1.0]), (1, [0.5])]
        >>> storage.close()
        >>> folder.cleanup()
    """

    def __init__(
        self,
        url: str,
        engine_kwargs: dict[str, Any] | None = None,
        skip_compatibility_check: bool = False,
        *,
        skip_table_creation: bool = False,
    ) -> None:
        """Connect to a database, create the tables that are missing, and bring those of an earlier version up to date.

        Args:
            url: SQLAlchemy URL.
            engine_kwargs: Arguments for SQLAlchemy's `create_engine`.
            skip_compatibility_check: Whether to trust that Optuna's schema has the right version.
            skip_table_creation: Whether to trust that all tables exist.
        """
        super().__init__(url, engine_kwargs, skip_compatibility_check, skip_table_creation=skip_table_creation)
        if not skip_table_creation:
            METADATA.create_all(self.engine)
            with writing(self.engine) as connection:
                version = connection.execute(select(SCHEMA.c.version)).scalar()
                if version is None:
                    connection.execute(insert(SCHEMA), {"schema_id": 1, "version": SCHEMA_VERSION})
                elif version < SCHEMA_VERSION:
                    migrate(connection, version, self.place)
        self._same_file = None if self.file is None else SameFile(self.file)
        if self._same_file is not None:
            self._same_file.watch(self.engine)

    @property
    def address(self) -> str:
        """The path or URL that opens this database again. It includes the password, so it must not be shown."""
        return self.engine.url.render_as_string(hide_password=False) if self.file is None else str(self.file)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for a server or a database in memory."""
        path = self.engine.url.database
        return None if self.engine.dialect.name != "sqlite" or path in (None, "", ":memory:") else Path(str(path))

    def propose(self, study_id: int, cohort: ProposedCohort) -> bool:
        """Insert proposed trials as WAITING, with their parameters.

        Args:
            study_id: The study.
            cohort: The proposals, and the trial number that the first of them expects.

        Returns:
            Whether they were inserted. Nothing is written where the study has another number of trials by now.

        Raises:
            StudyDeletedError: The study was deleted.
            StorageFullError: The disk is full; nothing was written.
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
        unchanged: tuple[str, Any] | None = None,
        bracket: int | None = None,
    ) -> list[Claimed]:
        """Claim the waiting trials with the lowest numbers for a worker; they become RUNNING under its lease.

        Args:
            worker: The worker that claims.
            limit: The largest number of trials to claim.
            below: Only trials with numbers below this one are claimed, which is the total of the study.
            cohort: Proposals to insert first, in the same transaction; ignored where their first number is taken.
            complete: Called with every claimed trial; returns the parameters that the trial still lacks, or None. They
                are stored in the same transaction, and stored parameters are not changed. A trial that a user enqueued
                has `fixed` and no `params`. The function must not use this storage.
            unchanged: The key of a system attribute of the study, and the value on which the other arguments rely.
                Nothing is proposed or claimed where the attribute has another value by now.
            bracket: Trials of a bracket: numbers from a multiple of it to the next. A bracket is claimed as a whole,
                and only while no other worker holds one of its trials; the first one even where it exceeds `limit`.

        Returns:
            The claimed trials in number order.

        Raises:
            StudyDeletedError: The study was deleted.
            StorageFullError: The disk is full; nothing was written.
        """
        with writing(self.engine, worker.study_id, token=worker.token) as connection:
            if unchanged is not None:
                key, value = unchanged
                if studies.system_attribute(connection, worker.study_id, key) != value:
                    return []
            if cohort is not None:
                proposals.insert_cohort(connection, worker.study_id, cohort)
            return leases.claim_waiting(connection, worker.study_id, worker.token, limit, below, complete, bracket)

    def finish(self, worker: Worker, outcomes: Sequence[Result]) -> list[int]:
        """Record the results of all trials whose lease is still valid, in one transaction.

        Args:
            worker: The worker that claimed the trials.
            outcomes: One result for each trial.

        Returns:
            The ids of the trials that the worker lost meanwhile. Their results are discarded, and the loss is recorded.

        Raises:
            ValueError: A value is NaN, or does not fit the study; nothing was written.
            StudyDeletedError: The study was deleted.
            StorageFullError: The disk is full; nothing was written.
        """
        results.check(outcomes)
        with writing(self.engine, worker.study_id, token=worker.token) as connection:
            return results.write_results(connection, worker.study_id, worker.token, outcomes)

    def set_aside(self, worker: Worker, trial_id: int, text: str) -> bool:
        """Store what a claimed trial gave that was trained alone, and let it wait until its bracket is decided.

        Args:
            worker: The worker that claimed the trial.
            trial_id: The trial's id.
            text: What it gave; whoever claims the trial next finds it in `Claimed.set_aside`.

        Returns:
            Whether it counts: not where the worker lost the trial meanwhile, which is recorded.
        """
        with writing(self.engine, worker.study_id, token=worker.token) as connection:
            released = bool(leases.release_trials(connection, worker.token, [trial_id]))
            return brackets.write_set_aside(
                connection, worker.study_id, worker.token, trial_id, text, released=released
            )

    def release(self, worker: Worker, trial_ids: Collection[int] | None = None) -> list[int]:
        """Release claimed trials: they become WAITING again, with the same numbers and parameters.

        Args:
            worker: The worker that claimed the trials.
            trial_ids: The ids of the trials to release; None means all trials that the worker holds.

        Returns:
            The numbers of the trials that were released.
        """
        try:
            with writing(self.engine, worker.study_id, token=worker.token) as connection:
                return leases.release_trials(connection, worker.token, trial_ids)
        except StudyDeletedError:
            return []

    def abandon(self, worker: Worker, reason: str) -> list[int]:
        """Release all trials of a worker as if the worker had died: the losses are recorded, and the worker has ended.

        Args:
            worker: The worker that claimed the trials.
            reason: The reason to record for the losses.

        Returns:
            The numbers of the trials.
        """
        with writing(self.engine, worker.study_id, token=worker.token) as connection:
            return leases.reclaim_from(connection, worker.study_id, worker.token, reason)

    def worker(self, study_id: int, *, details: Mapping[str, Any] | None = None, lease: float | None = None) -> Worker:
        """Register a new worker of a study; use the worker as a context manager.

        Args:
            study_id: The study.
            details: Library versions and hardware, stored with the study.
            lease: Seconds without renewal after which the leases of the worker expire, so that others may claim its
                trials. None means two minutes, which is longer than the busy timeout of SQLite and the pause between
                renewals together.

        Raises:
            StorageError: The database offers no locks, as one in memory.
        """
        return Worker(self.engine, study_id, self._locks, details or {}, LEASE_SECONDS if lease is None else lease)

    def reclaim(self, study_id: int) -> list[int]:
        """Reclaim the trials of every worker that died, or whose leases expired and whose lock cannot be seen.

        The trials wait again, with the same numbers and parameters; a trial that was lost too often while it was
        trained alone fails. Only trials with a row in the lease table are touched. Any number of processes may call
        this at the same time; each trial is reclaimed by one of them.

        Returns:
            The numbers of the reclaimed trials.
        """
        return self._liveness.reclaim(study_id)

    def living_workers(self, study_id: int) -> set[str]:
        """The tokens of the workers of a study that are alive."""
        return self._liveness.living(study_id)

    def overdue_workers(self, study_id: int) -> set[str]:
        """The tokens of the workers that hold their locks, and were seen to renew no lease: somebody stopped them."""
        return self._liveness.overdue(study_id)

    def named_lock(self, name: str) -> AbstractContextManager[bool]:
        """Hold the lock of a name during a `with` block, which gets whether it is held, or another process has it."""
        return named_lock(self.engine, self.file, name)

    def save_test_results(self, study_id: int, measured: Sequence[TestMeasures]) -> None:
        """Store measures on the test part; they replace older ones of the same trial and replicate."""
        with writing(self.engine, study_id) as connection:
            results.write_test_results(connection, measured)

    def close(self) -> None:
        """Close all connections. An SQLite database is then complete in its one file."""
        self.remove_session()
        if self.engine.dialect.name == "sqlite":
            # A full disk or a reader in another process may prevent it: then the `-wal` file stays, and stays valid.
            with contextlib.suppress(DBAPIError, StorageError), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 2000")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        self.engine.dispose()

    def __setstate__(self, state: dict[str, Any]) -> None:
        same_file: SameFile | None = state["_same_file"]
        if same_file is not None:
            same_file.check()
        super().__setstate__(state)
        if same_file is not None:
            same_file.watch(self.engine)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name not in ("_locks", "_liveness")}

    @cached_property
    def _liveness(self) -> Liveness:
        return Liveness(self.engine, self._locks)

    @cached_property
    def _locks(self) -> Locks:
        if self.engine.dialect.name == "postgresql":
            return SessionLocks(self.engine)
        if self.file is None:
            raise StorageError(
                f"{self.place} has no place for the locks that tell living workers from dead ones; "
                "use a SQLite file on this machine, as in --storage reluctant.db"
            )
        return FileLocks(self.file)
