"""Claiming waiting trials, giving them back, and taking back those of the dead."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import TrialState
from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update

from storage.clock import DatabaseSeconds
from storage.encoding import attribute_rows, chunks, json_to_cached_distribution, now, param_rows
from storage.records import Claimed, Proposal
from storage.tables import (
    BEATS,
    FINISHES,
    LEASES,
    LOSSES,
    PARAMS,
    RESULT_TABLES,
    SYSTEM_ATTRS,
    TRIALS,
    USER_ATTRS,
    WORKERS,
)

WORKER_DIED = "worker died"
LEASE_EXPIRED = "lease expired"
ALONE = ", training it alone"
RESULT_DISCARDED = "result discarded"

SUSPECT_LOSSES = 2
"""Losses after which a trial is trained alone: it may be what its workers died of."""
MOST_LOSSES_ALONE = 3
"""Losses of a trial that was trained alone after which it has failed."""


def claim_waiting(
    connection: Connection,
    study_id: int,
    token: str,
    limit: int,
    below: int | None,
    complete: Callable[[Claimed], Proposal | None] | None,
) -> list[Claimed]:
    """Turn the lowest waiting numbers into running trials of one worker.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        token: The worker's token.
        limit: How many trials at most.
        below: Only numbers below this one; None means all.
        complete: Gives the parameters that a claimed trial still lacks; see `CohortStorage.claim`.
    """
    at = now()
    lowest = (
        select(TRIALS.c.trial_id)
        .where(TRIALS.c.study_id == study_id, TRIALS.c.state == TrialState.WAITING)
        .order_by(TRIALS.c.number)
        .limit(max(limit, 0))  # SQLite takes a negative limit for none
    )
    if below is not None:
        lowest = lowest.where(TRIALS.c.number < below)
    won: dict[int, int] = {}
    for some in chunks(_claimable_together(connection, list(connection.execute(lowest).scalars()))):
        take = (
            update(TRIALS)
            .where(TRIALS.c.trial_id.in_(some), TRIALS.c.state == TrialState.WAITING)
            .values(state=TrialState.RUNNING, datetime_start=at)
            .returning(TRIALS.c.number, TRIALS.c.trial_id)
        )
        won.update((number, trial_id) for number, trial_id in connection.execute(take))
        for table in (*RESULT_TABLES, LEASES, FINISHES):
            connection.execute(delete(table).where(table.c.trial_id.in_(some)))
    if not won:
        return []
    mark_active(connection, token, at)
    leases = [{"trial_id": i, "study_id": study_id, "token": token, "claimed": at} for i in won.values()]
    connection.execute(insert(LEASES), leases)
    claimed = _read_claimed(connection, [(number, won[number]) for number in sorted(won)])
    return claimed if complete is None else _with_missing_params(connection, claimed, complete)


def release_trials(connection: Connection, token: str, trial_ids: Collection[int] | None) -> list[int]:
    """Turn a worker's running trials into waiting ones; they keep their parameters.

    Args:
        connection: A writing transaction on the study.
        token: The worker's token.
        trial_ids: Which of its trials; None means all.

    Returns:
        Their numbers.
    """
    numbers: list[int] = []
    if trial_ids is None:
        held = select(LEASES.c.trial_id).where(LEASES.c.token == token)
        trial_ids = list(connection.execute(held).scalars())
    for some in chunks(trial_ids):
        back = (
            update(TRIALS)
            .where(TRIALS.c.trial_id.in_(some), lease_stands(token))
            .values(state=TrialState.WAITING, datetime_start=None)
            .returning(TRIALS.c.number)
        )
        numbers += connection.execute(back).scalars()
        connection.execute(delete(LEASES).where(LEASES.c.trial_id.in_(some), LEASES.c.token == token))
    return sorted(numbers)


def reclaim_from(connection: Connection, study_id: int, token: str, reason: str) -> list[int]:
    """Take back the trials of a worker that is gone, put the loss on record, and close the worker's row.

    A trial that took too many workers with it, trained alone, has failed.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        token: The worker's token.
        reason: `WORKER_DIED`, `LEASE_EXPIRED`, or the worker's own.

    Returns:
        Their numbers; empty where somebody else was faster.
    """
    held = select(LEASES.c.trial_id).where(LEASES.c.token == token)
    trial_ids = list(connection.execute(held).scalars())
    alone = len(trial_ids) == 1 and _is_suspect(connection, trial_ids[0])
    numbers = release_trials(connection, token, trial_ids)
    record_losses(connection, study_id, token, trial_ids, reason + ALONE if alone else reason)
    if alone:
        _fail_if_lost_too_often(connection, trial_ids[0])
    connection.execute(update(WORKERS).where(WORKERS.c.token == token, WORKERS.c.ended.is_(None)).values(ended=now()))
    return numbers


def _losses(connection: Connection, trial_ids: Collection[int]) -> dict[int, list[str]]:
    """Why each of these trials was lost by workers that were gone, one reason a loss."""
    found: dict[int, list[str]] = defaultdict(list)
    for some in chunks(trial_ids):
        columns = select(LOSSES.c.trial_id, LOSSES.c.reason)
        rows = columns.where(LOSSES.c.trial_id.in_(some), LOSSES.c.reason != RESULT_DISCARDED)
        for trial_id, reason in connection.execute(rows):
            found[trial_id].append(reason)
    return found


def _is_suspect(connection: Connection, trial_id: int) -> bool:
    return len(_losses(connection, [trial_id])[trial_id]) >= SUSPECT_LOSSES


def _claimable_together(connection: Connection, trial_ids: list[int]) -> list[int]:
    """Those that may be trained together: the first alone where it is suspect, else all that are not."""
    losses = _losses(connection, trial_ids)
    suspects = {trial_id for trial_id, reasons in losses.items() if len(reasons) >= SUSPECT_LOSSES}
    if trial_ids and trial_ids[0] in suspects:
        return trial_ids[:1]
    return [trial_id for trial_id in trial_ids if trial_id not in suspects]


def _fail_if_lost_too_often(connection: Connection, trial_id: int) -> None:
    """Fails a waiting trial that was lost too often while it was trained alone."""
    reasons = _losses(connection, [trial_id])[trial_id]
    alone = [reason for reason in reasons if reason.endswith(ALONE)]
    if len(alone) < MOST_LOSSES_ALONE:
        return
    at = now()
    fail = update(TRIALS).where(TRIALS.c.trial_id == trial_id, TRIALS.c.state == TrialState.WAITING)
    if connection.execute(fail.values(state=TrialState.FAIL, datetime_start=at, datetime_complete=at)).rowcount:
        kinds = Counter(reason.removesuffix(ALONE) for reason in alone)
        text = (
            f"lost {len(reasons)} times, {len(alone)} of them while trained alone "
            f"({', '.join(f'{kind}: {count}' for kind, count in kinds.items())}); it probably ends its worker"
        )
        connection.execute(insert(USER_ATTRS), attribute_rows({"trial_id": trial_id}, {"failure": text}))


def lease_stands(token: str) -> ColumnElement[bool]:
    """The condition on a row of `trials` that it is running under a lease of this worker."""
    lease = exists().where(
        LEASES.c.trial_id == TRIALS.c.trial_id,
        LEASES.c.token == token,
        LEASES.c.claimed == TRIALS.c.datetime_start,
    )
    return (TRIALS.c.state == TrialState.RUNNING) & lease


def record_losses(connection: Connection, study_id: int, token: str, trial_ids: Collection[int], reason: str) -> None:
    """Put on record that a worker lost these trials."""
    if trial_ids:
        at = now()
        rows = [{"trial_id": i, "study_id": study_id, "token": token, "reason": reason, "at": at} for i in trial_ids]
        connection.execute(insert(LOSSES), rows)


def mark_active(connection: Connection, token: str, at: datetime) -> None:
    """Note that a worker was active at this moment; it lives, whatever others thought."""
    connection.execute(update(WORKERS).where(WORKERS.c.token == token).values(last_active=at, ended=None))
    renew(connection, token)


def renew(connection: Connection, token: str, **changes: Any) -> None:
    """Let all leases of a worker stand anew, counted from now by the database's clock."""
    beat = update(BEATS).where(BEATS.c.token == token)
    connection.execute(beat.values(expires=DatabaseSeconds() + BEATS.c.lease, **changes))


