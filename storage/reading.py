"""Reads all of a study but its trials: counts, activity, layer measures, curves, test results, workers, losses."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from optuna.trial import TrialState
from sqlalchemy import ColumnElement, Connection, Table, func, select

from storage.encoding import chunks, json_to_numbers
from storage.tables import (
    CURVES,
    FINISHES,
    LAYERS,
    LEASES,
    LOSSES,
    STUDIES,
    TEST_RESULTS,
    TRIALS,
    WORKERS,
)


def exists(connection: Connection, study_id: int) -> bool:
    """Whether there is such a study."""
    return connection.execute(select(STUDIES.c.study_id).where(STUDIES.c.study_id == study_id)).first() is not None


def study_of_trial(connection: Connection, trial_id: int) -> int | None:
    """The study that a trial belongs to; None where there is no such trial."""
    found = connection.execute(select(TRIALS.c.study_id).where(TRIALS.c.trial_id == trial_id)).scalar()
    return None if found is None else int(found)


def first_number_after(connection: Connection, study_id: int, trial_id: int) -> int:
    """The lowest number among the study's trials whose id is greater; one past the highest where there is none."""
    of_study = TRIALS.c.study_id == study_id
    later = connection.execute(select(func.min(TRIALS.c.number)).where(of_study, TRIALS.c.trial_id > trial_id)).scalar()
    if later is not None:
        return int(later)
    highest = connection.execute(select(func.max(TRIALS.c.number)).where(of_study)).scalar()
    return 0 if highest is None else int(highest) + 1


def count_by_state(connection: Connection, study_id: int) -> dict[TrialState, int]:
    """The number of trials in each state; every state is a key."""
    counted = select(TRIALS.c.state, func.count()).where(TRIALS.c.study_id == study_id).group_by(TRIALS.c.state)
    counts = dict.fromkeys(TrialState, 0)
    counts.update((state, count) for state, count in connection.execute(counted))
    return counts


def last_activity(connection: Connection, study_id: int) -> datetime | None:
    """The time, in UTC, at which a trial or worker of the study was last active; None where there was none."""
    of_trials = select(func.max(TRIALS.c.datetime_start), func.max(TRIALS.c.datetime_complete))
    of_workers = select(func.max(WORKERS.c.last_active)).where(WORKERS.c.study_id == study_id)
    moments = [
        *connection.execute(of_trials.where(TRIALS.c.study_id == study_id)).one(),
        connection.execute(of_workers).scalar_one(),
    ]
    known = [moment.replace(tzinfo=UTC) for moment in moments if moment is not None]
    return max(known, default=None)


def layer_measures(connection: Connection, study_id: int, numbers: Collection[int] | None) -> list[dict[str, Any]]:
    """One dict for each trial, replicate and layer: `number`, `replicate`, `layer`, and every measure by name."""
    rows = _own_rows(connection, LAYERS, study_id, numbers, LAYERS.c.replicate, LAYERS.c.layer)
    return [
        {"number": r.number, "replicate": r.replicate, "layer": r.layer, **json_to_numbers(r.measures_json)}
        for r in rows
    ]


def learning_curves(connection: Connection, study_id: int, numbers: Collection[int] | None) -> list[dict[str, Any]]:
    """One dict for each trial, replicate and curve: `number`, `replicate`, `name`, `points`."""
    rows = _own_rows(connection, CURVES, study_id, numbers, CURVES.c.replicate, CURVES.c.name)
    return [
        {"number": r.number, "replicate": r.replicate, "name": r.name, "points": json_to_numbers(r.points_json)}
        for r in rows
    ]


def test_results(connection: Connection, study_id: int, numbers: Collection[int] | None) -> list[dict[str, Any]]:
    """One dict for each trial and replicate: `number`, `replicate`, and every measure by name."""
    rows = _own_rows(connection, TEST_RESULTS, study_id, numbers, TEST_RESULTS.c.replicate)
    return [{"number": r.number, "replicate": r.replicate, **json_to_numbers(r.measures_json)} for r in rows]


