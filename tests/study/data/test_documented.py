"""The tables of docs/data.md, line by line: what is done with each kind of file and column, and what is said.

The words in italics are the program's own; a line that says nothing is one where the program says nothing.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from compression import zip_of, zstandard
from documents import code_words, table_rows
from PIL import Image

from study.data import DataError, Dataset, load_dataset, prepare
from study.data.data_summary import DataSummary, summarize

ROWS = 600
FILES = table_rows("data.md", "## Files")
COLUMNS = table_rows("data.md", "## Columns")
RNG = np.random.default_rng(0)
ORDER = RNG.permutation(ROWS)


def check_said(documented: str, said: list[str]) -> None:
    """Holds what the program said against the italics of a cell; … stands for any text."""
    phrases = re.findall(r"(?<!\w)\*(.+?)\*(?!\w)", documented)
    assert bool(phrases) == bool(said), said
    for phrase in phrases:
        pattern = ".*".join(map(re.escape, phrase.split("…")))
        assert any(re.search(pattern, text) for text in said), f"{phrase!r} is not in {said}"


def summary_of(dataset: Dataset) -> DataSummary:
    return summarize(dataset, prepare(dataset, seed=0))


# Columns: 600 rows, of which the document's examples are repeated, unless the values are described in words.

WORDS: dict[str, Any] = {
    "at least 95 % numbers, and `-`": ["-" if n % 20 == 0 else f"{n / 7:.3f}" for n in range(ROWS)],
    "ten or more different numbers such as `1.5 cm`": [f"{n % 40 / 4} cm" for n in range(ROWS)],
    "dates that are another in every row": pd.date_range("2019-03-01", periods=ROWS).strftime("%Y-%m-%d"),
    "more than 64 categories, or rare ones": [f"city {n % 90}" for n in range(ROWS)],
    "whole numbers that only count the rows": np.arange(ROWS) + 7,
    "whole numbers that nearly all differ and fill a range": ORDER + 1000,
    "whole numbers that nearly all differ, in a column called `id`": 97 * ORDER,
    "other whole numbers that nearly all differ": 97 * ORDER,
    "whole numbers that rise from row to row, with gaps": np.cumsum(1 + RNG.integers(0, 9, ROWS)),
    "texts that nearly all differ": [f"u{max(n, 9)}" for n in range(ROWS)],
    "texts that all differ": [f"u{n}" for n in range(ROWS)],
    "a column without a name that counts the rows": np.arange(ROWS),
    "the same text in every row": ["f"] * ROWS,
    "the same number in every row": [7] * ROWS,
    "no values": [""] * ROWS,
}
NAMES = {
    "whole numbers that nearly all differ, in a column called `id`": "id",
    "a column without a name that counts the rows": "",
}
PARQUET = "timestamps and dates of Parquet"
SEMICOLONS = "in every row of a file that semicolons separate"


def column_of(values: str) -> list[str]:
    """600 cells of a line's examples."""
    if values in WORDS:
        return [str(value) for value in WORDS[values]]
    examples = code_words(values) + ([""] if values.endswith(" or empty") else [])
    assert len(examples) > 1, f"no case for the line {values!r}"
    return list(np.resize(np.array(examples, dtype=object), ROWS))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is dropped and what could not be read is warned of too; here the summary is looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@pytest.mark.parametrize(("values", "becomes", "said"), [row for row in COLUMNS if row[0] != PARQUET])
