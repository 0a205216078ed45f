"""Rows of studies: finds, creates and describes a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.study import StudyDirection
from sqlalchemy import Connection, delete, insert, select

from reluctant.errors import nearest
from storage.encoding import attribute_rows
from storage.errors import StudyNotFoundError
from storage.tables import (
    BEATS,
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
    if not known:
        raise StudyNotFoundError(f"no study {name!r}: {place} holds no study yet; start one with `reluctant run`")
    near = nearest(name, known)
    hint = f"; did you mean {near!r}?" if near else ";"
    shown = ", ".join(known[:10]) + (f", and {len(known) - 10} more" if len(known) > 10 else "")
    raise StudyNotFoundError(f"no study {name!r} in {place}{hint} (known: {shown})")


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
        ValueError: The name is empty or too long, or the metric names do not fit the directions.
    """
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ValueError(f"a study's name has 1 to {_LONGEST_NAME} characters, this one {len(name)}")
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
            connection.execute(insert(table), attribute_rows({"study_id": study_id}, attributes))


def delete_orphaned_rows(connection: Connection) -> None:
    """Delete rows of `reluctant` whose trial or study no longer exists: stock Optuna does not know these rows."""
    for table in TRIAL_TABLES:
        connection.execute(delete(table).where(table.c.trial_id.not_in(select(TRIALS.c.trial_id))))
    for table in (WORKERS, BEATS):
        connection.execute(delete(table).where(table.c.study_id.not_in(select(STUDIES.c.study_id))))
