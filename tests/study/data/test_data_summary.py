"""What is said of a data set before anything is trained on it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from study.data import FIRST_READER, Dataset, TableOptions, load_dataset, prepare, sample_rows
from study.data.data_summary import DataSummary, summarize
from study.data.table import from_table
from study.tasks import REGRESSION

ROWS = 500


def _table(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    known = {"size": rng.normal(size=ROWS), "kind": rng.choice(["a", "b", "c"], size=ROWS)}
    return pd.DataFrame({**known, **columns, "y": np.resize(["no", "no", "yes"], ROWS)})


def _dataset(table: pd.DataFrame, **options: object) -> Dataset:
    return from_table(table, target="y", name="t", origin="t", options=TableOptions(**options))  # type: ignore[arg-type]


def _summary(dataset: Dataset) -> DataSummary:
    return summarize(dataset, prepare(dataset, seed=0))


def test_a_plain_table_is_four_lines() -> None:
    assert _summary(_dataset(_table())).lines() == [
        "t: 500 rows (300 training, 100 validation, 100 test), 4 inputs from 2 columns",
        "classes of y: no (334), yes (166)",
        "numbers, 1 input: size",
        "text, 3 inputs: kind",
    ]


def test_inputs_are_those_of_the_network() -> None:
    size = np.random.default_rng(0).normal(size=ROWS)
    size[:200] = np.nan
    kind = np.array([f"k{n % 100}" for n in range(ROWS)], dtype=object)
    kind[:9] = np.nan
    data = _dataset(_table(size=size, kind=kind))
    prepared = prepare(data, seed=0)
    summary = summarize(data, prepared)
    assert sum(column.inputs for column in summary.columns) == summary.inputs == len(prepared.split.features)
    assert summary.lines()[2:] == [
        "kind (9 missing): text; 65 inputs; missing: a category of its own; "
        "101 categories, of which the 37 rarest share one input",
        "numbers with missing values (the median, and an input that says so), 2 inputs: size (200 missing)",
    ]


def test_categories_beyond_the_most_frequent_are_said() -> None:
    """2,000 categories, of which 64 have an input of their own."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"city": [f"c{n}" for n in rng.integers(0, 2000, 8000)], "y": np.resize(["u", "v"], 8000)})
    (city,) = _summary(_dataset(table)).columns
    known = int(city.notes[0].split(" categories")[0].replace(",", ""))
    assert city.inputs <= 65
    assert city.notes == (f"{known:,} categories, of which the {known - city.inputs + 1:,} rarest share one input",)


def test_columns_of_which_the_same_is_said_share_a_line() -> None:
    columns = {f"c{index}": [f"{value:.2f}%" for value in np.arange(ROWS) / 7] for index in range(40)}
    with pytest.warns(UserWarning, match="'id' of t only counts"):
        lines = _summary(_dataset(_table(**columns, id=np.arange(ROWS)))).lines()
    names = ", ".join([*columns][:20])
    assert lines[2:4] == ["id: dropped; it only counts the rows", f"{names} and 20 more: number; 40 inputs; % left out"]


@pytest.mark.filterwarnings("ignore:column 'c")
def test_at_most_15_lines() -> None:
    numbers = [f"{value:.2f}" for value in np.arange(ROWS) / 7]
    columns = {f"c{index}": ["-"] * index + numbers[index:] for index in range(25)}
    summary = _summary(_dataset(_table(**columns)))
    lines = summary.lines()
    assert len(lines) == 15
    assert lines[2].startswith("c1 (1 missing): number; ")
    assert lines[2].endswith("; 1 value that is no number counted as missing ('-')")
    assert lines[12].startswith("more is to be told of c11 (11 missing), c12 (12 missing)")
    assert len(json.loads(json.dumps(summary.values))["columns"]) == 27


