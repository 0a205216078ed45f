"""One worker in an actor of a Ray cluster: what it is given, and how it works on that and tells of it."""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reluctant.errors import ReluctantWarning
from storage import CohortStorage, without_password
from study.records.naming import present_name
from study.records.open_study import OpenStudy, reopen
from study.records.same_study import VersionsWarning
from study.workers.worker import work


@dataclass(frozen=True)
class Assignment:
    """The work of an actor.

    Attributes:
        storage: URL of the database, with its password.
        study_id: The study's id.
        name: The study's name when it was assigned.
        data: Path or name of its data.
        overrides: Options of this run.
        lease: As for `work`.
        network: Name and content of the file of a user's network, which the actor's node may lack.
    """

    storage: str = field(repr=False)
    study_id: int
    name: str
    data: str
    overrides: dict[str, Any]
    lease: float | None
    network: tuple[str, bytes] | None = None


def assignment_of(study: OpenStudy, lease: float | None) -> Assignment:
    """What each actor of a study is given.

    Args:
        study: The study.
        lease: As for `work`.
    """
    config, user = study.problem.config, study.problem.architecture.user
    # An actor runs in a folder of its own.
    folder = {} if config.checkpoints is None else {"checkpoints": str(Path(config.checkpoints).absolute())}
    return Assignment(
        storage=study.storage.address,
        study_id=study.study_id,
        name=study.name,
        data=study.problem.dataset.origin,
        overrides=config.for_workers | {"threads": max(1, int(config.cpus_per_worker))} | folder,
        lease=lease,
        network=None if user is None else (user.source.file.name, user.source.file.read_bytes()),
    )


class RayWorker:
    """One worker; it starts with its actor, and again whenever Ray restarts the actor."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._stop = threading.Event()
        self._lines: deque[str] = deque(maxlen=1000)
        self.start()

    def start(self) -> None:
        """Starts a thread that works."""
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def poll(self) -> tuple[list[str], bool, str | None]:
        """The lines since the last call, whether the worker is at work, and why not where it failed."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        return lines, self._thread.is_alive(), self._failure

    def stop(self) -> None:
        """Lets the worker stop: it releases the trials that it holds."""
        self._stop.set()

    def _run(self) -> None:
        import optuna

        from storage import open_storage

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        own = self._assignment
        try:
            storage = open_storage(own.storage, create=False)
            try:
                with _network_file(own.network) as folders:
                    study = self._reopened(storage, folders)
                    work(study, stop=self._stop.is_set, log=self._lines.append, lease=own.lease, processes=False)
            finally:
                storage.close()
        except Exception as error:  # the driver decides whether the worker is started anew
            self._failure = without_password(" ".join(f"{type(error).__name__}: {error}".split()))

    def _reopened(self, storage: CohortStorage, folders: Sequence[Path]) -> OpenStudy:
        """The study; of its warnings those are passed on that the driver, which read the same data, has not printed."""
        own = self._assignment
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ReluctantWarning)
            name = present_name(storage, own.study_id, own.name)
            study = reopen(storage, name, data=own.data, overrides=own.overrides, keep=False, folders=folders)
        for warning in caught:
            if issubclass(warning.category, VersionsWarning):
                self._lines.append(str(warning.message))
            elif not issubclass(warning.category, ReluctantWarning):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
        return study


@contextmanager
def _network_file(network: tuple[str, bytes] | None) -> Iterator[list[Path]]:
    """A folder with the file of a user's network that travelled here; none where there is no such file."""
    if network is None:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="reluctant-network-") as folder:
        name, content = network
        (Path(folder) / name).write_bytes(content)
        yield [Path(folder)]
