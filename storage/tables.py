"""The tables of the database: those that Optuna defines, and those of `reluctant`, whose names begin with `reluctant_`.

The tables of `reluctant` have no foreign keys into Optuna's: stock Optuna must be able to delete a study without
knowing them. Their rows are deleted together with a study, and where a trial id is used again.
"""

from __future__ import annotations

from optuna.storages._rdb import models
from sqlalchemy import Column, DateTime, Double, Integer, MetaData, Table, Text

SCHEMA_VERSION = 3
PREFIX = "reluctant_"

STUDIES: Table = models.StudyModel.__table__
STUDY_DIRECTIONS: Table = models.StudyDirectionModel.__table__
STUDY_USER_ATTRS: Table = models.StudyUserAttributeModel.__table__
STUDY_SYSTEM_ATTRS: Table = models.StudySystemAttributeModel.__table__
TRIALS: Table = models.TrialModel.__table__
PARAMS: Table = models.TrialParamModel.__table__
VALUES: Table = models.TrialValueModel.__table__
USER_ATTRS: Table = models.TrialUserAttributeModel.__table__
SYSTEM_ATTRS: Table = models.TrialSystemAttributeModel.__table__
INTERMEDIATE_VALUES: Table = models.TrialIntermediateValueModel.__table__
OPTUNA_TABLES = frozenset(models.BaseModel.metadata.tables) | {"alembic_version"}

METADATA = MetaData()

SCHEMA = Table(
    f"{PREFIX}schema",
    METADATA,
    Column("schema_id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)

# One row for each worker that ever worked on a study; `ended` is null while it lives, or until its death is noticed.
WORKERS = Table(
    f"{PREFIX}workers",
    METADATA,
    Column("token", Text, primary_key=True),
    Column("study_id", Integer, nullable=False, index=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", DateTime, nullable=False),
    Column("last_active", DateTime, nullable=False),
    Column("ended", DateTime),
    Column("details_json", Text, nullable=False),
)

# When the leases of a worker expire, in seconds since 1970 by the clock of the database; one statement renews all of
# them, each time for `lease` seconds.
# `server` is the start time of the PostgreSQL server that granted the worker its lock; empty for SQLite.
# `version` is the version of these tables that the worker knows; null for workers of versions 1 and 2.
BEATS = Table(
    f"{PREFIX}beats",
    METADATA,
    Column("token", Text, primary_key=True),
    Column("study_id", Integer, nullable=False, index=True),
    Column("lease", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("server", Text, nullable=False),
    Column("version", Integer),
)

# `claimed` repeats the `datetime_start` of the trial: a lease is no longer valid where another worker started the trial
# again, or where another trial has its id.
LEASES = Table(
    f"{PREFIX}leases",
    METADATA,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("study_id", Integer, nullable=False, index=True),
    Column("token", Text, nullable=False, index=True),
    Column("claimed", DateTime, nullable=False),
)

# One row for every loss of a claimed trial: its worker died, or its result came too late.
LOSSES = Table(
    f"{PREFIX}losses",
    METADATA,
    Column("loss_id", Integer, primary_key=True),
    Column("trial_id", Integer, nullable=False, index=True),
    Column("study_id", Integer, nullable=False),
    Column("token", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", DateTime, nullable=False),
)

# Which worker finished a trial: a worker whose commit was not confirmed finds out here whether it succeeded.
FINISHES = Table(
    f"{PREFIX}finishes",
    METADATA,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False, index=True),
)

LAYERS = Table(
    f"{PREFIX}layers",
    METADATA,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("replicate", Integer, primary_key=True, autoincrement=False),
    Column("layer", Integer, primary_key=True, autoincrement=False),
    Column("measures_json", Text, nullable=False),
)

CURVES = Table(
    f"{PREFIX}curves",
    METADATA,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("replicate", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("points_json", Text, nullable=False),
)

# What a trial gave that was trained alone, in its caller's words, until its bracket is decided.
SET_ASIDE = Table(
    f"{PREFIX}set_aside",
    METADATA,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("result_json", Text, nullable=False),
)

TEST_RESULTS = Table(
    f"{PREFIX}test_results",
    METADATA,
    Column("trial_id", Integer, primary_key=True, autoincrement=False),
    Column("replicate", Integer, primary_key=True, autoincrement=False),
    Column("measures_json", Text, nullable=False),
)

# Tables with rows of a trial id, which are deleted where the id is given to another trial.
RESULT_TABLES = (LAYERS, CURVES, TEST_RESULTS)
TRIAL_TABLES = (*RESULT_TABLES, LEASES, LOSSES, FINISHES, SET_ASIDE)
# Optuna's tables with rows of a trial id, and with rows of a study id.
OPTUNA_TRIAL_TABLES: tuple[Table, ...] = (
    PARAMS,
    VALUES,
    USER_ATTRS,
    SYSTEM_ATTRS,
    INTERMEDIATE_VALUES,
    models.TrialHeartbeatModel.__table__,
)
OPTUNA_STUDY_TABLES: tuple[Table, ...] = (STUDY_DIRECTIONS, STUDY_USER_ATTRS, STUDY_SYSTEM_ATTRS)
