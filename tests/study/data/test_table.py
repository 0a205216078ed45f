from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reluctant.errors import ReluctantWarning
from study.data import DataError, Dataset, TableOptions, load_dataset
from study.tasks import REGRESSION


def _csv(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def _load_features(path: Path, text: str, target: str = "y") -> pd.DataFrame:
    x = load_dataset(_csv(path, text), target=target).x
    assert isinstance(x, pd.DataFrame)
    return x


def _same(one: Dataset, other: Dataset) -> None:
    assert isinstance(one.x, pd.DataFrame)
    assert isinstance(other.x, pd.DataFrame)
    pd.testing.assert_frame_equal(one.x, other.x)
    np.testing.assert_array_equal(one.y, other.y)
    assert one.classes == other.classes
    assert one.fingerprint == other.fingerprint


def test_all_formats_give_the_same(tmp_path: Path, table: pd.DataFrame) -> None:
    table.to_parquet(tmp_path / "t.parquet")
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_csv(tmp_path / "t.csv.gz", index=False)
    table.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    table.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    first = load_dataset(str(tmp_path / "t.parquet"), target="kind")
    assert first.name == "t"
    assert first.origin == str(tmp_path / "t.parquet")
    for name in ("t.csv", "t.csv.gz", "t.tsv", "semicolons.csv"):
        _same(first, load_dataset(str(tmp_path / name), target="kind"))


def test_question_marks_are_missing_with_and_without_spaces(tmp_path: Path) -> None:
    x = _load_features(tmp_path / "t.csv", "a,b,c , y\n1, ?,? , no\n ?,u ,2,yes \n3 , u,? ,no\n? ,v,4, yes\n")
    np.testing.assert_array_equal(x["a"], [1, np.nan, 3, np.nan])
    np.testing.assert_array_equal(x["c"], [np.nan, 2, np.nan, 4])
    assert x["b"].isna().tolist() == [True, False, False, False]
    assert x["b"].tolist()[1:] == ["u", "u", "v"]


def test_numbers_and_texts_are_told_apart(tmp_path: Path) -> None:
    text = "whole,half,flag,code,y\n1,0.5,True,1_1,a\n2,1.5,False,1_2,b\n3,2.5,True,1_1,a\n"
    x = _load_features(tmp_path / "t.csv", text)
    assert [column.dtype for _, column in x.items()] == [np.float64, np.float64, object, object]
    assert x["flag"].tolist() == ["True", "False", "True"]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "float32", "int8", "string", object])
def test_storage_type_does_not_matter(tmp_path: Path, dtype: Any) -> None:
    whole = pd.DataFrame({"a": [1, 2, 3, 2], "y": ["u", "v", "u", "v"]})
    whole.to_parquet(tmp_path / "plain.parquet")
    values = whole["a"].astype(str) if dtype in ("string", object) else whole["a"]
    whole.assign(a=values.astype(dtype)).to_parquet(tmp_path / "other.parquet")
    plain = load_dataset(str(tmp_path / "plain.parquet"), target="y")
    other = load_dataset(str(tmp_path / "other.parquet"), target="y")
    _same(plain, other)


def test_missing_values_of_every_storage_type(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3, 4], dtype="Int64"),
            "flag": pd.array([True, None, False, True], dtype="boolean"),
            "mixed": pd.Series([True, None, False, True], dtype=object),
            "day": pd.Series(np.array([1, "NaT", 2, 2], dtype="datetime64[D]")).dt.tz_localize("UTC"),
            "gap": pd.to_timedelta([1, None, 2, 3], unit="s"),
            "words": pd.Series([["a"], None, ["a", "b"], ["a"]], dtype=object),
            "y": ["u", "v", "u", "v"],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    x = load_dataset(str(tmp_path / "t.parquet"), target="y").x
    assert isinstance(x, pd.DataFrame)
    assert x.isna().sum().tolist() == [1] * 6
    assert x["day"].dropna().tolist() == [86400.0, 172800.0, 172800.0]
    assert x["gap"].dropna().tolist() == [1.0, 2.0, 3.0]
    assert x["mixed"].dropna().tolist() == x["flag"].dropna().tolist() == ["True", "False", "True"]


def test_byte_order_mark_and_gzip_under_any_name(tmp_path: Path) -> None:
    text = "a,y\n1,u\n2,v\n"
    (tmp_path / "mark.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "zipped.csv").write_bytes(gzip.compress(text.encode()))
    plain = load_dataset(_csv(tmp_path / "plain.csv", text), target="y")
    for name in ("mark.csv", "zipped.csv"):
        _same(plain, load_dataset(str(tmp_path / name), target="y"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b,y\n1,,u\n2,?,v\n", "'b' of .* has no values"),
        ("a,b,y\n1,Ann,u\n2,Bob,v\n", "'b' of .* has another text in every row"),
        (",a,y\n0,5,u\n1,6,v\n", "'Unnamed: 0' of .* has no name and counts the rows"),
    ],
)
def test_columns_that_tell_nothing_are_dropped_with_a_warning(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.warns(ReluctantWarning, match=f"column {reason}; it is dropped"):
        x = _load_features(tmp_path / "t.csv", text)
    assert list(x.columns) == ["a"]


def test_names_are_safe_for_files(tmp_path: Path) -> None:
    path = tmp_path / "my data: all (v2).csv"
    assert load_dataset(_csv(path, "a,y\n1,u\n2,v\n"), target="y").name == "my-data-all-v2"


def test_home_and_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _csv(tmp_path / "t.csv", "a,y\n1,u\n2,v\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for source in ("~/t.csv", "t.csv", "./t.csv"):
        assert load_dataset(source, target="y").origin == str(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("digits", (1797, 64), 10), ("breast_cancer", (569, 30), 2), ("wine", (178, 13), 3), ("iris", (150, 4), 3)],
)
def test_built_in(name: str, shape: tuple[int, int], classes: int) -> None:
    data = load_dataset(name)
    assert (data.name, data.origin, data.x.shape, len(data.classes)) == (name, name, shape, classes)
    assert data.target is None
    assert data.test_rows is None


@pytest.mark.parametrize(("header", "target"), [("a,b,y,w", "3"), ("w,a,b,y", "4"), ("w,a,b,y", "-1")])
def test_the_number_of_a_target_counts_the_column_of_weights(tmp_path: Path, header: str, target: str) -> None:
    values = {"a": [1, 2, 3, 4], "b": [5, 7, 6, 9], "y": ["u", "v", "u", "v"], "w": [1, 2, 1, 1]}
    path = tmp_path / "t.csv"
    pd.DataFrame(values)[header.split(",")].to_csv(path, index=False)
    data = load_dataset(str(path), target=target, options=TableOptions(weights="w"))
    assert (data.target, list(data.x)) == ("y", ["a", "b"])
    place = header.split(",").index("w") + 1
    with pytest.raises(DataError, match="--weights names 'w', which is the target"):
        load_dataset(str(path), target=str(place), options=TableOptions(weights="w"))


def test_decimal_commas_are_those_of_the_file_in_target_and_weights_too(tmp_path: Path) -> None:
    rows = [f"{n},5;{n},250;1,{n % 9}00" for n in range(1, 30)]
    (tmp_path / "t.csv").write_text("\n".join(["a;y;w", *rows]) + "\n")
    options = TableOptions(weights="w", read_target=REGRESSION.read_target)
    data = load_dataset(str(tmp_path / "t.csv"), target="y", options=options)
    assert data.y[:3].tolist() == [1.25, 2.25, 3.25]
    assert data.weights is not None
    assert data.weights[:3].tolist() == [1.1, 1.2, 1.3]
