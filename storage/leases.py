"""Leases on trials: workers claim waiting trials and release them, and the trials of dead workers are reclaimed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import TrialState
from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update

from storage.among import among
from storage.brackets import set_aside_of, whole_brackets, with_what_is_known
from storage.clock import DatabaseSeconds
from storage.encoding import PARAM_COLUMNS, json_to_cached_distribution, now, param_rows
from storage.inserting import insert_rows
from storage.losses import Loss, claimable_together, fail_if_lost_too_often, record_losses, suspects_of
from storage.records import Claimed, Proposal
from storage.tables import (
    BEATS,
    FINISHES,
    LEASES,
    PARAMS,
    RESULT_TABLES,
    SYSTEM_ATTRS,
    TRIALS,
    WORKERS,
)


def claim_waiting(
    connection: Connection,
    study_id: int,
    token: str,
    limit: int,
    below: int | None,
    complete: Callable[[Claimed], Proposal | None] | None,
    bracket: int | None = None,
) -> list[Claimed]:
    """Turn the lowest waiting numbers into running trials of one worker.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        token: The worker's token.
        limit: How many trials at most.
        below: Only numbers below this one; None means all.
        complete: Returns the parameters that a claimed trial still lacks; see `CohortStorage.claim`.
        bracket: Trials of a bracket, which is claimed as a whole; None: each trial may be claimed by itself.

    Returns:
        The claimed trials in number order.
    """
    at = now()
    waiting = (
        select(TRIALS.c.trial_id, TRIALS.c.number)
        .where(TRIALS.c.study_id == study_id, TRIALS.c.state == TrialState.WAITING)
        .order_by(TRIALS.c.number)
    )
    if below is not None:
        waiting = waiting.where(TRIALS.c.number < below)
    if bracket is None:
        lowest = waiting.limit(max(limit, 0))  # SQLite reads a negative limit as no limit
        wanted = claimable_together(connection, list(connection.execute(lowest).scalars()))
    else:
        numbers = {row.number: row.trial_id for row in connection.execute(waiting)}
        wanted = whole_brackets(connection, study_id, numbers, limit=limit, bracket=bracket)
    won: dict[int, int] = {}
    for some in among(TRIALS.c.trial_id, wanted):
        start = (
            update(TRIALS)
            .where(some, TRIALS.c.state == TrialState.WAITING)
            .values(state=TrialState.RUNNING, datetime_start=at)
            .returning(TRIALS.c.number, TRIALS.c.trial_id)
        )
        won.update((number, trial_id) for number, trial_id in connection.execute(start))
    for table in (*RESULT_TABLES, LEASES, FINISHES):
        for some in among(table.c.trial_id, wanted):
            connection.execute(delete(table).where(some))
    if not won:
        return []
    mark_active(connection, token, at)
    leases = [{"trial_id": i, "study_id": study_id, "token": token, "claimed": at} for i in won.values()]
    connection.execute(insert(LEASES), leases)
    claimed = _read_claimed(connection, [(number, won[number]) for number in sorted(won)])
    if bracket is not None:
        claimed = with_what_is_known(connection, claimed)
    return claimed if complete is None else _with_missing_params(connection, claimed, complete)


def release_trials(connection: Connection, token: str, trial_ids: Collection[int] | None) -> list[int]:
    """Turn running trials of a worker into waiting trials; they keep their numbers and parameters.

    Args:
        connection: A writing transaction on the study.
        token: The worker's token.
        trial_ids: The ids of the trials to release; None means all trials of the worker.

    Returns:
        The numbers of the trials that were released.
    """
    numbers: list[int] = []
    if trial_ids is None:
        held = select(LEASES.c.trial_id).where(LEASES.c.token == token)
        trial_ids = list(connection.execute(held).scalars())
    for some in among(TRIALS.c.trial_id, trial_ids):
        release = (
            update(TRIALS)
            .where(some, lease_stands(token))
            .values(state=TrialState.WAITING, datetime_start=None)
            .returning(TRIALS.c.number)
        )
        numbers += connection.execute(release).scalars()
    for some in among(LEASES.c.trial_id, trial_ids):
        connection.execute(delete(LEASES).where(some, LEASES.c.token == token))
    return sorted(numbers)


def reclaim_from(connection: Connection, study_id: int, token: str, reason: str | None) -> list[int]:
    """Reclaim the trials of a worker that is gone, record the losses, and mark the worker as ended.

    A trial that was lost too often while it was trained alone fails; all others wait again.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        token: The worker's token.
        reason: `WORKER_DIED`, `LEASE_EXPIRED`, or a reason that the worker itself gave; None: it is no loss.

    Returns:
        The numbers of the reclaimed trials; empty where another process reclaimed them first.
    """
    held = select(LEASES.c.trial_id).where(LEASES.c.token == token)
    trial_ids = list(connection.execute(held).scalars())
    to_blame = suspects_of(connection, trial_ids) - set_aside_of(connection, trial_ids).keys()
    alone = len(trial_ids) == 1 and trial_ids[0] in to_blame
    numbers = release_trials(connection, token, trial_ids)
    if reason is not None:
        record_losses(connection, study_id, token, trial_ids, Loss(reason, alone=alone))
        if alone:
            fail_if_lost_too_often(connection, trial_ids[0])
    connection.execute(update(WORKERS).where(WORKERS.c.token == token, WORKERS.c.ended.is_(None)).values(ended=now()))
    return numbers


def lease_stands(token: str) -> ColumnElement[bool]:
    """An SQL condition: the row of `trials` is running under a lease of this worker."""
    lease = exists().where(
        LEASES.c.trial_id == TRIALS.c.trial_id,
        LEASES.c.token == token,
        LEASES.c.claimed == TRIALS.c.datetime_start,
    )
    return (TRIALS.c.state == TrialState.RUNNING) & lease


def mark_active(connection: Connection, token: str, at: datetime) -> None:
    """Record that a worker was active at this moment, which also revokes that others marked it as ended."""
    connection.execute(update(WORKERS).where(WORKERS.c.token == token).values(last_active=at, ended=None))
    renew(connection, token)


def renew(connection: Connection, token: str, **changes: Any) -> None:
    """Renew all leases of a worker: they now expire one lease duration from now, by the clock of the database.

    Args:
        connection: A writing transaction.
        token: The worker's token.
        changes: Other columns of the worker's row in `BEATS` to set in the same statement.
    """
    beat = update(BEATS).where(BEATS.c.token == token)
    connection.execute(beat.values(expires=DatabaseSeconds() + BEATS.c.lease, **changes))


def _read_claimed(connection: Connection, trials: list[tuple[int, int]]) -> list[Claimed]:
    params: dict[int, dict[str, Any]] = defaultdict(dict)
    distributions: dict[int, dict[str, BaseDistribution]] = defaultdict(dict)
    fixed: dict[int, dict[str, Any]] = {}
    trial_ids = [trial_id for _, trial_id in trials]
    columns = select(*(PARAMS.c[name] for name in PARAM_COLUMNS)).order_by(PARAMS.c.param_id)
    for some in among(PARAMS.c.trial_id, trial_ids):
        for trial_id, name, value, text in connection.execute(columns.where(some)):
            distribution = json_to_cached_distribution(text)
            distributions[trial_id][name] = distribution
            params[trial_id][name] = distribution.to_external_repr(value)
    attributes = select(SYSTEM_ATTRS.c.trial_id, SYSTEM_ATTRS.c.value_json)
    for some in among(SYSTEM_ATTRS.c.trial_id, trial_ids):
        enqueued = attributes.where(some, SYSTEM_ATTRS.c.key == "fixed_params")
        fixed.update((trial_id, json.loads(text)) for trial_id, text in connection.execute(enqueued))
    return [Claimed(i, number, params[i], distributions[i], fixed.get(i, {})) for number, i in trials]


def _with_missing_params(
    connection: Connection, claimed: list[Claimed], complete: Callable[[Claimed], Proposal | None]
) -> list[Claimed]:
    whole: list[Claimed] = []
    added_params: list[tuple[int, Mapping[str, Any], Mapping[str, BaseDistribution]]] = []
    for trial in claimed:
        added = complete(trial)
        if added is None:
            whole.append(trial)
            continue
        missing = {name: value for name, value in added.params.items() if name not in trial.params}
        added_params.append((trial.trial_id, missing, added.distributions))
        params = {**trial.params, **missing}
        distributions = {**{name: added.distributions[name] for name in missing}, **trial.distributions}
        whole.append(replace(trial, params=params, distributions=distributions))
    insert_rows(connection, PARAMS, PARAM_COLUMNS, param_rows(added_params))
    return whole
