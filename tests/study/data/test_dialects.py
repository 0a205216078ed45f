"""A random table, written in a random dialect, holds the same values when it is read."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from compression import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from study.data import TableOptions, load_dataset

# Letters that tell Western encodings from others: what encoding a text has is guessed from what its letters spell.
WORDS = (
    "Köln",
    "Zürich",
    "señor",
    "garçon",
    "Düsseldorf",
    "Genève",
    "São Paulo",
    "Málaga",
    "plain",
    'say "so"',
    "a,b;c|d",
)


@dataclass(frozen=True)
class Dialect:
    """How a table is written."""

    separator: str
    encoding: str
    compress: Callable[[bytes], bytes]
    line_end: str
    quoting: int
    comment: str
    thousands: str
    decimal: str
    unit: str
    date: str
    missing: str
    blanks: str

    def number(self, value: float | None) -> str:
        if value is None:
            return self.missing
        parts = f"{value:,.2f}".replace(",", "_").replace(".", self.decimal).replace("_", self.thousands)
        return self.blanks + (f"{parts} {self.unit}" if self.unit == "€" else f"{parts}{self.unit}") + self.blanks

    def day(self, value: datetime | None) -> str:
        return self.missing if value is None else value.strftime(self.date)

    def write(self, table: dict[str, list[str]]) -> bytes:
        text = io.StringIO()
        text.write(self.comment)
        writer = csv.writer(text, delimiter=self.separator, lineterminator=self.line_end, quoting=self.quoting)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
        return self.compress(text.getvalue().encode(self.encoding))


DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")
DIALECTS = st.builds(
    Dialect,
    separator=st.sampled_from(",;\t|^~"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]),
    compress=st.sampled_from([bytes, gzip.compress, bz2.compress, lzma.compress, zstandard]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    comment=st.sampled_from(["", "# exported by hand\n# twice\n"]),
    thousands=st.sampled_from(["", ",", ".", " ", "'"]),
    decimal=st.sampled_from(".,"),
    unit=st.sampled_from(["", "%", "€"]),
    date=st.sampled_from(
        [
            "%Y-%m-%d",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M:%SZ",
            "%Y/%m/%d",
            "%d.%m.%Y",
            "%d/%m/%Y",
            "%m/%d/%Y",
            "%d-%b-%Y",
        ]
    ),
    missing=st.sampled_from(["", "NA", "?", "None"]),
    blanks=st.sampled_from(["", " "]),
).filter(lambda d: d.thousands != d.decimal and (d.unit, d.encoding) != ("€", "latin-1"))
Row = tuple[float | None, datetime | None, str, str]
ROWS = st.lists(
    st.tuples(
        st.none() | st.floats(-1e9, 1e9),
        st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
        st.sampled_from(WORDS),
        st.sampled_from(["01", "001", "7"]),
    ),
    min_size=20,
    max_size=40,
)


@settings(deadline=None, max_examples=100)
@given(rows=ROWS, dialect=DIALECTS)
@pytest.mark.filterwarnings("ignore:column .* has no values")
def test_the_same_values_are_read(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[float | None, datetime | None, str, str]],
    dialect: Dialect,
) -> None:
    """Two decimals, a day beyond the twelfth and the letter ö leave no doubt about the form, where a file has them."""
    rows = [(1234.5, datetime(2020, 12, 31), "Köln", "01"), *rows]
    seconds = "%S" in dialect.date
    days = [
        None if day is None else day.replace(microsecond=0) if seconds else datetime(day.year, day.month, day.day)
        for _, day, _, _ in rows
    ]
    numbers = [None if number is None else round(number, 2) for number, *_ in rows]
    table = {
        "Größe": [dialect.number(number) for number in numbers],
        "Tag": [dialect.day(day) for day in days],
        "Ort": [word for _, _, word, _ in rows],
        "Code": [code for *_, code in rows],
        "y": [["u", "v"][index % 2] for index in range(len(rows))],
    }
    path = tmp_path_factory.mktemp("dialect") / "t.csv"
    path.write_bytes(dialect.write(table))
    data = load_dataset(str(path), target="y", options=TableOptions(keep=("Größe", "Tag", "Ort", "Code")))
    assert isinstance(data.x, pd.DataFrame)
    assert list(data.x) == ["Größe", "Tag", "Ort", "Code"]
    np.testing.assert_allclose(data.x["Größe"], [np.nan if each is None else each for each in numbers], rtol=1e-15)
    since_1970 = [np.nan if day is None else day.replace(tzinfo=UTC).timestamp() for day in days]
    np.testing.assert_array_equal(data.x["Tag"], since_1970)
    assert data.x["Ort"].tolist() == table["Ort"]
    assert data.x["Code"].tolist() == table["Code"]
    assert [data.classes[index] for index in data.y] == table["y"]
