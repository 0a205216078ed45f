"""What a column of each kind becomes, and what is said about it: the table of docs/data.md, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reluctant.errors import ReluctantWarning
from study.data import DataError, TableOptions, load_dataset
from study.data.columns import read_column, read_like_training
from study.data.reading import ColumnReading
from study.data.table import from_table

ROWS = 600
X = np.random.default_rng(0).normal(size=ROWS)


def _read(values: list[str] | pd.Series[Any], *, comma_first: bool = False) -> tuple[Any, ColumnReading]:
    column = values if isinstance(values, pd.Series) else pd.Series(values, dtype="str")
    return read_column("a", column, comma_first=comma_first)


def _swap(text: str) -> str:
    return text.translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda v: f"{v:.3f}", ()),
        (lambda v: f" {v:+.3e} ", ()),
        (lambda v: f"{v:.3f}".replace(".", ","), ("decimal commas",)),
        (lambda v: f"{v:,.3f}", ("commas between thousands",)),
        (lambda v: _swap(f"{v:,.3f}"), ("points between thousands, decimal commas",)),
        (lambda v: f"{v:,.3f}".replace(",", " "), ("blanks between thousands",)),
        (lambda v: f"{v:,.3f}".replace(",", "\u202f"), ("blanks between thousands",)),
        (lambda v: f"{v:,.3f}".replace(",", "'"), ("apostrophes between thousands",)),
        (lambda v: f"${v:,.3f}".replace("$-", "-$"), ("commas between thousands, $ left out",)),
        (lambda v: f"{v:.3f} €".replace(".", ","), ("decimal commas, € left out",)),
        (lambda v: f"{v:.3f}%", ("% left out",)),
        (lambda v: f"EUR {v:.3f}", ("EUR left out",)),
    ],
)
def test_numbers_in_every_form(write: Any, said: tuple[str, ...]) -> None:
    values, reading = _read([write(1e4 * v) for v in X])
    assert (reading.form.kind, reading.notes) == ("number", said)
    np.testing.assert_allclose(values, 1e4 * X, rtol=1e-3, atol=6e-4)


def test_whole_thousands_are_decimal_commas_only_among_semicolons() -> None:
    texts = ["1,234", "12,500", "7,001"]
    assert _read(texts)[0].tolist() == [1234.0, 12500.0, 7001.0]
    assert _read(texts, comma_first=True)[0].tolist() == [1.234, 12.5, 7.001]
    assert _read(["0,123", "1,234"])[0].tolist() == [0.123, 1.234]


def test_forms_are_not_mixed() -> None:
    """A column is of one form or of none."""
    values, reading = _read(["1,5", "2.5", "3,5", "4.5"] * 5)
    assert reading.form.kind == "text"
    assert "50% numbers, too few to be read as such: taken as text" in reading.notes[0]
    assert values[0] == "1,5"


@pytest.mark.parametrize("strange", ["-", "1.5x", "unknown", "n.a."])
def test_a_column_that_is_nearly_all_numbers_stays_numeric(strange: str) -> None:
    texts = [f"{v:.3f}" for v in X]
    texts[7] = strange
    values, reading = _read(texts)
    assert np.flatnonzero(np.isnan(values)).tolist() == [7]
    assert reading.notes == (f"1 value that is no number counted as missing ({strange!r})",)
    table = pd.DataFrame({"a": texts, "y": np.resize(["u", "v"], ROWS)})
    with pytest.warns(ReluctantWarning, match=f"column 'a' of t: 1 value that is no number .*{strange}"):
        from_table(table, target="y", name="t", origin="t")


def test_the_limit_is_95_in_100() -> None:
    assert _read([*["1"] * 95, *["x"] * 5])[1].form.kind == "number"
    assert _read([*["1"] * 94, *["x"] * 6])[1].form.kind == "text"


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("%Y-%m-%d", "year-month-day"),
        ("%Y-%m-%d %H:%M:%S", "year-month-day"),
        ("%Y-%m-%dT%H:%M:%SZ", "year-month-day"),
        ("%Y/%m/%d", "year/month/day"),
        ("%d.%m.%Y", "day.month.year"),
        ("%d/%m/%Y", "day/month/year"),
        ("%m/%d/%Y", "month/day/year"),
        ("%d.%m.%Y %H:%M", "day.month.year"),
        ("%d-%b-%Y", "day-month-year"),
    ],
)
def test_dates_in_every_form(form: str, name: str) -> None:
    days = pd.Series(pd.date_range("2019-03-01", periods=ROWS, freq="D"))
    values, reading = _read([day.strftime(form) for day in days])
    assert (reading.form.kind, reading.notes) == ("date", (f"dates {name}",))
    assert values.tolist() == [day.timestamp() for day in days]


def test_every_storage_of_dates_is_the_same_data(tmp_path: Path) -> None:
    days = pd.date_range("2019-03-01", periods=60, freq="D")
    kinds = np.resize(["u", "v", "w"], 60)
    for name, column in (("stamp", days), ("date32", days.date), ("text", days.strftime("%Y-%m-%d"))):
        pd.DataFrame({"day": column, "y": kinds}).to_parquet(tmp_path / f"{name}.parquet")
    pd.DataFrame({"day": days, "y": kinds}).to_csv(tmp_path / "day.csv", index=False)
    loaded = [load_dataset(str(path), target="y") for path in sorted(tmp_path.iterdir())]
    assert len({data.fingerprint for data in loaded}) == 1
    assert loaded[0].x.shape == (60, 1)  # though every day is another


def test_dates_of_which_nobody_can_tell_the_day_stay_text() -> None:
    _, reading = _read(["01/02/2020", "03/04/2021", "01/02/2020"])
    assert reading.form.kind == "text"
    assert "day and month of its dates cannot be told apart" in reading.notes[0]


@pytest.mark.parametrize("texts", [["TRUE", "FALSE"], ["01", "007"], ["a ", " b"], ["1_1", "1_2"], ["yes", "No"]])
def test_text_stays_as_it_is_written(texts: list[str]) -> None:
    values, reading = _read(texts * 3)
    assert reading.form.kind == "text"
    assert values.tolist() == [text.strip() for text in texts] * 3


def test_labels_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "1,001\n2,01\n3,1\n" * 10)
    assert set(load_dataset(str(tmp_path / "t.csv"), target="y").classes) == {"001", "01", "1"}


def _loaded(column: Any, **options: Any) -> Any:
    table = pd.DataFrame({"a": column, "b": np.resize([1.5, 2.5, 4.5], ROWS), "y": np.resize(["u", "v"], ROWS)})
    return from_table(table, target="y", name="t", origin="t", options=TableOptions(**options))


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (np.arange(ROWS), "only counts the rows"),
        (np.arange(ROWS)[::-1], "only counts the rows"),
        (np.random.default_rng(0).permutation(ROWS) + 1000, "looks like an identifier"),
        ([f"u{index}" for index in range(ROWS)], "has another text in every row"),
        ([f"u{max(index, 9)}" for index in range(ROWS)], "has 591 different texts in 600 rows"),
    ],
)
def test_identifiers_are_dropped_unless_they_are_kept(column: Any, reason: str) -> None:
    with pytest.warns(ReluctantWarning, match=f"column 'a' of t {reason}"):
        data = _loaded(column)
    assert list(data.x.columns) == ["b"]
    assert [reading.dropped is not None for reading in data.reading.columns] == [True, False]
    assert list(_loaded(column, keep=("a",)).x.columns) == ["a", "b"]
    assert list(_loaded(column, drop=("a",)).x.columns) == ["b"]


def test_whole_numbers_that_all_differ_are_named() -> None:
    data = _loaded(np.random.default_rng(0).choice(10**7, ROWS, replace=False))
    assert list(data.x.columns) == ["a", "b"]
    assert "600 different whole numbers: if it is an identifier" in data.reading.columns[0].notes[0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"drop": ("A",)}, "--drop names 'A', which is no column of t; did you mean 'a'"),
        ({"keep": ("z",)}, "--keep names 'z', which is no column of t"),
        ({"drop": ("y",)}, "--drop names 'y', which is the target"),
        ({"drop": ("a",), "keep": ("a",)}, "--drop and --keep both name a"),
    ],
)
def test_columns_that_cannot_be_dropped_or_kept(options: Any, text: str) -> None:
    with pytest.raises(DataError, match=text):
        _loaded(X, **options)


def test_images_have_no_columns_to_drop() -> None:
    with pytest.raises(DataError, match="--drop names a, but digits holds images"):
        load_dataset("digits", options=TableOptions(drop=("a",)))
    assert load_dataset("iris", options=TableOptions(drop=("petal width (cm)",))).x.shape == (150, 3)


def test_new_rows_are_read_as_in_training() -> None:
    texts = [f"{v:.3f}" for v in X]
    texts[7] = "-"
    number, code = _read(texts)[1].form, _read(["01", "02", "A1"])[1].form
    assert np.isnan(read_like_training("a", pd.Series(["-"], dtype="str"), number, what="t")[0]).all()
    assert read_like_training("a", pd.Series(["01", "02"], dtype="str"), code, what="t")[0].tolist() == ["01", "02"]
    with pytest.raises(DataError, match="column 'a' of t holds 'old' or the like in 1 row"):
        read_like_training("a", pd.Series(["old", "1"], dtype="str"), number, what="t")
    values, said = read_like_training("a", pd.Series(["?x", *["1.5"] * 30], dtype="str"), number, what="t")
    assert (values[1:] == 1.5).all()
    assert said == "1 value that is no number counted as missing ('?x')"
    points = _read(["1.234.567", "1.234"])[1].form
    assert read_like_training("a", pd.Series(["1.234"], dtype="str"), points, what="t")[0].tolist() == [1234.0]
    assert read_like_training("a", pd.Series([1234.0]), points, what="t")[0].tolist() == [1234.0]
    date = _read(["31.12.2020", "01.02.2021"])[1].form
    for day in (pd.Series(["2020-12-31"], dtype="str"), pd.Series(pd.to_datetime(["2020-12-31"]))):
        assert read_like_training("a", day, date, what="t")[0].tolist() == [1609372800.0]
    with pytest.raises(DataError, match="column 'a' of t holds dates; numbers are needed"):
        read_like_training("a", pd.Series(pd.to_datetime(["2020-12-31"])), number, what="t")


@given(
    numbers=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30),
    thousands=st.sampled_from(["", ",", ".", " "]),
    decimal=st.sampled_from([".", ","]),
    unit=st.sampled_from(["", "$", "€", "%"]),
)
def test_random_numbers_come_back(numbers: list[float], thousands: str, decimal: str, unit: str) -> None:
    """A table written in a random dialect holds the same numbers; two decimals leave no doubt about the separators."""
    if thousands == decimal:
        thousands = ""
    written = [f"{number:,.2f}".replace(",", "_").replace(".", decimal).replace("_", thousands) for number in numbers]
    values, reading = _read([text + unit for text in written])
    assert reading.form.kind == "number"
    np.testing.assert_allclose(values, [float(f"{number:.2f}") for number in numbers], rtol=1e-12)
