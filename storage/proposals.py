"""Inserts proposed trials into a study, as WAITING trials with numbers and parameters."""

from __future__ import annotations

from typing import Any

from optuna.trial import TrialState
from sqlalchemy import Connection, delete, func, insert, select

from storage.among import among
from storage.encoding import PARAM_COLUMNS, attribute_rows, param_rows
from storage.inserting import insert_rows
from storage.records import ProposedCohort
from storage.tables import OPTUNA_TRIAL_TABLES, PARAMS, SYSTEM_ATTRS, TRIAL_TABLES, TRIALS, USER_ATTRS


def insert_cohort(connection: Connection, study_id: int, cohort: ProposedCohort) -> bool:
    """Insert proposed trials, provided that the first of their numbers is the next number of the study.

    Args:
        connection: A writing transaction on the study.
        study_id: The study.
        cohort: The proposals.

    Returns:
        Whether the trials were inserted; otherwise nothing was written.
    """
    count = select(func.count()).select_from(TRIALS).where(TRIALS.c.study_id == study_id)
    if connection.execute(count).scalar_one() != cohort.first_number:
        return False
    if not cohort.proposals:
        return True
    numbers = range(cohort.first_number, cohort.first_number + len(cohort.proposals))
    connection.execute(
        insert(TRIALS), [{"number": number, "study_id": study_id, "state": TrialState.WAITING} for number in numbers]
    )
    inserted = (
        select(TRIALS.c.trial_id)
        .where(TRIALS.c.study_id == study_id, TRIALS.c.number >= cohort.first_number)
        .order_by(TRIALS.c.number)
    )
    trial_ids = list(connection.execute(inserted).scalars())
    delete_rows_of(connection, trial_ids)

    proposed = list(zip(trial_ids, cohort.proposals, strict=True))
    params = param_rows((trial_id, proposal.params, proposal.distributions) for trial_id, proposal in proposed)
    insert_rows(connection, PARAMS, PARAM_COLUMNS, params)
    system_attrs: list[tuple[Any, ...]] = []
    user_attrs: list[tuple[Any, ...]] = []
    for trial_id, proposal in proposed:
        system_attrs += attribute_rows(trial_id, {"fixed_params": dict(proposal.params), **proposal.system_attrs})
        user_attrs += attribute_rows(trial_id, proposal.user_attrs)
    for table, rows in ((SYSTEM_ATTRS, system_attrs), (USER_ATTRS, user_attrs)):
        insert_rows(connection, table, ("trial_id", "key", "value_json"), rows)
    return True


def delete_rows_of(connection: Connection, trial_ids: list[int]) -> None:
    """Delete the rows of these trial ids in all other tables: SQLite reuses the ids of deleted trials."""
    for table in (*OPTUNA_TRIAL_TABLES, *TRIAL_TABLES):
        for some in among(table.c.trial_id, trial_ids):
            connection.execute(delete(table).where(some))
