"""ARFF files, against the same table as CSV and against what was written."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from study.data import DataError, load_dataset

DENSE = """% made by hand
@RELATION 'the plants'
@ATTRIBUTE 'leaf size' NUMERIC
@attribute code {01, 02, 'A, 1'}
@attribute seen DATE "yyyy-MM-dd HH:mm"
@attribute remark string
@attribute class {no, "yes, often"}
@DATA
% a comment
1.5,01,"2024-01-02 10:30",Köln,no
?,'A, 1',"2024-01-03 00:00",'it''s',no
-2e1,01,?,Köln,"yes, often"
""".replace("it''s", "it\\'s")


def test_a_dense_file(tmp_path: Path) -> None:
    (tmp_path / "t.arff").write_text(DENSE, encoding="utf-8")
    data = load_dataset(str(tmp_path / "t.arff"), target="class")
    assert (data.name, data.classes) == ("t", ("no", "yes, often"))
    assert list(data.x) == ["leaf size", "code", "seen", "remark"]
    np.testing.assert_array_equal(data.x["leaf size"], [1.5, np.nan, -20.0])
    assert data.x["code"].tolist() == ["01", "A, 1", "01"]
    np.testing.assert_array_equal(data.x["seen"], [1704191400.0, 1704240000.0, np.nan])
    assert data.x["remark"].tolist() == ["Köln", "it's", "Köln"]


def test_compressed_and_in_an_older_encoding(tmp_path: Path) -> None:
    (tmp_path / "t.arff").write_text(DENSE, encoding="utf-8")
    (tmp_path / "t.arff.gz").write_bytes(gzip.compress(DENSE.encode("cp1252")))
    first, second = (load_dataset(str(tmp_path / name), target="-1") for name in ("t.arff", "t.arff.gz"))
    assert (first.fingerprint, first.name) == (second.fingerprint, second.name)
    assert second.reading is not None
    assert "read as cp1252" in second.reading.notes[0]


def test_a_sparse_file(tmp_path: Path) -> None:
    head = "@relation r\n@attribute a numeric\n@attribute b {x, y}\n@attribute c {u, v}\n@data\n"
    (tmp_path / "t.arff").write_text(head + "{0 2.5, 1 y}\n{2 v}\n{0 ?, 2 v}\n")
    data = load_dataset(str(tmp_path / "t.arff"), target="c")
    np.testing.assert_array_equal(data.x["a"], [2.5, 0.0, np.nan])
    assert data.x["b"].tolist() == ["y", "x", "x"]
    assert data.y.tolist() == [0, 1, 1]


def test_nominal_attributes_of_numbers_are_categories(tmp_path: Path) -> None:
    (tmp_path / "t.arff").write_text("@relation r\n@attribute a {0, 1}\n@attribute c {u, v}\n@data\n0,u\n1,v\n1,u\n")
    data = load_dataset(str(tmp_path / "t.arff"), target="c")
    assert data.x["a"].tolist() == ["0", "1", "1"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a,y\n1,u\n", "has no line @data"),
        ("@relation r\n@attribute a {x}\n@data\nz\n", "is no ARFF file, or a damaged one .*line 4"),
        ("@relation r\n@attribute a numeric\n@data\nz\n", "is no ARFF file, or a damaged one"),
        ("@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n1,2\n1\n", "is no ARFF file, or a damaged"),
        ("@relation r\n@attribute a relational\n@data\n1\n", "is no ARFF file, or a damaged one"),
        ("@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n", "has 2 columns and no rows"),
        ("@relation r\n@attribute a numeric\n@attribute a numeric\n@data\n1,2\n", "is no ARFF file, or a damaged"),
    ],
)
def test_what_is_no_arff_file(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "t.arff").write_text(content)
    with pytest.raises(DataError, match=text):
        load_dataset(str(tmp_path / "t.arff"), target="a")
