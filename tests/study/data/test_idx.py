"""IDX files, against the arrays that were written into them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from study.data import DataError, DataNotFoundError, load_dataset, make_split, prepare
from study.data.idx import read_idx

Pixels = npt.NDArray[np.uint8]
Write = Callable[..., Path]


@pytest.mark.parametrize("dash", "-.")
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_folder(write_idx: Write, images: Pixels, digits: Pixels, dash: str, ending: str) -> None:
    write_idx(f"train-images{dash}idx3-ubyte{ending}", images[:20])
    write_idx(f"train-labels{dash}idx1-ubyte{ending}", digits[:20])
    write_idx(f"t10k-images{dash}idx3-ubyte{ending}", images[20:])
    folder = write_idx(f"t10k-labels{dash}idx1-ubyte{ending}", digits[20:]).parent
    data = load_dataset(str(folder))
    np.testing.assert_array_equal(data.x, images.reshape(30, 12))
    assert [int(data.classes[index]) for index in data.y] == digits.tolist()
    assert data.test_rows is not None
    assert data.test_rows.tolist() == list(range(20, 30))
    assert data.name == "images"
    prepared = prepare(data, seed=0)
    split = prepared.split
    assert (len(split.training), len(split.validation), len(split.test)) == (16, 4, 10)
    assert sorted(prepared.rows.test) == list(range(20, 30))
    assert split.test.y.tolist() == data.y[prepared.rows.test].tolist()


def test_idx_folder_without_test_part(write_idx: Write, images: Pixels, digits: Pixels) -> None:
    write_idx("train-images-idx3-ubyte", images)
    folder = write_idx("train-labels-idx1-ubyte.gz", digits).parent
    data = load_dataset(str(folder))
    assert data.test_rows is None
    split = make_split(data, seed=0)
    assert (len(split.training), len(split.validation), len(split.test)) == (18, 6, 6)


@pytest.mark.parametrize(("code", "kind"), [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")])
def test_idx_types_are_big_endian(tmp_path: Path, code: int, kind: str) -> None:
    values = np.arange(-6, 6).astype(kind).reshape(2, 3, 2)
    path = tmp_path / "any"
    path.write_bytes(bytes([0, 0, code, 3]) + struct.pack(">3I", 2, 3, 2) + values.astype(f">{kind}").tobytes())
    np.testing.assert_array_equal(read_idx(path), values)
    assert read_idx(path).dtype == np.dtype(kind)


def test_missing_idx_files_are_named(write_idx: Write, images: Pixels, digits: Pixels) -> None:
    folder = write_idx("train-images-idx3-ubyte", images).parent
    with pytest.raises(DataNotFoundError, match=r"train-labels-idx1-ubyte \(plain or .gz\) is missing"):
        load_dataset(str(folder))
    write_idx("train-labels-idx1-ubyte", digits)
    write_idx("t10k-labels-idx1-ubyte", digits)
    with pytest.raises(DataNotFoundError, match="t10k-images-idx3-ubyte"):
        load_dataset(str(folder))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_truncated_idx_file(write_idx: Write, images: Pixels, digits: Pixels, ending: str) -> None:
    write_idx("train-labels-idx1-ubyte", digits)
    folder = write_idx(f"train-images-idx3-ubyte{ending}", images, cut=7).parent
    with pytest.raises(DataError, match=r"cut: 376 bytes are needed for its shape \(30, 4, 3\), 369 are there"):
        load_dataset(str(folder))


def test_truncated_gzip_stream(write_idx: Write, images: Pixels, digits: Pixels) -> None:
    write_idx("train-labels-idx1-ubyte", digits)
    path = write_idx("train-images-idx3-ubyte.gz", images)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="is damaged or cut"):
        load_dataset(str(path.parent))


def test_every_cut_of_an_idx_file_is_refused(write_idx: Write, images: Pixels) -> None:
    path = write_idx("train-images-idx3-ubyte", images[:1])
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"is cut|begins with the bytes"):
            read_idx(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(DataError, match="longer than it says"):
        read_idx(path)


def test_no_idx_file(write_idx: Write, digits: Pixels) -> None:
    path = write_idx("train-images-idx3-ubyte", digits)
    path.write_bytes(b"<html>")
    with pytest.raises(DataError, match="begins with the bytes 3c 68 74 6d; an IDX file begins with 00 00"):
        read_idx(path)


def test_idx_files_that_do_not_fit(write_idx: Write, images: Pixels, digits: Pixels) -> None:
    write_idx("train-images-idx3-ubyte", images)
    folder = write_idx("train-labels-idx1-ubyte", digits[:29]).parent
    with pytest.raises(DataError, match="30 train images but 29 train labels"):
        load_dataset(str(folder))
    write_idx("train-labels-idx1-ubyte", images)
    with pytest.raises(DataError, match="are the files mixed up"):
        load_dataset(str(folder))
    write_idx("train-labels-idx1-ubyte", digits)
    write_idx("t10k-images-idx3-ubyte", images[:, :2])
    write_idx("t10k-labels-idx1-ubyte", digits)
    with pytest.raises(DataError, match="one size only"):
        load_dataset(str(folder))


def test_target_for_idx_folder(write_idx: Write, images: Pixels, digits: Pixels) -> None:
    write_idx("train-images-idx3-ubyte", images)
    folder = write_idx("train-labels-idx1-ubyte", digits).parent
    with pytest.raises(DataError, match="leave --target out"):
        load_dataset(str(folder), target="income")
