"""Checkpoints of the trials that a worker trains, from which another worker resumes them after a crash.

A file's name carries the token of the worker that wrote it: a worker whose leases expired, and which goes on writing,
cannot spoil the file of its successor.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters
from storage import share_like
from study.problem import Problem
from study.training import Replicate, Sizes, SlotState
from study.workers.checkpoint_files import SUFFIX, CheckpointError, TrialProgress, read, write


class Checkpoints:
    """The checkpoints of one study, in one folder that it may share with others.

    Args:
        folder: The folder; created with the first checkpoint.
        study_id: The study's id.
        study: Its first name.
        problem: What the study is about.
        every: Seconds of training between two checkpoints, and before the first.
        log: Called with every line that a user should read.
        database: The database file whose permissions folder and files get; None: those of the process.
    """

    def __init__(
        self,
        folder: Path,
        study_id: int,
        study: str,
        problem: Problem,
        *,
        every: float,
        log: Callable[[str], None],
        database: Path | None = None,
    ) -> None:
        self._key, *self._former_keys = _keys(study_id, study, problem.identity)
        self._folder, self._problem, self._every, self._log = folder, problem, every, log
        self._database = database

    def keeper(self, token: str, trials: Mapping[int, Hyperparameters]) -> CohortKeeper:
        """Creates the keeper of the trials that a worker claimed.

        Args:
            token: The worker's token.
            trials: Hyperparameters by trial number, in the order in which they are trained.
        """
        return CohortKeeper(self, token, trials, every=self._every)

    def path(self, number: int, token: str) -> Path:
        """The file of a trial that a worker writes."""
        return self._folder / f"{self._key}-{number:07d}-{token}{SUFFIX}"

    def subject(self, path: Path, number: int, hyperparameters: Hyperparameters) -> dict[str, Any]:
        """Identifies a trial and its study in a file, by the key with which its name begins."""
        return {"study": path.name.split("-")[0], "number": number, "hyperparameters": hyperparameters.values}

    def find(self, number: int, hyperparameters: Hyperparameters) -> tuple[Path, TrialProgress] | None:
        """The file with most epochs, and its progress; files from which training cannot be resumed are removed."""
        paths = [path for path in self._files(number) if path.suffix == SUFFIX]
        if not paths:
            return None
        problem, found = self._problem, []
        budget = problem.budget
        sizes = [Sizes.of(split, task=problem.task) for split in problem.splits]
        shapes = [problem.engine.slot_shapes(hyperparameters, budget, each) for each in sizes]
        for path in paths:
            try:
                progress = read(path, self.subject(path, number, hyperparameters), shapes, budget.epochs)
            except FileNotFoundError:
                continue
            except CheckpointError as error:
                self._log(f"warning: the checkpoint {path} is of no use: {error}; trial {number} starts over")
                path.unlink(missing_ok=True)
                continue
            found.append((path, progress))
        return max(found, key=lambda pair: self._epochs(pair[1]), default=None)

    def _files(self, number: int) -> list[Path]:
        """A trial's files; most studies have no checkpoint, and a pattern would cost more than the list."""
        try:
            names = os.listdir(self._folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        starts = tuple(f"{key}-{number:07d}-" for key in (self._key, *self._former_keys))
        return [self._folder / name for name in sorted(names) if name.startswith(starts)]

    def remove(self, numbers: Collection[int]) -> None:
        """Removes the files of trials that are finished."""
        for number in numbers:
            for path in self._files(number):
                with contextlib.suppress(OSError):  # a file system that is read-only by now
                    path.unlink()
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def remove_except(self, unfinished: Collection[int]) -> None:
        """Removes files of finished trials, which workers that crashed left behind."""
        keys = (self._key, *self._former_keys)
        found = {int(path.name.split("-")[1]) for key in keys for path in self._folder.glob(f"{key}-*-*")}
        self.remove(found - set(unfinished))

    def save(self, path: Path, number: int, hyperparameters: Hyperparameters, progress: TrialProgress) -> bool:
        """Writes a file; where that fails, as on a full disk, training goes on without it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            share_like(self._folder, self._database)
            write(path, self.subject(path, number, hyperparameters), progress)
            share_like(path, self._database)
        except OSError as error:
            self._log(f"warning: the checkpoint {path} cannot be written: {error.strerror}; training goes on")
            return False
        return True

    def _epochs(self, progress: TrialProgress) -> int:
        budget = self._problem.budget
        return len(progress.finished) * budget.epochs + sum(state.epoch for state in progress.states.values())


class CohortKeeper:
    """Saves the progress of one claimed cohort; see `study.training.Keeper`.

    Nothing is written if the cohort is trained within `every` seconds.

    Attributes:
        resumed: Epochs of each trial that was resumed, over all its replicates, by trial number.
    """

    def __init__(
        self, checkpoints: Checkpoints, token: str, trials: Mapping[int, Hyperparameters], *, every: float
    ) -> None:
        self._checkpoints, self._token, self._every = checkpoints, token, every
        self._numbers, self._hyperparameters = list(trials), list(trials.values())
        self._started = time.monotonic()
        # Intervals of `every` seconds: the last in which each block was saved, and in which finished slots were.
        self._saved_in: dict[tuple[int, int], int] = {}
        self._finished_saved_in = 0
        self._lock = threading.Lock()
        self._finished: dict[tuple[int, int], Replicate] = {}
        self._unsaved: set[int] = set()
        self._files: dict[int, Path] = {}
        self._started_from: dict[tuple[int, int], SlotState] = {}
        self.resumed: dict[int, int] = {}
        for trial, (number, hyperparameters) in enumerate(trials.items()):
            found = checkpoints.find(number, hyperparameters)
            if found is not None:
                self._files[trial], progress = found
                self._finished.update({(trial, replicate): result for replicate, result in progress.finished.items()})
                self._started_from.update({(trial, replicate): state for replicate, state in progress.states.items()})
                self.resumed[number] = checkpoints._epochs(progress)

    def known(self, trial: int, replicate: int) -> SlotState | Replicate | None:
        """The state from which a slot is resumed, or the result of a finished one."""
        return self._finished.get((trial, replicate)) or self._started_from.pop((trial, replicate), None)

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Callable[[], list[SlotState]]) -> None:
        """Saves the states of a block's slots, once in every interval."""
        interval = int((time.monotonic() - self._started) / self._every)
        if interval <= self._saved_in.get(slots[0], 0):
            return
        self._saved_in[slots[0]] = interval
        copies = states()
        with self._lock:
            if interval > self._finished_saved_in:
                self._finished_saved_in = interval
                for trial in sorted(self._unsaved):
                    self._save(trial, {})
            for (trial, replicate), state in zip(slots, copies, strict=True):
                self._save(trial, {replicate: state})

    def finished(self, slots: Sequence[tuple[int, int]], replicates: Sequence[Replicate]) -> None:
        """Keeps the results of a block's slots; they are saved in the next interval, if the cohort lasts so long."""
        with self._lock:
            self._finished.update(zip(slots, replicates, strict=True))
            self._unsaved.update(trial for trial, _ in slots)

    def drop(self, numbers: Collection[int]) -> None:
        """Removes this worker's files of trials that other workers have reclaimed, or whose study was deleted."""
        for number in numbers:
            self._checkpoints.path(number, self._token).unlink(missing_ok=True)

    def _save(self, trial: int, states: Mapping[int, SlotState]) -> None:
        """Writes a trial's file anew: new states, finished results, and the file's states of all other replicates."""
        number, hyperparameters = self._numbers[trial], self._hyperparameters[trial]
        finished = {replicate: value for (owner, replicate), value in self._finished.items() if owner == trial}
        before = self._checkpoints.find(number, hyperparameters) if trial in self._files else None
        kept = {} if before is None else before[1].states
        merged = {r: state for r, state in {**kept, **states}.items() if r not in finished}
        path = self._checkpoints.path(number, self._token)
        if not self._checkpoints.save(path, number, hyperparameters, TrialProgress(merged, finished)):
            return
        if self._files.get(trial, path) != path:
            self._files[trial].unlink(missing_ok=True)
        self._files[trial] = path
        self._unsaved.discard(trial)


def checkpoints_folder(named: str | None, database: Path | None) -> Path | None:
    """The folder of a study's checkpoints; None on a server where no folder was named, since no place is shared.

    Args:
        named: The folder that the user named.
        database: The database file; None for a server.
    """
    folder = named or (None if database is None else f"{database}.checkpoints")
    return None if folder is None else Path(folder).expanduser()


def remove_checkpoints(folder: Path, study_id: int, study: str, identity: Mapping[str, Any]) -> None:
    """Removes all checkpoints of a study that is deleted.

    Args:
        folder: As for `Checkpoints`.
        study_id: The study's id.
        study: Its first name.
        identity: Its identity.
    """
    for key in _keys(study_id, study, identity):
        for path in folder.glob(f"{key}-*"):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _keys(study_id: int, study: str, identity: Mapping[str, Any]) -> tuple[str, str]:
    """What the names of a study's files begin with, and what those of files that were written before its id counted.

    A study that is started anew may have the first name and the identity of one that was renamed.
    """
    own: tuple[list[Any], list[Any]] = ([study_id, study, identity], [study, identity])
    texts = (json.dumps(parts, sort_keys=True) for parts in own)
    new, former = (hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts)
    return new, former
