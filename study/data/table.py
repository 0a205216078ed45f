"""Cleans tables: columns become numbers or text, missing values are recognised, and useless columns are dropped."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reluctant.errors import ReluctantWarning
from study.data.column_forms import ColumnForm
from study.data.columns import judge_columns, read_column, read_like_training
from study.data.dataset import Dataset, make_dataset
from study.data.errors import DataError, did_you_mean, listing
from study.data.first_reader import clean_features
from study.data.reading import FIRST_READER, Reading, TableOptions
from study.data.row_columns import without_row_columns
from study.data.values import check_range

_USUAL = TableOptions()


def from_table(
    table: pd.DataFrame,
    *,
    target: str | None,
    name: str,
    origin: str,
    labels: pd.Series[Any] | npt.NDArray[Any] | None = None,
    test_rows: npt.NDArray[np.int64] | None = None,
    options: TableOptions = _USUAL,
    reading: Reading | None = None,
) -> Dataset:
    """Make a data set from a table.

    Args:
        table: `[N, F + 1]` columns of any type, including the target.
        target: Name of the target column, or its number: 1 is the first column, −1 the last.
        name: Name of the data set.
        origin: The source that a user would type to get it again; error texts name it too.
        labels: `[N]` labels, where the table has no target column.
        test_rows: Rows of the official test part, ascending.
        options: Version of the reader, columns to drop and to keep.
        reading: How the file was read so far: separator, encoding.

    Returns:
        The data set; its columns are float64 numbers or text.

    Raises:
        DataError: The table has no rows or no features, the target is missing or is no class, or a number is infinite.
    """
    table = table.set_axis(column_names(table, origin), axis="columns")
    if not len(table):
        raise DataError(f"{origin} has {len(table.columns)} columns and no rows; rows with data are needed; is it cut?")
    comma_first = reading is not None and reading.decimal_commas
    if labels is None:
        target = _check_target(table, target, origin)
    table, of_rows = without_row_columns(table, options, target=target, origin=origin, comma_first=comma_first)
    if labels is None:
        what = f"target {target!r} of {origin}"
        targets = options.read_target(table[target], what=what, comma_first=comma_first)
        table = table.drop(columns=target)
    else:
        targets = options.read_target(labels, what=f"the labels of {origin}")
    table = without_columns(table, options, target=target, origin=origin)
    if options.reader == FIRST_READER:
        reading = Reading(reader=FIRST_READER)
        x = clean_features(table, what=origin, keep=options.keep)
    else:
        x, reading = read_features(table, reading or Reading(), keep=options.keep, what=origin)
    return make_dataset(
        name=name,
        origin=origin,
        x=x,
        targets=targets,
        test_rows=test_rows,
        target=target,
        reading=reading,
        weights=of_rows.weights,
        groups=of_rows.groups,
        times=of_rows.times,
    )


def without_columns(table: pd.DataFrame, options: TableOptions, *, target: str | None, origin: str) -> pd.DataFrame:
    """A table without the columns that `--drop` names.

    Raises:
        DataError: A name in `drop` or `keep` is no feature of the table, or is in both.
    """
    names = [str(name) for name in table.columns]
    for option, wanted in (("--drop", options.drop), ("--keep", options.keep)):
        for name in wanted:
            if name == target:
                raise DataError(f"{option} names {name!r}, which is the target of {origin}; name features only")
            if name not in names:
                raise DataError(
                    f"{option} names {name!r}, which is no column of {origin}{did_you_mean(name, names)} "
                    f"(columns: {listing(names)})"
                )
    both = [name for name in options.drop if name in options.keep]
    if both:
        raise DataError(f"--drop and --keep both name {listing(both)}; say one of the two")
    return table.drop(columns=list(options.drop))


def refuse_columns(options: TableOptions, origin: str) -> None:
    """Refuse for images, which have no columns, the options that name some.

    Raises:
        DataError: One of them is given.
    """
    of_rows = [(option, (column,)) for option, column in options.row_columns.items()]
    for option, names in (("--drop", options.drop), ("--keep", options.keep), *of_rows):
        if names:
            raise DataError(f"{option} names {listing(names)}, but {origin} holds images; leave {option} out")


def read_features(
    table: pd.DataFrame, reading: Reading, *, keep: Collection[str] = (), what: str
) -> tuple[pd.DataFrame, Reading]:
    """Read every column by a form that is decided once, and leave out columns without information and identifiers.

    A warning names the columns that are left out, and those of which some values could not be read.

    Args:
        table: `[N, F]` columns of any type; those of a text file are text.
        reading: How the file was read so far.
        keep: Columns that are kept whatever they hold.
        what: The name of the table, for warnings and errors.

    Returns:
        `[N, ≤ F]` columns of float64 (missing: NaN) or object (text; missing: NaN), and the decisions.

    Raises:
        DataError: A number is infinite or too large for float32, or no column is left.
    """
    found = [read_column(str(name), column, comma_first=reading.decimal_commas) for name, column in table.items()]
    judged = judge_columns(found, keep=keep, what=what)
    columns: dict[str, pd.Series[Any]] = {}
    for values, column in judged:
        if column.dropped is not None:
            continue
        if column.form.unread:
            warnings.warn(f"column {column.name!r} of {what}: {column.notes[-1]}", ReluctantWarning, stacklevel=2)
        if column.form.kind == "number":
            check_range(column.name, values, what)
        columns[column.name] = pd.Series(values, dtype=values.dtype)
    if not columns:
        dropped = [column.name for _, column in judged]
        beside = f" (dropped: {listing(dropped)})" if dropped else ""
        raise DataError(f"{what} has no feature columns left beside the target{beside}; at least one is needed")
    return pd.DataFrame(columns), replace(reading, columns=tuple(column for _, column in judged))


def by_forms(table: pd.DataFrame, forms: Mapping[str, ColumnForm], *, what: str) -> tuple[pd.DataFrame, list[str]]:
    """Read columns by the forms that were decided in training.

    Args:
        table: `[N, F]` columns of any type, which include those of `forms`.
        forms: The form of each column that a network reads.
        what: The name of the table, for errors.

    Returns:
        `[N, F]` columns of float64 (missing: NaN) or object (text; missing: NaN), and a line for each column that
        has values which could not be read.

    Raises:
        DataError: Too many values of a column are not of its form, or a number is infinite or too large for float32.
    """
    columns: dict[str, pd.Series[Any]] = {}
    notes = []
    for name, form in forms.items():
        values, said = read_like_training(name, table[name], form, what=what)
        columns[name] = pd.Series(values, dtype=values.dtype)
        if said is not None:
            notes.append(f"column {name!r}: {said}")
    return pd.DataFrame(columns), notes


def column_names(table: pd.DataFrame, origin: str) -> list[str]:
    """The column names of a table, as stripped text.

    Raises:
        DataError: Two columns have the same name.
    """
    names = [str(name).strip() for name in table.columns]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataError(f"{origin} has several columns named {listing(twice)}; names must differ; rename them")
    return names


def _check_target(table: pd.DataFrame, target: str | None, origin: str) -> str:
    names = [str(name) for name in table.columns]
    if target is None:
        raise DataError(
            f"{origin} is a table, and which column to predict is not said; name it with --target, "
            f"as a name or a number, where -1 is the last (columns: {listing(names)})"
        )
    if target not in names and re.fullmatch(r"-?\d{1,9}", target):
        return _numbered(names, int(target), origin)
    if target not in names:
        headless = any(re.fullmatch(r"[-+]?[0-9.]+", name) for name in names)
        hint = "; its first line looks like data: a line of column names is needed" if headless else ""
        raise DataError(
            f"unknown target {target!r} in {origin}{did_you_mean(target, names)} (columns: {listing(names)}){hint}"
        )
    return target


def _numbered(names: list[str], number: int, origin: str) -> str:
    """The name of a column by its number: 1 is the first, −1 the last."""
    if not 1 <= abs(number) <= len(names):
        raise DataError(
            f"--target is {number}, and {origin} has {len(names)} columns; give a name, or a number from 1 to "
            f"{len(names)} (columns: {listing(names)})"
        )
    return names[number - 1 if number > 0 else number]
