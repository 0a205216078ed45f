"""Brackets: blocks of consecutive trial numbers that one worker claims as a whole, to decide who of them goes on.

A suspect (see `losses`) is still trained alone. What it gave is set aside, and it waits: it is claimed once more with
the rest of its bracket, when this has no other suspect that is to be trained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from optuna.trial import TrialState
from sqlalchemy import Connection, insert, select

from storage.among import among
from storage.losses import RESULT_DISCARDED, Loss, record_losses, suspects_of
from storage.records import Claimed
from storage.tables import LEASES, SET_ASIDE, TRIALS


def whole_brackets(
    connection: Connection, study_id: int, waiting: Mapping[int, int], *, limit: int, bracket: int
) -> list[int]:
    """The waiting trials that a worker may claim: whole brackets of which no other worker holds a trial.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        waiting: Ids of the waiting trials by number, in number order.
        limit: How many trials at most; of the first bracket all are claimed, whatever the limit, unless it is 0.
        bracket: Trials of a bracket.

    Returns:
        The first suspect of the first bracket where it has one that is to be trained; otherwise all waiting trials of
        brackets without any.
    """
    held = select(TRIALS.c.number).join(LEASES, LEASES.c.trial_id == TRIALS.c.trial_id)
    running = (TRIALS.c.study_id == study_id, TRIALS.c.state == TrialState.RUNNING)
    taken = {number // bracket for number in connection.execute(held.where(*running)).scalars()}
    blocks: dict[int, list[int]] = defaultdict(list)
    for number, trial_id in waiting.items():
        if number // bracket not in taken:
            blocks[number // bracket].append(trial_id)
    free = [trial_id for block in blocks.values() for trial_id in block]
    suspects = suspects_of(connection, free) - set_aside_of(connection, free).keys()
    wanted: list[int] = []
    for block in blocks.values() if limit > 0 else ():
        alone = [trial_id for trial_id in block if trial_id in suspects]
        if alone and not wanted:
            return alone[:1]
        if wanted and len(wanted) + len(block) > limit:
            break
        if not alone:
            wanted += block
    return wanted


def with_what_is_known(connection: Connection, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Claimed trials, with whether each is a suspect, and what was set aside of it."""
    trial_ids = [trial.trial_id for trial in claimed]
    suspects, aside = suspects_of(connection, trial_ids), set_aside_of(connection, trial_ids)
    return [
        replace(trial, suspect=trial.trial_id in suspects, set_aside=aside.get(trial.trial_id)) for trial in claimed
    ]


def set_aside_of(connection: Connection, trial_ids: Collection[int]) -> dict[int, str]:
    """What was set aside of some trials, by trial id."""
    found: dict[int, str] = {}
    columns = select(SET_ASIDE.c.trial_id, SET_ASIDE.c.result_json)
    for some in among(SET_ASIDE.c.trial_id, trial_ids):
        found.update((trial_id, text) for trial_id, text in connection.execute(columns.where(some)))
    return found


def write_set_aside(
    connection: Connection, study_id: int, token: str, trial_id: int, text: str, *, released: bool
) -> bool:
    """Store what a trial gave, once it waits again; returns whether it counts.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        token: The token of the worker that trained it.
        trial_id: The trial.
        text: What it gave.
        released: Whether the worker still held its lease, and it was released now. Otherwise what it gave is
            discarded, and the loss is recorded, unless it was stored by an earlier call that was not confirmed.
    """
    if released:
        connection.execute(insert(SET_ASIDE), {"trial_id": trial_id, "result_json": text})
    elif trial_id not in set_aside_of(connection, [trial_id]):
        record_losses(connection, study_id, token, [trial_id], Loss(RESULT_DISCARDED))
        return False
    return True