def test_a_column(tmp_path: Path, values: str, becomes: str, said: str) -> None:
    name = NAMES.get(values, "a")
    table = pd.DataFrame({name: column_of(values), "b": RNG.normal(size=ROWS), "y": np.resize(["u", "v"], ROWS)})
    table.to_csv(tmp_path / "t.csv", index=False, sep=";" if values.endswith(SEMICOLONS) else ",")
    dataset = load_dataset(str(tmp_path / "t.csv"), target="y")
    summary = summary_of(dataset)
    (column,) = [each for each in summary.columns if each.name in (name, "Unnamed: 0")]
    assert becomes.startswith(column.kind)
    gaps = [f"with missing values ({column.filled})"] if column.missing and not column.notes else []
    check_said(said, [*column.notes, *gaps])
    lines = " ".join(summary.lines())
    assert all(text in lines for text in (*column.notes, *gaps))
    if column.kind == "number" and ": 1" in becomes:
        numbers = [float(text) for text in re.findall(r"[\d.]+", becomes)]
        assert dataset.x[name].tolist() == list(np.resize(numbers, ROWS))  # type: ignore[index]


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_dates_that_are_stored_as_such(tmp_path: Path, kind: str) -> None:
    (line,) = [row for row in COLUMNS if row[0] == PARQUET]
    days = pd.date_range("2019-03-01", periods=ROWS)
    table = pd.DataFrame({"a": days if kind == "timestamp" else days.date, "y": np.resize(["u", "v"], ROWS)})
    table.to_parquet(tmp_path / "t.parquet")
    (column,) = summary_of(load_dataset(str(tmp_path / "t.parquet"), target="y")).columns
    assert line[1].startswith(column.kind)
    check_said(line[2], [*column.notes])


def test_the_examples_in_words_are_lines_of_the_table() -> None:
    assert {*WORDS, *NAMES, PARQUET} <= {row[0] for row in COLUMNS}


# Files: a table of 40 rows, written in every way that a line names.

PLAIN = pd.DataFrame(
    {"size": np.arange(40) / 8, "city": np.resize(["Köln", "Genève"], 40), "y": np.resize(["u", "v", "w"], 40)}
)
TEXT = PLAIN.to_csv(index=False)
Write = Callable[[Path], Any]


def _bytes(name: str, content: bytes) -> Write:
    return lambda folder: (folder / name).write_bytes(content)


def _text(name: str, text: str, encoding: str = "utf-8") -> Write:
    return _bytes(name, text.encode(encoding))


def _zip(*names: str) -> bytes:
    return zip_of(dict.fromkeys(names, TEXT.encode()))


def _excel(name: str, *, sheets: int = 1, error: bool = False) -> Write:
    def write(folder: Path) -> None:
        pytest.importorskip("openpyxl")
        cells = PLAIN.astype({"size": object})
        if error:
            cells.loc[3, "size"] = "#DIV/0!"
        with pd.ExcelWriter(folder / name, engine="openpyxl") as writer:
            for number in range(sheets):
                cells.to_excel(writer, sheet_name=f"page {number}", index=False)

    return write


def _arff(rows: str) -> Write:
    head = "@relation r\n@attribute size numeric\n@attribute city {Köln, Genève}\n@attribute y {u, v, w}\n@data\n"
    return _text("t.arff", head + rows)


def _npz(x: str, y: str) -> Write:
    arrays: dict[str, Any] = {x: PLAIN[["size"]].to_numpy(), y: PLAIN["y"].to_numpy(dtype=str)}
    return lambda folder: np.savez(folder / "t.npz", **arrays)


def _idx(folder: Path) -> None:
    for name, array in (("images-idx3", np.ones((20, 2, 2), dtype=np.uint8)), ("labels-idx1", np.arange(20) % 2)):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
        (folder / f"train-{name}-ubyte").write_bytes(head + array.astype(np.uint8).tobytes())


def _images(folder: Path) -> None:
    for name in "ab":
        (folder / name).mkdir()
        for number in range(10):
            Image.new("L", (2, 2), 20 * number).save(folder / name / f"{number}.png")


def _parquet(folder: Path) -> None:
    PLAIN.to_parquet(folder / "t.parquet")


