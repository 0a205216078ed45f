"""A study seen from outside of its workers: how many trials are done, and whether any are left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from storage import StorageUnreachableError
from study.records.open_study import OpenStudy
from study.records.trial_feed import Mirror
from study.workers.worker import Progress, nothing_left


class Watch:
    """Looks at a study while others work on it.

    Args:
        study: The study.
        report: Told whenever more trials are done.

    Attributes:
        done: Trials that have ended.
    """

    def __init__(self, study: OpenStudy, report: Callable[[Progress], None]) -> None:
        self._study, self._report = study, report
        self._mirror = Mirror(study.storage, study.study_id)
        self._mirror.refresh()
        self._before = self.done = self._mirror.done
        self._shown = -1

    @property
    def missing(self) -> int:
        """Trials that the study is still to have."""
        return self._study.total - self.done

    @property
    def nothing_left(self) -> bool:
        """Whether the study has its total."""
        return nothing_left(self._study, self._mirror)

    def look(self) -> int:
        """Takes back what the dead left, and counts; a server that is away for a while changes nothing."""
        with suppress(StorageUnreachableError):
            self._study.storage.reclaim(self._study.study_id)
            self._mirror.refresh()
            self.done = self._mirror.done
        if self.done != self._shown:
            self._report(Progress(self.done, self._study.total, self.done - self._before, self._mirror.best))
            self._shown = self.done
        return self.done


def crew_size(asked: int, missing: int, cohort: int, log: Callable[[str], None]) -> int:
    """How many workers are started; says where that is not what was asked for, or more than a cohort feeds well."""
    count = max(1, min(asked, missing))
    if count < asked:
        log(f"{asked} workers were asked for, and {missing} trials are missing; {count} are started")
    if count > cohort / 4:
        log(
            f"{count} workers share cohorts of {cohort} trials, {-(-cohort // count)} for each; a larger --cohort "
            "would let each train more of them at once, and makes another study"
        )
    return count
