"""Checkpoints of the trials that a worker trains, so that whoever takes them back goes on from there.

A file's name carries the token of the worker that wrote it: one that was thought dead, and writes on, cannot spoil the
file of its successor.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from search_spaces import Hyperparameters
from study.problem import Problem
from study.training import Replicate, Sizes, SlotState, engine_of
from study.workers.checkpoint_files import SUFFIX, CheckpointError, Progress, read, write


class Checkpoints:
    """The checkpoints of one study, in one folder that it may share with others.

    Args:
        folder: Where they lie; created with the first of them.
        study: The study's name.
        problem: What it is about.
        every: Seconds of training after which, and between which, they are written.
        log: Told, in a line, what a user should know.
    """

    def __init__(self, folder: Path, study: str, problem: Problem, *, every: float, log: Callable[[str], None]) -> None:
        text = json.dumps([study, problem.identity], sort_keys=True)
        self._key = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._folder, self._problem, self._every, self._log = folder, problem, every, log

    def keeper(self, token: str, trials: Mapping[int, Hyperparameters]) -> CohortKeeper:
        """What keeps the progress of trials that a worker claimed.

        Args:
            token: The worker's token.
            trials: Hyperparameters by trial number, in the order in which they are trained.
        """
        return CohortKeeper(self, token, trials, every=self._every)

    def path(self, number: int, token: str) -> Path:
        """The file of a trial that a worker writes."""
        return self._folder / f"{self._key}-{number:07d}-{token}{SUFFIX}"

    def subject(self, number: int, hyperparameters: Hyperparameters) -> dict[str, Any]:
        """What a file says it is of."""
        return {"study": self._key, "number": number, "hyperparameters": asdict(hyperparameters)}

    def find(self, number: int, hyperparameters: Hyperparameters) -> tuple[Path, Progress] | None:
        """The file that is furthest, with what it says; files that nobody can go on from are removed."""
        paths = [path for path in self._files(number) if path.suffix == SUFFIX]
        if not paths:
            return None
        problem, found = self._problem, []
        budget = problem.budget
        shapes = engine_of().slot_shapes(hyperparameters, budget, Sizes.of(problem.split))
        for path in paths:
            try:
                progress = read(path, self.subject(number, hyperparameters), shapes, budget.epochs)
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
        return [self._folder / name for name in sorted(names) if name.startswith(f"{self._key}-{number:07d}-")]

    def forget(self, numbers: Collection[int]) -> None:
        """Removes the files of trials that are finished."""
        for number in numbers:
            for path in self._files(number):
                path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def forget_all_but(self, unfinished: Collection[int]) -> None:
        """Removes files of finished trials that somebody left behind who died before removing them."""
        found = {int(path.name.split("-")[1]) for path in self._folder.glob(f"{self._key}-*-*")}
        self.forget(found - set(unfinished))

    def save(self, path: Path, number: int, hyperparameters: Hyperparameters, progress: Progress) -> bool:
        """Writes a file; a disk that is full, or a folder that is gone, costs the checkpoint and not the training."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write(path, self.subject(number, hyperparameters), progress)
        except OSError as error:
            self._log(f"warning: the checkpoint {path} cannot be written: {error.strerror}; training goes on")
            return False
        return True

    def _epochs(self, progress: Progress) -> int:
        budget = self._problem.budget
        return len(progress.given) * budget.epochs + sum(state.epoch for state in progress.states.values())


class CohortKeeper:
    """Keeps the progress of one claimed cohort; see `study.training.Keeper`.

    Nothing is written where the cohort is trained within `every` seconds.

    Attributes:
        resumed: Epochs, of all replicates together, that each trial had behind it from a checkpoint, by number.
    """

    def __init__(
        self, checkpoints: Checkpoints, token: str, trials: Mapping[int, Hyperparameters], *, every: float
    ) -> None:
        self._checkpoints, self._token, self._every = checkpoints, token, every
        self._numbers, self._hyperparameters = list(trials), list(trials.values())
        self._started = time.monotonic()
        self._rounds: dict[tuple[int, int], int] = {}
        self._told = 0
        self._lock = threading.Lock()
        self._given: dict[tuple[int, int], Replicate] = {}
        self._unsaved: set[int] = set()
        self._files: dict[int, Path] = {}
        self._found: dict[tuple[int, int], SlotState] = {}
        self.resumed: dict[int, int] = {}
        for trial, (number, hyperparameters) in enumerate(trials.items()):
            found = checkpoints.find(number, hyperparameters)
            if found is not None:
                self._files[trial], progress = found
                self._given.update({(trial, replicate): given for replicate, given in progress.given.items()})
                self._found.update({(trial, replicate): state for replicate, state in progress.states.items()})
                self.resumed[number] = checkpoints._epochs(progress)

    def known(self, trial: int, replicate: int) -> SlotState | Replicate | None:
        """Where a slot stood, or what it gave."""
        return self._given.get((trial, replicate)) or self._found.pop((trial, replicate), None)

    def between_epochs(self, slots: Sequence[tuple[int, int]], states: Callable[[], list[SlotState]]) -> None:
        """Saves where the slots of a block stand, once in every interval."""
        now = int((time.monotonic() - self._started) / self._every)
        if now <= self._rounds.get(slots[0], 0):
            return
        self._rounds[slots[0]] = now
        copies = states()
        with self._lock:
            if now > self._told:
                self._told = now
                for trial in sorted(self._unsaved):
                    self._save(trial, {})
            for (trial, replicate), state in zip(slots, copies, strict=True):
                self._save(trial, {replicate: state})

    def finished(self, slots: Sequence[tuple[int, int]], replicates: Sequence[Replicate]) -> None:
        """Remembers what the slots of a block gave; it is saved in the next interval, if the cohort lasts so long."""
        with self._lock:
            self._given.update(zip(slots, replicates, strict=True))
            self._unsaved.update(trial for trial, _ in slots)

    def drop(self, numbers: Collection[int]) -> None:
        """Removes this worker's files of trials that others have by now."""
        for number in numbers:
            self._checkpoints.path(number, self._token).unlink(missing_ok=True)

    def _save(self, trial: int, states: Mapping[int, SlotState]) -> None:
        """Writes a trial's file anew: new states, what is given, and what its file says of the other replicates."""
        number, hyperparameters = self._numbers[trial], self._hyperparameters[trial]
        given = {replicate: value for (owner, replicate), value in self._given.items() if owner == trial}
        before = self._checkpoints.find(number, hyperparameters) if trial in self._files else None
        kept = {} if before is None else before[1].states
        merged = {r: state for r, state in {**kept, **states}.items() if r not in given}
        path = self._checkpoints.path(number, self._token)
        if not self._checkpoints.save(path, number, hyperparameters, Progress(merged, given)):
            return
        if self._files.get(trial, path) != path:
            self._files[trial].unlink(missing_ok=True)
        self._files[trial] = path
        self._unsaved.discard(trial)