_CASES: dict[str, list[Write]] = {
    "`.csv`, `.tsv`,": [_text(f"t{ending}", TEXT) for ending in (".csv", ".tsv", ".tab", ".txt", ".data", ".psv")],
    "values separated by commas": [_text("t.csv", TEXT.replace(",", separator)) for separator in ",\t"],
    "values separated by semicolons": [_text("t.csv", TEXT.replace(",", separator)) for separator in ";|^~:"],
    "values separated by blanks": [_text("t.csv", TEXT.replace(",", separator)) for separator in (" ", "   ")],
    "UTF-8,": [_text("t.csv", TEXT, encoding) for encoding in ("utf-8", "utf-8-sig")],
    "UTF-16,": [_text("t.csv", TEXT, encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be")],
    "cp1252,": [_text("t.csv", TEXT, encoding) for encoding in ("cp1252", "latin-1")],
    "gzip, bzip2,": [
        _bytes("t.csv", compress(TEXT.encode()))
        for compress in (gzip.compress, bz2.compress, lzma.compress, zstandard, lambda _: _zip("a"))
    ],
    "ZIP of several": [_bytes("t.zip", _zip("a", "b"))],
    "lines that begin": [_text("t.csv", f"# by hand\n#\n{TEXT}"), _text("t.csv", f"{TEXT}# the end\n")],
    "names behind": [_text("t.csv", f"#{TEXT}")],
    "a first line": [_text("t.csv", TEXT.replace("size", "0.5"))],
    "two columns": [_text("t.csv", TEXT.replace("city", "size", 1))],
    "`.parquet`, `.feather`": [_parquet, lambda folder: PLAIN.to_feather(folder / "t.feather")],
    "Parquet with an index": [lambda folder: PLAIN.set_index("city").to_parquet(folder / "t.parquet")],
    "`.xlsx`, `.xlsm`": [_excel("t.xlsx"), _excel("t.xlsm")],
    "Excel with several": [_excel("t.xlsx", sheets=2)],
    "Excel with cells": [_excel("t.xlsx", error=True)],
    "Excel where": [_bytes("t.xlsx", b"PK")],
    "`.arff`, dense": [
        _arff(
            "".join(f"{row.size_},{row.city},{row.y}\n" for row in PLAIN.rename(columns={"size": "size_"}).itertuples())
        ),
        _arff("".join(f"{{0 {row[1]}, 1 {row[2]}, 2 {row[3]}}}\n" for row in PLAIN.itertuples())),
    ],
    "`.npz` with": [_npz(*keys) for keys in (("x", "y"), ("X", "y"), ("data", "target"), ("features", "labels"))],
    "folder of IDX": [_idx],
    "folder of images": [_images],
    "`.xls`, `.ods`,": [
        _bytes(f"t{ending}", b"?") for ending in (".xls", ".ods", ".json", ".npy", ".tar", ".pkl", ".docx")
    ],
}


def _cases() -> list[Any]:
    found = []
    for line, becomes, said in FILES:
        (start,) = [start for start in _CASES if line.startswith(start)] or [None]
        assert start is not None, f"no case for the line {line!r}"
        for number, write in enumerate(_CASES[start]):
            found.append(pytest.param(write, becomes, said, id=f"{start} {number}"))
    return found


def test_every_case_is_a_line_of_the_table() -> None:
    assert len(FILES) == len(_CASES)


@pytest.mark.parametrize(("write", "becomes", "said"), _cases())
def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write, becomes: str, said: str) -> None:
    write(tmp_path)
    names = [path.name for path in tmp_path.iterdir()]
    path = tmp_path / names[0] if len(names) == 1 else tmp_path
    is_table = path.suffix != ".npz" and path != tmp_path
    if "pip install" in said:
        monkeypatch.setitem(sys.modules, "openpyxl", None)
    if becomes.startswith("refused"):
        with pytest.raises(DataError) as refusal:
            load_dataset(str(path), target="y")
        check_said(said, [str(refusal.value)])
        return
    dataset = load_dataset(str(path), target="y" if is_table else None)
    check_said(said, [*dataset.reading.notes] if dataset.reading else [])
    if is_table:
        assert isinstance(dataset.x, pd.DataFrame)
        found = dataset.x.rename(columns={"#size": "size", "0.5": "size"}).assign(
            y=np.array(dataset.classes)[dataset.y]
        )
        known = found["size"].notna().to_numpy()
        assert known.sum() == (39 if "missing" in becomes else 40)
        assert found["size"][known].tolist() == PLAIN["size"][known].tolist()
        assert [*found["city"]] == [*PLAIN["city"]]
        assert [*found["y"]] == [*PLAIN["y"]]
