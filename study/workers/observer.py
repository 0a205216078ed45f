"""The progress of a study that others work on: how many trials are done, and whether any are left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from storage import StorageBusyError, StorageFullError, StorageUnreachableError
from study.records.attributes import CONFIG
from study.records.open_study import OpenStudy
from study.records.trial_feed import TrialFeed
from study.workers.worker import StudyProgress, is_complete

_COHORTS_AT_A_TIME = 2
"""Cohorts that are under way: the next one is proposed once all trials of the one before the last have ended."""


class Observer:
    """Follows a study while workers in other processes train it.

    Args:
        study: The study.
        report: Called with the study's progress whenever more trials are done.

    Attributes:
        done: Trials that have ended.
    """

    def __init__(self, study: OpenStudy, report: Callable[[StudyProgress], None]) -> None:
        self._study, self._report = study, report
        self._total = study.total
        self._feed = TrialFeed(study.storage, study.study_id)
        self._feed.refresh()
        self._before = self.done = self._feed.done
        self._reported = -1

    @property
    def missing(self) -> int:
        """Trials that the study is still to have."""
        return self._total - self.done

    @property
    def complete(self) -> bool:
        """Whether the study has its total."""
        return is_complete(self._feed, self._total)

    def refresh(self) -> int:
        """Reclaims crashed workers' trials, counts again and returns `done`; an outage or full disk is ignored."""
        with suppress(StorageUnreachableError, StorageBusyError, StorageFullError):
            self._study.storage.reclaim(self._study.study_id)
            self._total = int(self._study.storage.study_attr(self._study.study_id, CONFIG)["trials"])
            self._feed.refresh()
            self.done = self._feed.done
        if self.done != self._reported:
            self._report(StudyProgress(self.done, self._total, self.done - self._before, self._feed.best))
            self._reported = self.done
        return self.done


def worker_count(asked: int, missing: int, cohort: int, bracket: int | None, log: Callable[[str], None]) -> int:
    """How many workers to start: as many as were asked for, but no more than trials are missing.

    Args:
        asked: Workers that were asked for.
        missing: Trials that are still to be trained.
        cohort: Trials of a cohort.
        bracket: Trials of a bracket, which one worker trains; None where no trials are stopped early.
        log: Called with a line where fewer are started, where their shares of a cohort are small, or where some of them
            will have nothing to do.
    """
    count = max(1, min(asked, missing))
    if count < asked:
        log(f"{asked} workers were asked for, and {missing} trials are missing; {count} are started")
    if bracket is not None:
        most = _COHORTS_AT_A_TIME * cohort // bracket
        if count > most:
            log(
                f"one worker trains a bracket of {bracket} trials, and {_COHORTS_AT_A_TIME} cohorts of {cohort} are "
                f"under way at most, so that {most} of {count} workers have something to do; a larger --cohort, or "
                "--pruner none, would employ more, and makes another study"
            )
    elif count > cohort / 4:
        log(
            f"{count} workers share cohorts of {cohort} trials, {-(-cohort // count)} for each; a larger --cohort "
            "would let each train more of them at once, and makes another study"
        )
    return count
