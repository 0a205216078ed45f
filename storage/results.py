"""Writes the results of a cohort in one transaction, for trials whose lease is still valid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.storages._rdb.models import TrialValueModel
from optuna.trial import TrialState
from sqlalchemy import Connection, Table, bindparam, delete, func, select, update

from storage.among import among
from storage.encoding import attribute_rows, now, numbers_to_json
from storage.inserting import insert_rows
from storage.leases import lease_stands, mark_active
from storage.losses import RESULT_DISCARDED, Loss, record_losses
from storage.records import Result, TestMeasures
from storage.tables import (
    CURVES,
    FINISHES,
    LAYERS,
    LEASES,
    SET_ASIDE,
    STUDY_DIRECTIONS,
    SYSTEM_ATTRS,
    TEST_RESULTS,
    TRIALS,
    USER_ATTRS,
    VALUES,
)


def check(results: Sequence[Result]) -> None:
    """Refuse results that must not be stored.

    Raises:
        ValueError: A value or constraint is NaN, a constraint's name is a number, a trial has neither or both of
            values and a failure (a pruned trial has no values), or a trial has two results.
    """
    if len({result.trial_id for result in results}) != len(results):
        raise ValueError("a trial has two results")
    for result in results:
        name = f"trial id {result.trial_id}"
        if (result.values is not None) + (result.failure is not None) + result.pruned != 1:
            raise ValueError(f"{name} needs either values or a failure, or to be pruned")
        for value in result.values or ():
            if math.isnan(value):
                raise ValueError(f"{name} has the value NaN; record what a trial without a result is worth")
        for key, value in result.constraints.items():
            if math.isnan(value):
                raise ValueError(f"{name} has NaN as constraint {key!r}")


def write_results(connection: Connection, study_id: int, token: str, results: Sequence[Result]) -> list[int]:
    """Finish the trials whose lease is still valid.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        token: The worker's token.
        results: The results of its trials.

    Returns:
        The ids of the trials whose lease was lost; their results are discarded, and the loss is recorded.
    """
    at = now()
    count = select(func.count()).select_from(STUDY_DIRECTIONS).where(STUDY_DIRECTIONS.c.study_id == study_id)
    objectives = connection.execute(count).scalar_one()
    for result in results:
        if result.values is not None and len(result.values) != objectives:
            raise ValueError(f"trial id {result.trial_id} has {len(result.values)} values, the study {objectives}")

    won: set[int] = set()
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL):
        for some in among(TRIALS.c.trial_id, [result.trial_id for result in results if _state(result) is state]):
            finish = (
                update(TRIALS)
                .where(some, TRIALS.c.study_id == study_id, lease_stands(token))
                .values(state=state, datetime_complete=at)
                .returning(TRIALS.c.trial_id)
            )
            won.update(connection.execute(finish).scalars())
    for some in among(LEASES.c.trial_id, [result.trial_id for result in results]):
        connection.execute(delete(LEASES).where(some, LEASES.c.token == token))
    for some in among(SET_ASIDE.c.trial_id, won):
        connection.execute(delete(SET_ASIDE).where(some))

    finished = [result for result in results if result.trial_id in won]
    lost = _lost(connection, token, [result.trial_id for result in results if result.trial_id not in won])
    insert_rows(connection, FINISHES, ("trial_id", "token"), [(trial_id, token) for trial_id in sorted(won)])
    values = [row for result in finished for row in _value_rows(result)]
    insert_rows(connection, VALUES, ("trial_id", "objective", "value", "value_type"), values)
    _replace_attributes(connection, USER_ATTRS, {result.trial_id: _user_attrs(result) for result in finished})
    _replace_attributes(connection, SYSTEM_ATTRS, {result.trial_id: _system_attrs(result) for result in finished})
    layers = [row for result in finished for row in _layer_rows(result)]
    insert_rows(connection, LAYERS, ("trial_id", "replicate", "layer", "measures_json"), layers)
    curves = [row for result in finished for row in _curve_rows(result)]
    insert_rows(connection, CURVES, ("trial_id", "replicate", "name", "points_json"), curves)
    write_test_results(connection, [measured for result in finished for measured in result.test])
    record_losses(connection, study_id, token, lost, Loss(RESULT_DISCARDED))
    mark_active(connection, token, at)
    return lost


def _state(result: Result) -> TrialState:
    """The state in which a result leaves its trial."""
    if result.pruned:
        return TrialState.PRUNED
    return TrialState.COMPLETE if result.failure is None else TrialState.FAIL


def _lost(connection: Connection, token: str, trial_ids: Sequence[int]) -> list[int]:
    """Those trials without a lease that this worker lost.

    The others were finished by this worker in an earlier transaction, whose confirmation did not reach it.
    """
    mine: set[int] = set()
    for some in among(FINISHES.c.trial_id, trial_ids):
        own = select(FINISHES.c.trial_id).where(some, FINISHES.c.token == token)
        mine.update(connection.execute(own).scalars())
    return [trial_id for trial_id in trial_ids if trial_id not in mine]


def write_test_results(connection: Connection, results: Sequence[TestMeasures]) -> None:
    """Insert measures on the test part; they replace older ones of the same trial and replicate."""
    for result in results:
        at = (TEST_RESULTS.c.trial_id == result.trial_id, TEST_RESULTS.c.replicate == result.replicate)
        connection.execute(delete(TEST_RESULTS).where(*at))
    rows = [(result.trial_id, result.replicate, numbers_to_json(result.measures)) for result in results]
    insert_rows(connection, TEST_RESULTS, ("trial_id", "replicate", "measures_json"), rows)


def _replace_attributes(connection: Connection, table: Table, attributes: Mapping[int, Mapping[str, Any]]) -> None:
    for some in among(table.c.trial_id, attributes):
        there = select(table.c.trial_id, table.c.key).where(some)
        keys = [
            {"of_trial": trial_id, "named": key}
            for trial_id, key in connection.execute(there)
            if key in attributes[trial_id]
        ]
        if keys:
            same = (table.c.trial_id == bindparam("of_trial"), table.c.key == bindparam("named"))
            connection.execute(delete(table).where(*same), keys)
    rows = [row for trial_id, of_trial in attributes.items() for row in attribute_rows(trial_id, of_trial)]
    insert_rows(connection, table, ("trial_id", "key", "value_json"), rows)


def _value_rows(result: Result) -> list[tuple[Any, ...]]:
    rows = []
    for objective, value in enumerate(result.values or ()):
        stored, kind = TrialValueModel.value_to_stored_repr(float(value))
        rows.append((result.trial_id, objective, stored, kind))
    return rows


def _user_attrs(result: Result) -> dict[str, Any]:
    return dict(result.user_attrs) if result.failure is None else {**result.user_attrs, "failure": result.failure}


def _system_attrs(result: Result) -> dict[str, Any]:
    """System attributes with the constraints as a list, which optuna-dashboard reads; Optuna numbers them.

    They are not written by name too, as `Trial.set_constraint` does: Optuna would count each of them twice, and
    `GPSampler` refuses a study whose trials differ in the number of constraints, as those of another program would.
    """
    if not result.constraints:
        return dict(result.system_attrs)
    return {**result.system_attrs, "constraints": [float(value) for value in result.constraints.values()]}


def _layer_rows(result: Result) -> list[tuple[Any, ...]]:
    return [(result.trial_id, layer.replicate, layer.layer, numbers_to_json(layer.measures)) for layer in result.layers]


def _curve_rows(result: Result) -> list[tuple[Any, ...]]:
    return [(result.trial_id, curve.replicate, curve.name, numbers_to_json(curve.points)) for curve in result.curves]
