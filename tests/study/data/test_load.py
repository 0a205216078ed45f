"""Loading data sets, and the text that answers each mistake of a user."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reluctant.errors import ReluctantError, ReluctantWarning
from study.data import FIRST_READER, DataError, DataNotFoundError, TableOptions, load_dataset, make_split

_GOOD = "a,b,income\n" + "1,u,yes\n2,v,no\n" * 10


def _refuses(source: Path | str, *needles: str, target: str | None = "income") -> None:
    with pytest.raises(DataError) as caught:
        make_split(load_dataset(str(source), target=target), seed=0)
    assert isinstance(caught.value, ReluctantError)
    assert isinstance(caught.value, ValueError)
    text = str(caught.value)
    assert "\n" not in text
    for needle in needles:
        assert re.search(needle, text), f"{needle!r} is not in: {text}"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "adult.csv"
    path.write_text(_GOOD)
    return path


def _write(tmp_path: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_good_file_is_good(csv: Path) -> None:
    assert len(make_split(load_dataset(str(csv), target="income"), seed=0).training) == 12


def test_unknown_data_set() -> None:
    _refuses("digts", r"unknown data set 'digts'; did you mean 'digits'\?", "known: digits, breast_cancer", target=None)
    _refuses("zzzz", r"unknown data set 'zzzz' \(known", target=None)
    _refuses("", "unknown data set ''", target=None)
    assert issubclass(DataNotFoundError, FileNotFoundError)


def test_missing_file(csv: Path) -> None:
    _refuses(csv.parent / "adlt.csv", r"no such file or folder: '.*adlt.csv'; did you mean 'adult.csv'\?")
    (csv.parent / "adlt.py").touch()  # nearer, and no data
    _refuses(csv.parent / "adlt.csv", r"did you mean 'adult.csv'\?")
    _refuses(csv.parent / "nowhere" / "adult.csv", "there is no folder '.*nowhere'; check the path")


def test_data_set_named_without_its_ending(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(csv.parent)
    _refuses("adult", r"unknown data set 'adult'; did you mean 'adult.csv'\?")


def test_folder_where_a_file_is_expected(csv: Path) -> None:
    _refuses(
        csv.parent, "is a folder", "train-images-idx3-ubyte, train-labels-idx1-ubyte", "missing", "one of adult.csv"
    )


def test_folder_above_the_idx_files(tmp_path: Path) -> None:
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").touch()
    _refuses(tmp_path / "MNIST", r"did you mean '.*MNIST/raw'\?", target=None)


def test_target_missing(csv: Path) -> None:
    _refuses(csv, "is not said; name it with --target", "columns: a, b, income", target=None)


def test_target_unknown(csv: Path, tmp_path: Path) -> None:
    _refuses(csv, r"unknown target 'Incom' in .*; did you mean 'income'\?", "columns: a, b, income", target="Incom")
    wide = _write(tmp_path, ",".join(f"c{index}" for index in range(50)) + "\n" + ",".join("1" * 50) + "\n")
    _refuses(wide, "c19 and 30 more")
    headless = _write(tmp_path, "39,State-gov,<=50K\n50,Private,>50K\n")
    _refuses(headless, "first line looks like data: a line of column names is needed")


@pytest.mark.parametrize("source", ["iris", "digits"])
def test_target_for_data_with_labels_of_its_own(source: str) -> None:
    _refuses(source, f"--target 'income' is given, but {source} has labels of its own; leave --target out")


@pytest.mark.parametrize("content", ["", "  \n\n", gzip.compress(b"")], ids=["empty", "blank", "gzip"])
def test_empty_csv(tmp_path: Path, content: str | bytes) -> None:
    _refuses(_write(tmp_path, content), "is empty; a CSV file begins with a line of column names")


def test_header_only(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, "a,income\n"), "has 2 columns and no rows")


def test_binary_file_as_csv(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "is a binary file, not a CSV file")
    _refuses(_write(tmp_path, bytes(range(1, 256)) * 20), "is a binary file")


def test_what_the_first_reader_refused_it_refuses_still(tmp_path: Path) -> None:
    first = TableOptions(reader=FIRST_READER)
    for content, text in (
        (_GOOD.encode("utf-16"), "is a binary file"),
        ("a,income\nstraße,yes\n".encode("latin1"), "not text in UTF-8 .*0xdf.*iconv"),
    ):
        with pytest.raises(DataError, match=text):
            load_dataset(str(_write(tmp_path, content)), target="income", options=first)


def test_csv_with_ragged_lines(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, "a,income\n1,yes\n1,2,no\n"), "is not a table", "line 3")
    _refuses(_write(tmp_path, "a,income\n1,yes,\n2,no,\n"), "is not a table: its first line has 2 names, the next 3")


def test_csv_with_one_name_twice(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, "a, a,a ,income\n1,2,3,yes\n"), "several columns named a; names must differ")


def test_cut_gzip(tmp_path: Path) -> None:
    content = gzip.compress(np.random.default_rng(0).bytes(1000).hex().encode())
    _refuses(_write(tmp_path, content[:-20], "t.csv.gz"), "is damaged or cut")


@pytest.mark.parametrize("content", [b"", b"PAR1", _GOOD.encode()])
def test_parquet_that_is_none(tmp_path: Path, content: bytes) -> None:
    _refuses(_write(tmp_path, content, "t.parquet"), "is not a Parquet file, or a damaged one")


@pytest.mark.parametrize("name", ["t.ods", "t.tar.bz2", "noending", "train-images-idx3-ubyte"])
def test_unsupported_ending(tmp_path: Path, name: str) -> None:
    folder = "give their folder" if "ubyte" in name else ""
    _refuses(
        _write(tmp_path, "x", name),
        "is of no known type",
        ".csv, .tsv",
        ".parquet, .feather, .xlsx, .xlsm, .npz",
        folder,
    )


def test_one_class_only(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, "a,income\n" + "1,yes\n" * 20), "target 'income' of .* has one class only, 'yes'")


@pytest.mark.parametrize("members", range(1, 5))
def test_class_with_too_few_members(tmp_path: Path, members: int) -> None:
    path = _write(tmp_path, _GOOD + "3,w,rare\n" * members)
    _refuses(path, f"class 'rare' has {members}; at least 5 are needed", "merge or remove the class")


def test_many_classes_with_too_few_members(tmp_path: Path) -> None:
    path = _write(tmp_path, "a,income\n" + "".join(f"{index},c{index % 8}\n" for index in range(30)))
    _refuses(path, "'c0' has 4", "and 3 more classes")


def test_too_few_rows(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, "a,income\n1,yes\n2,no\n"), "has 2 rows; at least 10 are needed")


def test_missing_labels(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, _GOOD + "3,u,\n4,u,?\n"), r"'income' of .* has no label in 2 rows \(21, 22\)")


def test_continuous_target(tmp_path: Path) -> None:
    rows = "".join(f"{index % 3},{index / 7}\n" for index in range(100))
    _refuses(_write(tmp_path, "a,income\n" + rows), "100 different values in 100 rows", "use --task regression")


@pytest.mark.parametrize("value", ["inf", "-inf", "1e300"])
def test_numbers_out_of_range(tmp_path: Path, value: str) -> None:
    path = _write(tmp_path, _GOOD + f"{value},u,no\n")
    _refuses(path, r"column 'a' of .* holds .* in 1 row \(21\); finite numbers")


def test_no_features(tmp_path: Path) -> None:
    _refuses(_write(tmp_path, "income\nyes\nno\n"), "has no feature columns left beside the target;")
    with pytest.warns(ReluctantWarning, match="has no values"):
        _refuses(_write(tmp_path, "a,income\n,yes\n,no\n"), r"no feature columns left .* \(dropped: a\)")


def _npz(tmp_path: Path, **arrays: object) -> Path:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return _write(tmp_path, buffer.getvalue(), "t.npz")


def test_npz_that_is_none(tmp_path: Path) -> None:
    npy = io.BytesIO()
    np.save(npy, np.zeros(3))
    whole = _npz(tmp_path, x=np.zeros((90, 90)), y=np.arange(90)).read_bytes()
    for content in (b"", b"not one", _GOOD.encode(), npy.getvalue(), whole[:-100], b"PK\x03\x04" + b"\0" * 40):
        _refuses(_write(tmp_path, content, "t.npz"), "is not an NPZ file of plain arrays", target=None)


def test_npz_with_pickled_content(tmp_path: Path) -> None:
    path = _npz(tmp_path, x=np.zeros((3, 1)), y=np.array(["a", None, 3], dtype=object))
    _refuses(path, "pickled objects are never loaded", target=None)


def test_npz_that_does_not_fit(tmp_path: Path) -> None:
    x, y = np.zeros((20, 2)), np.arange(20) % 2
    for arrays, needle in (
        ({"u": x, "y": y}, "holds the arrays u, y; needed are x and y"),
        ({"x": x, "y": y[:19]}, "20 samples in x but 19 labels in y"),
        ({"x": x[:, 0], "y": y}, r"x of .* has the shape \(20,\)"),
        ({"x": x, "y": np.eye(20)}, r"y of .* has the shape \(20, 20\).*argmax"),
        ({"x": x.astype(str), "y": y}, "holds <U32; numbers are needed"),
        ({"x": x + np.inf, "y": y}, "column 'x0' of .* finite numbers"),
        ({"x": x[:, :, None] + np.nan, "y": y}, r"pixels of .* in 20 rows \(1, 2, 3, 4, 5, …\)"),
        ({"x": x[:0], "y": y[:0]}, "no rows"),
        ({"x": x[:, :0], "y": y}, "no feature columns"),
        ({"x": np.zeros((0, 2, 2)), "y": y[:0]}, "0 samples of 4 features"),
        ({"x": x, "y": y * np.nan}, "no label in 20 rows"),
        ({"x_train": x, "y_train": y, "x_test": x}, "x_test and y_test belong together"),
        ({"x_train": x, "y_train": y, "x_test": x[:, :1], "y_test": y}, "differ in more than the samples"),
        ({"x_train": x[:5], "y_train": y[:5], "x_test": x, "y_test": y}, "5 rows outside its test part"),
    ):
        _refuses(_npz(tmp_path, **arrays), needle, target=None)


def test_target_for_npz(tmp_path: Path) -> None:
    _refuses(_npz(tmp_path, x=np.zeros((20, 2)), y=np.arange(20) % 2), "leave --target out")


def test_class_with_too_few_members_in_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0] * 12, "income": [0] * 10 + [1] * 2})
    frame.to_parquet(tmp_path / "t.parquet")
    _refuses(tmp_path / "t.parquet", "class '1' has 2")