def losses(connection: Connection, study_id: int) -> list[dict[str, Any]]:
    """One dict for every time that a claimed trial was lost: `number`, `token`, `reason`, `at` (UTC)."""
    columns = select(TRIALS.c.number, LOSSES.c.token, LOSSES.c.reason, LOSSES.c.at)
    joined = columns.join(TRIALS, TRIALS.c.trial_id == LOSSES.c.trial_id).where(TRIALS.c.study_id == study_id)
    rows = connection.execute(joined.order_by(LOSSES.c.loss_id))
    return [{"number": r.number, "token": r.token, "reason": r.reason, "at": r.at.replace(tzinfo=UTC)} for r in rows]


def workers(connection: Connection, study_id: int) -> list[dict[str, Any]]:
    """One dict for each worker, oldest first.

    Keys: `token`, `host`, `pid`, `started`, `last_active`, `ended` (UTC, None while it runs), `details`.
    """
    found = connection.execute(select(WORKERS).where(WORKERS.c.study_id == study_id).order_by(WORKERS.c.started))
    return [
        {
            "token": row.token,
            "host": row.host,
            "pid": row.pid,
            "started": row.started.replace(tzinfo=UTC),
            "last_active": row.last_active.replace(tzinfo=UTC),
            "ended": None if row.ended is None else row.ended.replace(tzinfo=UTC),
            "details": json.loads(row.details_json),
        }
        for row in found
    ]


def held_trials(connection: Connection, study_id: int) -> dict[str, list[int]]:
    """The numbers of the trials that each worker holds, by its token."""
    columns = select(LEASES.c.token, TRIALS.c.number).join(TRIALS, TRIALS.c.trial_id == LEASES.c.trial_id)
    held: dict[str, list[int]] = defaultdict(list)
    for token, number in connection.execute(columns.where(TRIALS.c.study_id == study_id).order_by(TRIALS.c.number)):
        held[token].append(number)
    return dict(held)


def finished_trials(connection: Connection, study_id: int, since: datetime | None) -> dict[str, int]:
    """The number of trials that each worker finished, by its token.

    Args:
        connection: A snapshot.
        study_id: The study.
        since: Count only trials that finished at or after this time, which has a time zone; None counts all.
    """
    counted = select(FINISHES.c.token, func.count()).join(TRIALS, TRIALS.c.trial_id == FINISHES.c.trial_id)
    counted = counted.where(TRIALS.c.study_id == study_id)
    if since is not None:
        counted = counted.where(TRIALS.c.datetime_complete >= since.astimezone(UTC).replace(tzinfo=None))
    return dict(row._tuple() for row in connection.execute(counted.group_by(FINISHES.c.token)))


def leased_trials(connection: Connection, study_id: int) -> set[int]:
    """Ids of the running trials that a worker holds a lease on."""
    fits = (LEASES.c.trial_id == TRIALS.c.trial_id) & (LEASES.c.claimed == TRIALS.c.datetime_start)
    running = (TRIALS.c.study_id == study_id, TRIALS.c.state == TrialState.RUNNING)
    return set(connection.execute(select(TRIALS.c.trial_id).join(LEASES, fits).where(*running)).scalars())


def _own_rows(
    connection: Connection, table: Table, study_id: int, numbers: Collection[int] | None, *order: ColumnElement[Any]
) -> Iterable[Any]:
    joined = select(TRIALS.c.number, table).join(TRIALS, TRIALS.c.trial_id == table.c.trial_id)
    ordered = joined.where(TRIALS.c.study_id == study_id).order_by(TRIALS.c.number, *order)
    if numbers is None:
        return connection.execute(ordered)
    return (
        row
        for some in chunks(sorted(set(numbers)))
        for row in connection.execute(ordered.where(TRIALS.c.number.in_(some)))
    )
