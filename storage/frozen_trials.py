"""Reads trials in bulk as Optuna's `FrozenTrial`, with a fixed, small number of statements for each list of trials."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages._rdb.models import TrialIntermediateValueModel, TrialValueModel
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import ColumnElement, Connection, Table, Text, cast, func, select

from storage.among import among
from storage.encoding import json_to_cached_distribution
from storage.tables import INTERMEDIATE_VALUES, PARAMS, SYSTEM_ATTRS, TRIALS, USER_ATTRS, VALUES

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
        found += _frozen(connection, wanted, attributes, with_user_attributes=True)
    return sorted(found, key=lambda trial: trial.number)


def changes(
    connection: Connection,
    study_id: int,
    from_number: int,
    trial_ids: Collection[int],
    attributes: Collection[str] = (),
) -> Iterator[list[FrozenTrial]]:
    """The same trials in several lists, each in number order: trials in any state, with few of their attributes.

    Args:
        connection: A snapshot.
        study_id: The study.
        from_number: The lowest number.
        trial_ids: Ids of lower-numbered trials to read too.
        attributes: Keys of the system attributes to read, in addition to constraints and to parameters that a user
            fixed; no user attributes are read.
    """
    of_study = TRIALS.c.study_id == study_id
    for some in among(TRIALS.c.trial_id, trial_ids):
        lower = of_study & (TRIALS.c.number < from_number) & some
        yield sorted(_frozen(connection, lower, attributes), key=lambda trial: trial.number)
    read = _AT_ONCE
    while read == _AT_ONCE:
        wanted = of_study & (TRIALS.c.number >= from_number) & (TRIALS.c.number < from_number + _AT_ONCE)
        piece = sorted(_frozen(connection, wanted, attributes), key=lambda trial: trial.number)
        yield piece
        read, from_number = len(piece), from_number + _AT_ONCE


def _conditions(
    study_id: int, from_number: int, trial_ids: Collection[int], states: Collection[TrialState]
) -> Iterable[ColumnElement[bool]]:
    of_study = TRIALS.c.study_id == study_id
    if states:
        of_study &= TRIALS.c.state.in_(list(states))
    yield of_study & (TRIALS.c.number >= from_number) if from_number > 0 else of_study
    if from_number > 0:
        for some in among(TRIALS.c.trial_id, trial_ids):
            yield of_study & (TRIALS.c.number < from_number) & some


def _frozen(
    connection: Connection,
    wanted: ColumnElement[bool],
    attributes: Collection[str] | None,
    *,
    with_user_attributes: bool = False,
) -> list[FrozenTrial]:
    """The trials that fulfil a condition, in any order; see `trials` for `attributes`."""
    times = (TRIALS.c.datetime_start, TRIALS.c.datetime_complete)
    rows = connection.execute(select(TRIALS.c.trial_id, TRIALS.c.number, TRIALS.c.state, *times).where(wanted)).all()
    if not rows:
        return []
    params, distributions = _params(connection, wanted)
    values = _values(connection, wanted)
    of_users = attributes is None or with_user_attributes
    user_attrs = _attributes(connection, USER_ATTRS, wanted, attributes) if of_users else {}
    keys = None if attributes is None else {*attributes, "fixed_params"}
    system_attrs = _attributes(connection, SYSTEM_ATTRS, wanted, keys)
    steps = _intermediate_values(connection, wanted)
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


def _rows(connection: Connection, table: Table, wanted: ColumnElement[bool], *names: str) -> Sequence[Any]:
    """The trial id and some columns of one of Optuna's tables, in the order in which the rows were written."""
    columns = (table.c[name] for name in ("trial_id", *names))
    selected = select(*columns).join(TRIALS, TRIALS.c.trial_id == table.c.trial_id)
    return connection.execute(selected.where(wanted).order_by(next(iter(table.primary_key)))).all()


def _params(
    connection: Connection, wanted: ColumnElement[bool]
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, BaseDistribution]]]:
    """Parameters in external representation, and their distributions, by trial id."""
    params: dict[int, dict[str, Any]] = defaultdict(dict)
    distributions: dict[int, dict[str, BaseDistribution]] = defaultdict(dict)
    columns = ("param_name", "param_value", "distribution_json")
    for trial_id, name, value, text in _rows(connection, PARAMS, wanted, *columns):
        distribution = json_to_cached_distribution(text)
        distributions[trial_id][name] = distribution
        params[trial_id][name] = distribution.to_external_repr(value)
    return params, distributions


def _values(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, dict[int, float]]:
    """Objective values by trial id and objective."""
    values: dict[int, dict[int, float]] = defaultdict(dict)
    to_value = TrialValueModel.stored_repr_to_value
    for trial_id, objective, value, kind in _rows(connection, VALUES, wanted, "objective", "value", "value_type"):
        values[trial_id][objective] = to_value(value, kind)
    return values


def _intermediate_values(connection: Connection, wanted: ColumnElement[bool]) -> dict[int, dict[int, float]]:
    """Intermediate values by trial id and step."""
    steps: dict[int, dict[int, float]] = defaultdict(dict)
    to_value = TrialIntermediateValueModel.stored_repr_to_intermediate_value
    columns = ("step", "intermediate_value", "intermediate_value_type")
    for trial_id, step, value, kind in _rows(connection, INTERMEDIATE_VALUES, wanted, *columns):
        steps[trial_id][step] = to_value(value, kind)
    return steps


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
