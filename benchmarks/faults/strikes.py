"""What befalls a study's database at seeded moments, and what must be said where work cannot go on."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.trial import TrialState
from sqlalchemy.exc import DBAPIError

from benchmarks.faults.crowd import KINDS as OF_PROCESSES
from benchmarks.faults.crowd import Crowd
from storage import (
    CohortStorage,
    StorageBusyError,
    StorageError,
    StorageRefusedError,
    StorageUnreachableError,
    StudyNotFoundError,
    open_storage,
)
from storage.tables import BEATS
from study.problem import Problem
from study.records import naming
from study.records.open_study import create_or_open, reopen
from study.workers.deletion import delete_study

OF_DATABASES = ("clock jump", "raised total", "renamed study", "deleted study")
OF_FILES = ("removed locks", "second name", "removed database", "replaced database", "moved database")
# How often at most a fault of these kinds befalls one study: after it, work starts over or waits for a while.
_MOST = {
    "raised total": 3,
    "deleted study": 1,
    "removed database": 1,
    "replaced database": 1,
    "moved database": 1,
    "restart": 1,
}
# A trial that is lost three times while it is trained alone fails, as it should: kills are rarer than that.
_WEIGHTS = {"kill": 0.25, "term": 0.5, "stop": 0.5}
_RAISED_BY = 8
_PATIENCE = 120.0

T = TypeVar("T")


@dataclass
class Strikes:
    """Faults of one study and of its database.

    Attributes:
        place: The database.
        problem: The study; its number of trials is what the study is to have in the end.
        crowd: Its workers.
        kinds: The kinds of faults to draw from.
        happened: How often each was done.
        errors: What should have been refused and was not.
    """

    place: str
    problem: Problem
    crowd: Crowd
    kinds: tuple[str, ...]
    happened: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Opens the database, and creates the study with a part of its trials where its total is to be raised."""
        raises = _MOST["raised total"] if "raised total" in self.kinds else 0
        self.total = max(_RAISED_BY, self.problem.config.trials - raises * _RAISED_BY)
        self.storage = open_storage(self.place)
        self._create()

    @property
    def faults(self) -> int:
        """How many faults were done."""
        return sum(self.happened.values())

    @property
    def finished(self) -> bool:
        """Whether a worker found the study complete, and no larger total is to come."""
        if self.crowd.finished and self.total < self.problem.config.trials:
            self.raise_total(self.problem.config.trials)
        return self.crowd.finished > 0

    def strike(self) -> None:
        """Does one fault of a kind that is drawn, where one may still happen."""
        possible = [kind for kind in self.kinds if self.happened[kind] < _MOST.get(kind, 1 << 30)]
        if not possible:
            return
        kind = self.crowd.moments.choices(possible, [_WEIGHTS.get(kind, 1.0) for kind in possible])[0]
        done = self.crowd.strike(kind) if kind in OF_PROCESSES else self._faults()[kind]() is not False
        self.happened[kind] += done

    def tend(self) -> None:
        """Ends what lasts for a while only; called all the time."""

    def close(self) -> None:
        """Ends everything that lasts."""
        self.storage.close()

    def done(self) -> int:
        """How many trials are complete, or were stopped early."""
        try:
            counts = self.storage.count_by_state(self.storage.study_id("s"))
            return counts[TrialState.COMPLETE] + counts[TrialState.PRUNED]
        except StorageError:
            return -1

    def raise_total(self, to: int) -> None:
        """Sets how many trials the study is to have, as `reluctant resume --trials` does."""
        self.total = to
        self.patiently(lambda: reopen(self.storage, "s", overrides={"trials": to}))
        self.crowd.begin_again()

    def patiently(self, call: Callable[[], T]) -> T:
        """Calls again while the database is away or busy."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return call()
            except (StorageUnreachableError, StorageBusyError, optuna.exceptions.StorageInternalError):
                if time.monotonic() > until:
                    raise
                self.tend()
                time.sleep(0.2)

    def _faults(self) -> dict[str, Callable[[], bool | None]]:
        return {
            "clock jump": self._jump,
            "raised total": self._raise,
            "renamed study": self._rename,
            "deleted study": self._delete_study,
        }

    def _create(self) -> None:
        config = self.problem.config.model_copy(update={"trials": self.total})
        problem = type(self.problem).of(config)
        self.patiently(lambda: create_or_open(problem, self.storage))

    def _jump(self) -> bool:
        """Moves what is stored of the database's clock, which is as if the clock itself jumped by two hours."""
        hours = self.crowd.moments.choice((2, -2))
        try:
            with self.storage.engine.begin() as connection:
                moved = connection.execute(BEATS.update().values(expires=BEATS.c.expires - 3600 * hours))
                return moved.rowcount > 0
        except (DBAPIError, StorageError):  # a server that is full or away: its clock jumps another time
            return False

    def _raise(self) -> bool:
        if self.total >= self.problem.config.trials:
            return False
        self.raise_total(min(self.problem.config.trials, self.total + _RAISED_BY))
        return True

    def _rename(self) -> None:
        """Gives the study another name and its own one again; workers that have begun must go on."""
        self.crowd.expect(2, "'renamed'", "study renamed")
        study_id = self.patiently(lambda: self.storage.study_id("s"))
        for name in ("renamed", "s"):
            self.patiently(lambda name=name: self._give_name(study_id, name))

    def _give_name(self, study_id: int, name: str) -> None:
        # A renaming may have been carried out although its answer was lost.
        if self.storage.get_study_name_from_id(study_id) != name:
            naming.rename(self.storage, study_id, name)

    def _delete_study(self) -> None:
        """Deletes the study by stock Optuna or by ours, and starts it anew when its workers have ended."""
        self.crowd.expect(1, "it was deleted while it was in use", "study deleted")
        self.crowd.expect(2, "no study 's'", "study deleted")
        self.patiently(self.crowd.moments.choice((self._delete_by_optuna, self._delete_by_ours)))
        self.await_workers()
        self._create()
        self.crowd.begin_again()

    def _delete_by_optuna(self) -> None:
        url = self.place if "://" in self.place else f"sqlite:///{self.place}"
        stock = optuna.storages.RDBStorage(url, skip_compatibility_check=True, skip_table_creation=True)
        try:
            with suppress(KeyError):
                optuna.delete_study(study_name="s", storage=stock)
        finally:
            stock.remove_session()
            stock.engine.dispose()

    def _delete_by_ours(self) -> None:
        with suppress(StudyNotFoundError):  # it may be gone although its answer was lost
            delete_study(self.storage, self.storage.study_id("s"))

    def await_workers(self) -> None:
        """Waits until all workers have ended, because there is nothing left that they could work on."""
        self.crowd.paused = True
        began, asked = time.monotonic(), False
        while not self.crowd.gone and time.monotonic() < began + _PATIENCE:
            self.crowd.tend()
            self.tend()
            # Whoever was just starting may have found what took the place of the old one, and works on that.
            if not asked and time.monotonic() > began + _PATIENCE / 4:
                asked = True
                for pid in self.crowd.running:
                    os.kill(pid, signal.SIGTERM)
            time.sleep(0.1)
        if not self.crowd.gone:
            self.errors.append("workers did not end although there was nothing left that they could work on")


