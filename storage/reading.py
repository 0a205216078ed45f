"""Queries that read a study with a fixed, small number of statements, however many trials it has."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.storages._rdb.models import TrialIntermediateValueModel, TrialValueModel
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import ColumnElement, Connection, Table, Text, cast, func, select

from storage.encoding import chunks, json_to_cached_distribution, json_to_numbers
from storage.tables import (
    CURVES,
    FINISHES,
    INTERMEDIATE_VALUES,
    LAYERS,
    LEASES,
    LOSSES,
    PARAMS,
    STUDIES,
    SYSTEM_ATTRS,
    TEST_RESULTS,
    TRIALS,
    USER_ATTRS,
    VALUES,
    WORKERS,
)

_AT_ONCE = 4096
"""Largest number of trials that `changes` yields at once."""


def trials(
    connection: Connection,
    study_id: int,
    from_number: int,
    trial_ids: Collection[int],
    states: Collection[TrialState],
    attributes: Collection[str] | None = None,
) -> list[FrozenTrial]:
    """Trials from a number on, and trials with the given ids, in number order.

    Args:
        connection: A snapshot.
        study_id: The study.
        from_number: The lowest number.
        trial_ids: Ids of lower-numbered trials to read too.
        states: States of the trials to read; empty means all.
        attributes: Keys of the attributes to read; None means all. Constraints, and parameters that a user fixed, are
            always read.
    """
    found: list[FrozenTrial] = []
    for wanted in _conditions(study_id, from_number, trial_ids, states):
        found += _frozen(connection, wanted, attributes)
    return sorted(found, key=lambda trial: trial.number)


def changes(
    connection: Connection, study_id: int, from_number: int, trial_ids: Collection[int]
) -> Iterator[list[FrozenTrial]]:
    """The same trials in several lists, each in number order: trials in any state, without user attributes.

    Args:
        connection: A snapshot.
        study_id: The study.
        from_number: The lowest number.
        trial_ids: Ids of lower-numbered trials to read too.
    """
    of_study = TRIALS.c.study_id == study_id
    for some in chunks(trial_ids):
        lower = of_study & (TRIALS.c.number < from_number) & TRIALS.c.trial_id.in_(some)
        yield sorted(_frozen(connection, lower, ()), key=lambda trial: trial.number)
    read = _AT_ONCE
    while read == _AT_ONCE:
        wanted = of_study & (TRIALS.c.number >= from_number) & (TRIALS.c.number < from_number + _AT_ONCE)
        piece = sorted(_frozen(connection, wanted, ()), key=lambda trial: trial.number)
        yield piece
        read, from_number = len(piece), from_number + _AT_ONCE


def exists(connection: Connection, study_id: int) -> bool:
    """Whether there is such a study."""
    return connection.execute(select(STUDIES.c.study_id).where(STUDIES.c.study_id == study_id)).first() is not None


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


def _conditions(
    study_id: int, from_number: int, trial_ids: Collection[int], states: Collection[TrialState]
) -> Iterable[ColumnElement[bool]]:
    of_study = TRIALS.c.study_id == study_id
    if states:
        of_study &= TRIALS.c.state.in_(list(states))
    yield of_study & (TRIALS.c.number >= from_number) if from_number > 0 else of_study
    if from_number > 0:
        for some in chunks(trial_ids):
            yield of_study & (TRIALS.c.number < from_number) & TRIALS.c.trial_id.in_(some)


def _frozen(
    connection: Connection, wanted: ColumnElement[bool], attributes: Collection[str] | None
) -> list[FrozenTrial]:
    rows = connection.execute(
        select(
            TRIALS.c.trial_id, TRIALS.c.number, TRIALS.c.state, TRIALS.c.datetime_start, TRIALS.c.datetime_complete
        ).where(wanted)
    ).all()
    if not rows:
        return []

    def of_trials(table: Table, *names: str, where: ColumnElement[bool] = wanted) -> Sequence[Any]:
        columns = (table.c[name] for name in ("trial_id", *names))
        selected = select(*columns).join(TRIALS, TRIALS.c.trial_id == table.c.trial_id)
        return connection.execute(selected.where(where).order_by(next(iter(table.primary_key)))).all()

    params: dict[int, dict[str, Any]] = defaultdict(dict)
    distributions: dict[int, dict[str, Any]] = defaultdict(dict)
    for i, name, value, text in of_trials(PARAMS, "param_name", "param_value", "distribution_json"):
        distribution = json_to_cached_distribution(text)
        distributions[i][name] = distribution
        params[i][name] = distribution.to_external_repr(value)

    values: dict[int, dict[int, float]] = defaultdict(dict)
    to_value = TrialValueModel.stored_repr_to_value
    for i, objective, value, kind in of_trials(VALUES, "objective", "value", "value_type"):
        values[i][objective] = to_value(value, kind)

    keys = None if attributes is None else {*attributes, "fixed_params"}
    user_attrs, system_attrs = (_attributes(connection, table, wanted, keys) for table in (USER_ATTRS, SYSTEM_ATTRS))

    steps: dict[int, dict[int, float]] = defaultdict(dict)
    to_intermediate = TrialIntermediateValueModel.stored_repr_to_intermediate_value
    for i, step, value, kind in of_trials(INTERMEDIATE_VALUES, "step", "intermediate_value", "intermediate_value_type"):
        steps[i][step] = to_intermediate(value, kind)

    return [
        FrozenTrial(
            number=row.number,
            state=row.state,
            value=None,
            values=[values[row.trial_id][k] for k in sorted(values[row.trial_id])] if row.trial_id in values else None,
            datetime_start=_local(row.datetime_start),
            datetime_complete=_local(row.datetime_complete),
            params=params.get(row.trial_id, {}),
            distributions=distributions.get(row.trial_id, {}),
            user_attrs=user_attrs.get(row.trial_id, {}),
            system_attrs=system_attrs.get(row.trial_id, {}),
            intermediate_values=steps.get(row.trial_id, {}),
            trial_id=row.trial_id,
        )
        for row in rows
    ]


def _attributes(
    connection: Connection, table: Table, wanted: ColumnElement[bool], keys: Collection[str] | None
) -> dict[int, dict[str, Any]]:
    """Attributes by trial id, in the order in which they were written.

    The database joins the pairs of a trial into one JSON object: reading one row for each pair takes three times as
    long.

    Args:
        connection: A snapshot.
        table: Optuna's table of user attributes or of system attributes.
        wanted: The condition that selects the trials.
        keys: Keys of the attributes to read, in addition to constraints; None means all.
    """
    if keys is not None:
        wanted &= table.c.key.in_(keys) | table.c.key.startswith("constraints")
    sqlite = connection.dialect.name == "sqlite"
    key = func.json_quote(table.c.key, type_=Text) if sqlite else cast(func.to_json(table.c.key), Text)
    pairs = select(table.c.trial_id, (key + ":" + table.c.value_json).label("pair"))
    pairs = pairs.join(TRIALS, TRIALS.c.trial_id == table.c.trial_id).where(wanted)
    ordered = pairs.order_by(next(iter(table.primary_key))).subquery()
    joined = select(ordered.c.trial_id, func.aggregate_strings(ordered.c.pair, ",")).group_by(ordered.c.trial_id)
    found = connection.execute(joined).all()
    parsed = json.loads(f"[{','.join([f'{{{pairs}}}' for _, pairs in found])}]")
    return {trial_id: pairs for (trial_id, _), pairs in zip(found, parsed, strict=True)}


def _local(moment: datetime | None) -> datetime | None:
    """Convert a stored time to local time without a zone, as Optuna's trials carry it."""
    return None if moment is None else moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


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
