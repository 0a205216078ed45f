"""Excel files, against the cells that were written into them."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.data import DataError, load_dataset

openpyxl = pytest.importorskip("openpyxl")
NAMES = ["size", "when", "flag", "code", "y"]
ROWS: list[list[Any]] = [
    [1.5, datetime(2024, 1, 2), True, "01", "u"],
    [2, date(2024, 1, 3), False, "A1", "v"],
    [None, datetime(2024, 2, 1, 12, 30), True, " 01 ", "u"],
]


def _write(path: Path, *sheets: list[list[Any]]) -> Path:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for index, rows in enumerate(sheets):
        sheet = workbook.create_sheet(f"page {index}")
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_cells_keep_their_types(tmp_path: Path) -> None:
    data = load_dataset(str(_write(tmp_path / "t.xlsx", [NAMES, *ROWS])), target="y")
    assert (data.name, data.classes, list(data.x)) == ("t", ("u", "v"), NAMES[:4])
    np.testing.assert_array_equal(data.x["size"], [1.5, 2.0, np.nan])
    assert data.x["when"].tolist() == [1704153600.0, 1704240000.0, 1706790600.0]
    assert data.x["flag"].tolist() == ["TRUE", "FALSE", "TRUE"]
    assert data.x["code"].tolist() == ["01", "A1", "01"]
    assert data.reading is not None
    assert [column.form.kind for column in data.reading.columns] == ["number", "date", "text", "text"]


def test_a_sheet_and_the_csv_that_excel_makes_of_it_are_the_same_data(tmp_path: Path) -> None:
    sheet = _write(tmp_path / "t.xlsm", [NAMES, *ROWS * 9])
    lines = ["1.5,2024-01-02,TRUE,01,u", "2,2024-01-03,FALSE,A1,v", ",2024-02-01 12:30:00,TRUE,01,u"]
    (tmp_path / "t.csv").write_text("\n".join([",".join(NAMES), *lines * 9]))
    found = [load_dataset(str(path), target="y").fingerprint for path in (sheet, tmp_path / "t.csv")]
    assert found[0] == found[1]


def test_empty_rows_and_columns_are_left_out(tmp_path: Path) -> None:
    rows = [[None, *row] for row in ([], NAMES, [], *ROWS, [" "], [])]
    plain = load_dataset(str(_write(tmp_path / "t.xlsx", [NAMES, *ROWS])), target="y")
    assert load_dataset(str(_write(tmp_path / "u.xlsx", rows)), target="y").fingerprint == plain.fingerprint


def test_a_column_of_two_types_is_decided_as_that_of_a_text_file(tmp_path: Path) -> None:
    cells = [[index / 4, "u" if index % 2 else "v"] for index in range(60)]
    cells[7][0] = "-"
    with pytest.warns(UserWarning, match="1 value that is no number counted as missing"):
        data = load_dataset(str(_write(tmp_path / "t.xlsx", [["a", "y"], *cells])), target="y")
    assert np.flatnonzero(data.x["a"].isna()).tolist() == [7]


def test_other_sheets_and_errors_are_said(tmp_path: Path) -> None:
    rows = [["a", "b", "y"], [1, "=1/0", "u"], [2, "#DIV/0!", "v"], [3, "4", "u"]]
    data = load_dataset(str(_write(tmp_path / "t.xlsx", rows, [["z"]])), target="y")
    assert data.reading is not None
    assert data.reading.notes == (
        "its first sheet, page 0, is read, and not page 1; save those as files of their own",
        "1 cell with an error counted as missing (#DIV/0!)",
    )
    assert data.x["b"].isna().tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "has nothing in its first sheet"),
        (
            [["Sales"], ["a", "b", "c", "y"], [1, 2, 3, "u"]],
            "4 columns, and its first row only Sales; .*delete what",
        ),
        ([["a", "a", "y"], [1, 2, "u"], [2, 3, "v"]], "several columns named a"),
    ],
)
def test_what_is_no_table(tmp_path: Path, rows: list[list[Any]], text: str) -> None:
    with pytest.raises(DataError, match=text):
        load_dataset(str(_write(tmp_path / "t.xlsx", rows)), target="y")


@pytest.mark.parametrize("content", [b"", b"PK", b"\xd0\xcf\x11\xe0" * 99, b"a,y\n1,u\n"])
def test_what_is_no_excel_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(DataError, match="is no Excel file, or a damaged or encrypted one"):
        load_dataset(str(tmp_path / "t.xlsx"), target="y")


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "t.xlsx", [NAMES, *ROWS])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"not installed; install it with pip install 'reluctant\[excel\]', or save"):
        load_dataset(str(path), target="y")