def _read_claimed(connection: Connection, trials: list[tuple[int, int]]) -> list[Claimed]:
    params: dict[int, dict[str, Any]] = defaultdict(dict)
    distributions: dict[int, dict[str, BaseDistribution]] = defaultdict(dict)
    fixed: dict[int, dict[str, Any]] = {}
    for some in chunks(trial_id for _, trial_id in trials):
        columns = select(PARAMS.c.trial_id, PARAMS.c.param_name, PARAMS.c.param_value, PARAMS.c.distribution_json)
        for row in connection.execute(columns.where(PARAMS.c.trial_id.in_(some)).order_by(PARAMS.c.param_id)):
            distribution = json_to_cached_distribution(row.distribution_json)
            distributions[row.trial_id][row.param_name] = distribution
            params[row.trial_id][row.param_name] = distribution.to_external_repr(row.param_value)
        attributes = select(SYSTEM_ATTRS.c.trial_id, SYSTEM_ATTRS.c.value_json)
        enqueued = (SYSTEM_ATTRS.c.trial_id.in_(some), SYSTEM_ATTRS.c.key == "fixed_params")
        fixed.update((i, json.loads(text)) for i, text in connection.execute(attributes.where(*enqueued)))
    return [Claimed(i, number, params[i], distributions[i], fixed.get(i, {})) for number, i in trials]


def _with_missing_params(
    connection: Connection, claimed: list[Claimed], complete: Callable[[Claimed], Proposal | None]
) -> list[Claimed]:
    whole: list[Claimed] = []
    rows: list[dict[str, Any]] = []
    for trial in claimed:
        added = complete(trial)
        if added is None:
            whole.append(trial)
            continue
        missing = {name: value for name, value in added.params.items() if name not in trial.params}
        rows += param_rows(trial.trial_id, missing, added.distributions)
        params = {**trial.params, **missing}
        distributions = {**{name: added.distributions[name] for name in missing}, **trial.distributions}
        whole.append(Claimed(trial.trial_id, trial.number, params, distributions, trial.fixed))
    if rows:
        connection.execute(insert(PARAMS), rows)
    return whole
