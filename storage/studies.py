"""Rows of studies: finds, creates, renames and removes a study."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.study import StudyDirection
from sqlalchemy import Connection, Table, delete, func, insert, select, update

from reluctant.errors import nearest
from storage.encoding import attribute_rows
from storage.errors import StudyNameTakenError, StudyNotFoundError
from storage.inserting import insert_rows
from storage.tables import (
    BEATS,
    OPTUNA_STUDY_TABLES,
    OPTUNA_TRIAL_TABLES,
    STUDIES,
    STUDY_DIRECTIONS,
    STUDY_SYSTEM_ATTRS,
    STUDY_USER_ATTRS,
    TRIAL_TABLES,
    TRIALS,
    WORKERS,
)

# The system attribute in which `Study.set_metric_names` stores names.
_METRIC_NAMES = "study:metric_names"
_LONGEST_NAME = 512
_FORMER_NAMES = "reluctant:former_names"
"""System attribute of a study that was renamed: the names that it had, the first one first."""


def find(connection: Connection, name: str) -> int | None:
    """The id of the study of this name, or None."""
    found = connection.execute(select(STUDIES.c.study_id).where(STUDIES.c.study_name == name)).scalar()
    return None if found is None else int(found)


def find_or_explain(connection: Connection, name: str, place: str) -> int:
    """The id of the study of this name.

    Raises:
        StudyNotFoundError: There is no such study; the text lists the existing ones and names the nearest.
    """
    found = find(connection, name)
    if found is not None:
        return found
    known = list(connection.execute(select(STUDIES.c.study_name).order_by(STUDIES.c.study_id.desc())).scalars())
    if renamed := renamed_from(connection, name):
        raise StudyNotFoundError(f"no study {name!r} in {place}: it was renamed to {renamed!r}; give this name")
    if not known:
        raise StudyNotFoundError(f"no study {name!r}: {place} holds no study yet; start one with `reluctant run`")
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near else ";"
    shown = ", ".join(known[:10]) + (f", and {len(known) - 10} more" if len(known) > 10 else "")
    raise StudyNotFoundError(f"no study {name!r} in {place}{hint} (known: {shown})")


def check_name(name: str) -> None:
    """Refuse a name that is empty or too long.

    Raises:
        ValueError: The name cannot be that of a study.
    """
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ValueError(f"a study's name has 1 to {_LONGEST_NAME} characters, this one {len(name)}")


def create(
    connection: Connection,
    name: str,
    directions: Sequence[StudyDirection],
    metric_names: Sequence[str] | None,
    user_attrs: Mapping[str, Any],
    system_attrs: Mapping[str, Any],
) -> int:
    """Insert a study with its directions and attributes.

    Raises:
        ValueError: The metric names do not fit the directions.
    """
    if metric_names is not None and len(metric_names) != len(directions):
        raise ValueError(f"{len(metric_names)} metric names for {len(directions)} directions")
    delete_orphaned_rows(connection)
    inserted = connection.execute(insert(STUDIES).values(study_name=name).returning(STUDIES.c.study_id))
    study_id = int(inserted.scalar_one())
    rows = [{"study_id": study_id, "direction": d, "objective": k} for k, d in enumerate(directions)]
    connection.execute(insert(STUDY_DIRECTIONS), rows)
    named = {} if metric_names is None else {_METRIC_NAMES: list(metric_names)}
    set_attributes(connection, study_id, user_attrs, {**system_attrs, **named})
    return study_id


def set_attributes(
    connection: Connection, study_id: int, user_attrs: Mapping[str, Any], system_attrs: Mapping[str, Any]
) -> None:
    """Insert or replace attributes of a study."""
    for table, attributes in ((STUDY_USER_ATTRS, user_attrs), (STUDY_SYSTEM_ATTRS, system_attrs)):
        if attributes:
            connection.execute(delete(table).where(table.c.study_id == study_id, table.c.key.in_(list(attributes))))
            insert_rows(connection, table, ("study_id", "key", "value_json"), attribute_rows(study_id, attributes))


def system_attribute(connection: Connection, study_id: int, key: str) -> Any:
    """A system attribute of a study; None where it has none of this key."""
    of_key = (STUDY_SYSTEM_ATTRS.c.study_id == study_id, STUDY_SYSTEM_ATTRS.c.key == key)
    text = connection.execute(select(STUDY_SYSTEM_ATTRS.c.value_json).where(*of_key)).scalar()
    return None if text is None else json.loads(text)


def names_of(connection: Connection, study_id: int) -> list[str]:
    """All names that a study has had, the present one last; empty where there is no such study."""
    name = connection.execute(select(STUDIES.c.study_name).where(STUDIES.c.study_id == study_id)).scalar()
    return [] if name is None else [*(system_attribute(connection, study_id, _FORMER_NAMES) or ()), str(name)]


def rename(
    connection: Connection,
    study_id: int,
    name: str,
    change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    place: str,
) -> None:
    """Give a study another name; all else of it stays, but for the system attributes that `change` returns anew.

    Raises:
        StudyNameTakenError: A study has this name.
        ValueError: The name cannot be that of a study.
    """
    check_name(name)
    if find(connection, name) is not None:
        raise StudyNameTakenError(f"there is a study {name!r} in {place} already; choose another name")
    former = names_of(connection, study_id)
    connection.execute(update(STUDIES).where(STUDIES.c.study_id == study_id).values(study_name=name))
    attributes = select(STUDY_SYSTEM_ATTRS.c.key, STUDY_SYSTEM_ATTRS.c.value_json)
    rows = connection.execute(attributes.where(STUDY_SYSTEM_ATTRS.c.study_id == study_id))
    changed = change({key: json.loads(text) for key, text in rows})
    set_attributes(connection, study_id, {}, {**changed, _FORMER_NAMES: list(dict.fromkeys(former))})


def renamed_from(connection: Connection, name: str) -> str | None:
    """The present name of the last study that was created of those that had this name before."""
    rows = connection.execute(
        select(STUDIES.c.study_name, STUDY_SYSTEM_ATTRS.c.value_json)
        .join(STUDY_SYSTEM_ATTRS, STUDY_SYSTEM_ATTRS.c.study_id == STUDIES.c.study_id)
        .where(STUDY_SYSTEM_ATTRS.c.key == _FORMER_NAMES)
        .order_by(STUDIES.c.study_id.desc())
    )
    return next((str(present) for present, former in rows if name in json.loads(former)), None)


def remove(connection: Connection, study_id: int) -> None:
    """Delete a study with all of its rows, in the tables of Optuna and in those of `reluctant`."""
    trial_ids = select(TRIALS.c.trial_id).where(TRIALS.c.study_id == study_id)
    for table in (*OPTUNA_TRIAL_TABLES, *TRIAL_TABLES):
        connection.execute(delete(table).where(table.c.trial_id.in_(trial_ids)))
    for table in (TRIALS, *OPTUNA_STUDY_TABLES, WORKERS, BEATS, STUDIES):
        connection.execute(delete(table).where(table.c.study_id == study_id))


def delete_orphaned_rows(connection: Connection) -> None:
    """Delete rows whose trial or study no longer exists.

    Stock Optuna does not know the rows of `reluctant`. On SQLite, where it enforces no foreign keys, it also leaves the
    trials that a worker inserts while their study is deleted, and SQLite then gives the id to the next study.
    """
    of_studies, of_trials = _tables_with_orphans(connection)
    for table in of_studies:
        connection.execute(delete(table).where(table.c.study_id.not_in(select(STUDIES.c.study_id))))
    for table in of_trials:
        connection.execute(delete(table).where(table.c.trial_id.not_in(select(TRIALS.c.trial_id))))


def count_orphaned_trials(connection: Connection) -> int:
    """The number of trials whose study no longer exists."""
    orphaned = TRIALS.c.study_id.not_in(select(STUDIES.c.study_id))
    return int(connection.execute(select(func.count()).select_from(TRIALS).where(orphaned)).scalar_one())


def with_repeated_numbers(connection: Connection) -> list[str]:
    """The names of the studies in which two trials have the same number: one holds trials of a deleted study."""
    repeated = select(TRIALS.c.study_id).group_by(TRIALS.c.study_id, TRIALS.c.number).having(func.count() > 1)
    named = select(STUDIES.c.study_name).where(STUDIES.c.study_id.in_(repeated)).order_by(STUDIES.c.study_id)
    return list(connection.execute(named).scalars())


def _tables_with_orphans(connection: Connection) -> tuple[tuple[Table, ...], tuple[Table, ...]]:
    """The tables that may have rows without a study, and those that may have rows without a trial."""
    if connection.dialect.name != "sqlite":  # foreign keys keep Optuna's own tables whole
        return (WORKERS, BEATS), TRIAL_TABLES
    return (TRIALS, *OPTUNA_STUDY_TABLES, WORKERS, BEATS), (*OPTUNA_TRIAL_TABLES, *TRIAL_TABLES)