@dataclass
class FileStrikes(Strikes):
    """Faults of an SQLite file, too."""

    @property
    def file(self) -> Path:
        """The file."""
        return Path(self.place)

    def _faults(self) -> dict[str, Callable[[], bool | None]]:
        return {
            **super()._faults(),
            "removed locks": lambda: shutil.rmtree(f"{self.file}.workers", ignore_errors=True),
            "second name": self._second_name,
            "removed database": lambda: self._lose_file("removed"),
            "replaced database": lambda: self._lose_file("replaced"),
            "moved database": self._move,
        }

    def _second_name(self) -> None:
        """A second name must be refused, and so must the first one."""
        self.crowd.expect(2, "hard links to one file", "second name")
        other = self.file.with_name("other.db")
        os.link(self.file, other)
        try:
            for name in (self.file, other):
                self._must_be_refused(name, "hard links to one file")
        finally:
            other.unlink()

    def _lose_file(self, how: str) -> None:
        """Removes or replaces the file; when its workers have ended with a message, a backup takes its place."""
        self.crowd.expect(1, "while it was in use", f"database {how}")
        self.crowd.expect(2, "there is no database", f"database {how}")
        self.crowd.expect(1, "check that the file is still there", f"database {how}")
        self.crowd.expect(2, "was removed or replaced while process", f"database {how}")
        self.crowd.paused = True
        copy = self.file.with_name("copy.db")
        self.storage.backup(copy)
        self.storage.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        if how == "replaced":
            copy.replace(self.file)
        else:
            self.file.unlink()
        self.await_workers()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        if how == "removed":
            copy.replace(self.file)
        self._open_again()

    def _move(self) -> None:
        """Moves the file away; when its workers have ended with a message, it is put back."""
        self.crowd.expect(1, "was moved to", "database moved")
        self.crowd.expect(1, "while it was in use", "database moved")
        self.crowd.expect(2, "there is no database", "database moved")
        self.crowd.expect(1, "check that the file is still there", "database moved")
        self.crowd.expect(2, "was removed or replaced while process", "database moved")
        elsewhere = self.file.with_name("elsewhere.db")
        self.storage.close()
        self.file.rename(elsewhere)
        self.await_workers()
        elsewhere.rename(self.file)
        self._open_again()

    def _open_again(self) -> None:
        self.storage = open_storage(self.place, create=False)
        self.crowd.begin_again()

    def _must_be_refused(self, name: Path, said: str) -> None:
        opened: CohortStorage | None = None
        try:
            opened = open_storage(name, create=False)
        except StorageRefusedError as error:
            if said not in str(error):
                self.errors.append(f"{name} was refused with other words: {error}")
        else:
            opened.close()
            self.errors.append(f"{name} was opened although it is a second name")
