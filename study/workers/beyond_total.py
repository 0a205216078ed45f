"""Members of a bracket beyond the study's total, trained one by one where one of them may be what ends their workers.

They have no rows, so that the storage cannot count how often they were lost. The count is an attribute of the study: it
goes up before such a member is trained alone, and down again once that has ended. Where the worker dies, or cannot
reach the database any more, it stays up.
"""

from __future__ import annotations

from collections.abc import Callable

from storage import MOST_LOSSES_ALONE
from study.records.attributes import BEYOND_TOTAL
from study.records.open_study import OpenStudy
from study.training import Outcome, Replicate
from study.workers.brackets import Competition
from study.workers.reconnecting import Reconnecting


def outcomes_beyond(
    study: OpenStudy,
    competition: Competition,
    reconnecting: Reconnecting,
    train_alone: Callable[[int], Outcome | None],
) -> dict[int, Outcome] | None:
    """The outcomes of the members beyond the total, each trained alone; one that was lost too often has failed.

    Args:
        study: The study.
        competition: Their brackets.
        reconnecting: Calls the database.
        train_alone: Trains a member by its number, through all epochs; returns None where training was to stop.

    Returns:
        The outcomes by the members' place in the order of training; None where training was to stop.
    """
    storage, study_id = study.storage, study.study_id

    def write_lost(number: int, times: int) -> None:
        reconnecting(
            lambda: storage.change_study_attr(
                study_id, BEYOND_TOTAL, lambda before, _: {**(before or {}), str(number): times}
            )
        )

    lost = reconnecting(lambda: storage.study_attr(study_id, BEYOND_TOTAL)) or {}
    found: dict[int, Outcome] = {}
    for number in sorted(competition.beyond):
        times = int(lost.get(str(number), 0))
        outcome: Outcome | None = _failed(times)
        if times < MOST_LOSSES_ALONE:
            write_lost(number, times + 1)
            outcome = train_alone(number)
            write_lost(number, times)
        if outcome is None:
            return None
        found[competition.numbers.index(number)] = outcome
    return found


def _failed(times: int) -> Outcome:
    """The outcome of a member that was lost so often."""
    reason = f"lost {times} times while trained alone; it probably ends its worker"
    return Outcome((Replicate(diverged=False, scores={}, failure=reason),))
