"""Training from a program: progress on one line, an interrupt that loses nothing, no fork among threads."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from tqdm.auto import tqdm

from reluctant.errors import ReluctantWarning
from study.config import ConfigError
from study.data.in_memory import PREFIX
from study.objectives import shown_values
from study.problem import Problem, Search
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError
from study.workers.launch import launch
from study.workers.stop import Stop
from study.workers.worker import StudyProgress

_Answer = TypeVar("_Answer")


class _Bar(tqdm):  # type: ignore[misc]
    monitor_interval = 0  # no thread of its own, so that a process without threads may fork


class Progress:
    """A bar of the trials of a study, on stderr or in the notebook; a context manager.

    Args:
        study: The study.
        shown: Whether there is one.
    """

    def __init__(self, study: OpenStudy, *, shown: bool) -> None:
        self._config = study.problem.config
        self._begun = False
        self._bar: Any = _Bar(total=study.total, desc=study.name, unit="trial", disable=not shown, file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def __call__(self, progress: StudyProgress) -> None:
        """Shows where the study stands; the rate is that of the trials since the bar began."""
        done = min(progress.done, progress.total)
        if progress.total != self._bar.total:
            self._bar.reset(progress.total)
            self._begun = False
        if not self._begun:
            self._bar.initial, self._begun = done, True
        if progress.best:
            best = ", ".join(shown_values(self._config, progress.best[0]))
            self._bar.set_postfix_str(f"best: {best}", refresh=False)
        self._bar.n = done
        self._bar.refresh()

    def log(self, line: str) -> None:
        """Prints a line above the bar."""
        if not self._bar.disable:
            self._bar.write(line, file=sys.stderr)


def train(study: OpenStudy, *, progress: bool) -> bool:
    """Trains what is missing of a study.

    An interrupt (Ctrl-C, or a notebook's stop button) gives back what is being trained, and is no exception: a warning
    says how far the study came, and it can be resumed.

    Args:
        study: The study.
        progress: Whether progress is shown.

    Returns:
        Whether the study has its total.
    """
    processes = _may_fork()
    with Stop(seconds=study.problem.config.timeout) as stop, Progress(study, shown=progress) as bar:
        complete = launch(study, stop=stop, report=bar, log=bar.log, processes=processes)
        confirmed = complete and _confirmed(study, stop, bar.log)
    if not confirmed:
        reason = "interrupted" if stop.signalled else "time is up"
        lacks = "is not confirmed on fresh seeds yet" if complete else "does not have its trials yet"
        warnings.warn(
            f"{reason}: study {study.name!r} {lacks}; everything finished is kept; its method resume() goes on",
            ReluctantWarning,
            stacklevel=3,
        )
    return complete


def _confirmed(study: OpenStudy, stop: Callable[[], bool], log: Callable[[str], None]) -> bool:
    """Confirms the front of a search where that was asked for, or is cheap; returns whether nothing interrupted it."""
    from study.search.fresh_seeds import confirm_where_asked
    from study.training import Interrupted

    if isinstance(study.problem, Search):
        try:
            # Whoever asks for the front of a study without a feasible trial is told so.
            with suppress(NoResultsError):
                confirm_where_asked(study, stop=stop, log=log)
        except Interrupted:
            return False
    return True


def check_workers(problem: Problem) -> None:
    """Refuses several workers for data that only this process holds.

    Raises:
        ConfigError: There are several.
    """
    config = problem.config
    if problem.dataset.origin.startswith(PREFIX) and (config.workers > 1 or config.ray is not None):
        asked = "ray" if config.ray is not None else f"workers={config.workers}"
        raise ConfigError(
            f"{asked} is given, and the data are in the memory of this process alone; write them to a Parquet or NPZ "
            "file and give its path, or leave it out: one worker uses all cores"
        )


def interruptible(answer: Callable[[Callable[[], bool]], _Answer]) -> _Answer:
    """What a function returns that is asked at every step whether to stop.

    Raises:
        KeyboardInterrupt: It was interrupted; nothing is lost.
    """
    from study.training import Interrupted

    with Stop() as stop:
        try:
            return answer(stop)
        except Interrupted:
            raise KeyboardInterrupt("interrupted; nothing is lost, ask again") from None


def _may_fork() -> bool:
    """Whether no other thread runs here, such as those of a notebook, whose locks a forked process would inherit."""
    return threading.active_count() == 1 and "ipykernel" not in sys.modules