def test_columns_with_gaps_share_a_line_and_dropped_ones_too() -> None:
    """16 columns of text with missing values, as in UCI's votes, are one line and not sixteen."""
    rng = np.random.default_rng(0)
    votes = {f"vote{index}": rng.choice(np.array(["y", "n", None], dtype=object), ROWS) for index in range(16)}
    few = rng.normal(size=ROWS)
    with pytest.warns(UserWarning, match="each of the columns 'empty', 'void' of t has no values; it is dropped$"):
        data = _dataset(_table(**votes, few=few, empty=[None] * ROWS, void=[np.nan] * ROWS))
    prepared = prepare(data, seed=0)
    assert isinstance(data.x, pd.DataFrame)
    missing = {f"vote{index}": int(data.x[f"vote{index}"].isna().sum()) for index in range(16)}
    assert summarize(data, prepared).lines()[2:] == [
        "empty, void: dropped; it has no values",
        "numbers, 2 inputs: size, few",
        "text, 3 inputs: kind",
        "text with missing values (a category of its own), 48 inputs: "
        + ", ".join(f"{name} ({count} missing)" for name, count in missing.items()),
    ]


def test_gaps_that_training_did_not_have_are_filled_without_an_input() -> None:
    data = _dataset(_table())
    gap = prepare(data, seed=0).rows.test[0]
    size, kind = (data.x[name].copy() for name in ("size", "kind"))  # type: ignore[index]
    size[gap] = kind[gap] = None
    summary = _summary(_dataset(_table(size=size, kind=kind)))
    assert [column.filled for column in summary.columns] == ["the median", "a rare category"]
    assert summary.inputs == 4


def test_dates_of_which_nobody_can_tell_the_day_say_what_to_do() -> None:
    """Also where each is another, so that the column is dropped."""
    days = [f"{1 + n % 12:02}/{1 + n // 12 % 12:02}/{2000 + n // 144}" for n in range(ROWS)]
    with pytest.warns(UserWarning, match="another text in every row"):
        lines = _summary(_dataset(_table(day=days))).lines()
    assert lines[2].startswith(
        "day: dropped; it has another text in every row; day and month of its dates cannot be told"
    )
    assert lines[2].endswith("write them as 2024-12-31")


def test_a_part_of_the_rows_says_of_how_many() -> None:
    part = sample_rows(_dataset(_table()), 200, seed=0)
    assert _summary(part).lines()[0].startswith("t: 200 of 500 rows (120 training, 40 validation, 40 test)")
    assert _summary(part).values["drawn_from"] == 500


def test_the_report_has_every_column() -> None:
    columns = {f"c{index}": np.random.default_rng(index).normal(size=ROWS) for index in range(40)}
    text = _summary(_dataset(_table(**columns))).columns_text
    assert text.startswith(f"numbers, 41 inputs: size, {', '.join(columns)}; text")


def test_images_and_tables_of_the_first_reader() -> None:
    digits = _summary(load_dataset("digits")).lines()
    assert digits[0] == "digits: 1,797 rows (1,079 training, 359 validation, 359 test), 64 inputs"
    assert digits[1].startswith("classes: ")
    assert digits[1].endswith(", and 2 more")
    earlier = _summary(_dataset(_table(), reader=FIRST_READER))
    assert (earlier.reader, earlier.lines()[2:]) == (FIRST_READER, ["numbers, 1 input: size", "text, 3 inputs: kind"])


@pytest.mark.parametrize(("factor", "said"), [(1.0, True), (0.3, False), (100.0, True)])
def test_a_quantity_says_how_to_have_its_values_taken_for_classes_where_they_may_be(factor: float, said: bool) -> None:
    table = _table()
    table["y"] = factor * np.resize(np.arange(60), ROWS)
    dataset = _dataset(table, read_target=REGRESSION.read_target)
    (line,) = (line for line in _summary(dataset).lines() if line.startswith("regression of y: 60 different"))
    assert ("(--task classification takes the values for classes)" in line) is said
