"""Reads the first sheet of an Excel file, where the extra `excel` is installed."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from study.data.delimited import names_look_like_data
from study.data.errors import DataError, listing
from study.data.reading import Reading


def read_excel(path: Path) -> tuple[pd.DataFrame, Reading]:
    """Read the first sheet: a row of column names, then data; empty rows are left out.

    Numbers and dates keep their types where a column holds nothing else; all else is text, as Excel shows it. Of a
    formula the stored value counts. Errors, as `#DIV/0!`, are missing.

    Args:
        path: The file.

    Returns:
        `[N, F]` columns, and how the file was read.

    Raises:
        DataError: openpyxl is not installed, the file is no Excel file, or its first row holds no names.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError(
            f"{path} is an Excel file, and openpyxl, which reads it, is not installed; install it with "
            "pip install 'reluctant[excel]', or save the sheet as CSV"
        ) from None
    try:
        with path.open("rb") as stream:
            workbook = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            sheets = workbook.worksheets
            sheets[0].reset_dimensions()  # programs other than Excel write wrong ones
            cells = [list(row) for row in sheets[0].iter_rows()]
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError, TypeError, AttributeError, EOFError) as error:
        raise DataError(
            f"{path} is no Excel file, or a damaged or encrypted one ({error}); save it again, without a password, or "
            "save the sheet as CSV"
        ) from error
    wrong = [str(cell.value) for row in cells for cell in row if cell.data_type == "e"]
    rows = [[None if cell.data_type == "e" else cell.value for cell in row] for row in cells]
    notes = []
    if len(sheets) > 1:
        others = listing([sheet.title for sheet in sheets[1:]])
        notes.append(f"its first sheet, {sheets[0].title}, is read, and not {others}; save those as files of their own")
    if wrong:
        notes.append(
            f"{len(wrong)} cell{'s' if len(wrong) > 1 else ''} with an error counted as missing "
            f"({listing(list(Counter(wrong)))})"
        )
    table = _table(rows, path)
    if (text := names_look_like_data([str(name) for name in table.columns])) is not None:
        notes.append(text)
    return table, Reading(notes=tuple(notes))


def _table(rows: Sequence[Sequence[Any]], path: Path) -> pd.DataFrame:
    """The cells of a sheet `[rows, columns]` as a table; the first row that is not empty has the names."""
    filled = [row for row in rows if any(not _is_empty(cell) for cell in row)]
    if not filled:
        raise DataError(f"{path} has nothing in its first sheet; a row of column names and data are needed")
    width = max(len(row) for row in filled)
    columns = list(zip(*([*row, *[None] * (width - len(row))] for row in filled), strict=True))
    columns = [column for column in columns if any(not _is_empty(cell) for cell in column)]
    names = ["" if _is_empty(column[0]) else _text(column[0]) for column in columns]
    if 2 * sum(map(bool, names)) < len(names):
        seen = listing([name for name in names if name])
        raise DataError(
            f"{path} has {len(names)} columns, and its first row only {seen}; a row of column names is needed; delete "
            "what stands above it"
        )
    names = [name or f"Unnamed: {index}" for index, name in enumerate(names)]
    found = [_column(column[1:]) for column in columns]
    return pd.concat(found, axis="columns").set_axis(names, axis="columns")


def _column(cells: Sequence[Any]) -> pd.Series[Any]:
    """The cells `[N]` of one column as numbers or dates, where all are of one kind; else as text."""
    present = [cell for cell in cells if not _is_empty(cell)]
    if present and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in present):
        return pd.Series([None if _is_empty(cell) else float(cell) for cell in cells], dtype="float64")
    if present and all(isinstance(cell, date) for cell in present):
        return pd.to_datetime(pd.Series([None if _is_empty(cell) else cell for cell in cells], dtype=object))
    return pd.Series([None if _is_empty(cell) else _text(cell) for cell in cells], dtype="str")


def _text(cell: Any) -> str:
    """A cell as Excel shows it, and as it would write it into a CSV file."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == datetime.min.time():
        return str(cell.date())
    return str(cell).strip()


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
