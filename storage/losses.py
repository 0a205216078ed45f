"""Losses of claimed trials, and how a trial that probably ends its workers is first trained alone and then fails."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from optuna.trial import TrialState
from sqlalchemy import Connection, insert, select, update

from storage.among import among
from storage.encoding import attribute_rows, now
from storage.inserting import insert_rows
from storage.tables import LOSSES, TRIALS, USER_ATTRS

WORKER_DIED = "worker died"
LEASE_EXPIRED = "lease expired"
RESULT_DISCARDED = "result discarded"

SUSPECT_LOSSES = 2
"""Number of losses after which a trial is trained alone: it may be what ended its workers."""
MOST_LOSSES_ALONE = 3
"""Number of losses while it was trained alone after which a trial fails."""

_ALONE_MARK = ", training it alone"


@dataclass(frozen=True)
class Loss:
    """Why a worker lost a trial that it had claimed.

    Attributes:
        reason: `WORKER_DIED`, `LEASE_EXPIRED`, `RESULT_DISCARDED`, or the worker's own words.
        alone: Whether the trial was a suspect that its worker trained alone.

    Example:
        >>> Loss(WORKER_DIED, alone=True).to_column()
        'worker died, training it alone'
        >>> Loss.from_column("lease expired")
        Loss(reason='lease expired', alone=False)
    """

    reason: str
    alone: bool = False

    def to_column(self) -> str:
        """The loss as the column `reason` stores it, in words that `reluctant status` shows as they are."""
        return self.reason + _ALONE_MARK if self.alone else self.reason

    @classmethod
    def from_column(cls, text: str) -> Loss:
        """The inverse of `to_column`."""
        return cls(text.removesuffix(_ALONE_MARK), alone=text.endswith(_ALONE_MARK))


def record_losses(connection: Connection, study_id: int, token: str, trial_ids: Collection[int], loss: Loss) -> None:
    """Record that a worker lost these trials.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        token: The worker's token.
        trial_ids: The trials that it lost.
        loss: Why it lost them.
    """
    if trial_ids:
        row = {"study_id": study_id, "token": token, "reason": loss.to_column(), "at": now()}
        connection.execute(insert(LOSSES), [{**row, "trial_id": trial_id} for trial_id in trial_ids])


def suspects_of(connection: Connection, trial_ids: Collection[int]) -> set[int]:
    """Those of some trials that were lost so often that they are trained alone."""
    losses = _losses(connection, trial_ids)
    return {trial_id for trial_id, of_trial in losses.items() if len(of_trial) >= SUSPECT_LOSSES}


def claimable_together(connection: Connection, trial_ids: list[int]) -> list[int]:
    """Those of some waiting trials, in number order, that one worker may train together.

    Returns:
        The first alone where it is a suspect; otherwise all that are no suspects.
    """
    suspects = suspects_of(connection, trial_ids)
    if trial_ids and trial_ids[0] in suspects:
        return trial_ids[:1]
    return [trial_id for trial_id in trial_ids if trial_id not in suspects]


def fail_if_lost_too_often(connection: Connection, trial_id: int) -> None:
    """Fail a waiting trial that was lost too often while it was trained alone; its attribute `failure` says so."""
    losses = _losses(connection, [trial_id])[trial_id]
    alone = [loss for loss in losses if loss.alone]
    if len(alone) < MOST_LOSSES_ALONE:
        return
    at = now()
    fail = update(TRIALS).where(TRIALS.c.trial_id == trial_id, TRIALS.c.state == TrialState.WAITING)
    if connection.execute(fail.values(state=TrialState.FAIL, datetime_start=at, datetime_complete=at)).rowcount:
        counts = Counter(loss.reason for loss in alone)
        text = (
            f"lost {len(losses)} times, {len(alone)} of them while trained alone "
            f"({', '.join(f'{reason}: {count}' for reason, count in counts.items())}); it probably ends its worker"
        )
        rows = attribute_rows(trial_id, {"failure": text})
        insert_rows(connection, USER_ATTRS, ("trial_id", "key", "value_json"), rows)


def _losses(connection: Connection, trial_ids: Collection[int]) -> dict[int, list[Loss]]:
    """The losses of each trial whose worker was gone; a result that came too late says nothing against its trial."""
    found: dict[int, list[Loss]] = defaultdict(list)
    columns = select(LOSSES.c.trial_id, LOSSES.c.reason)
    for some in among(LOSSES.c.trial_id, trial_ids):
        rows = columns.where(some, LOSSES.c.reason != RESULT_DISCARDED)
        for trial_id, text in connection.execute(rows):
            found[trial_id].append(Loss.from_column(text))
    return found
