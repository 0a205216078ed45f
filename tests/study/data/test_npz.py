"""NPZ files, against the arrays that were written into them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from study.data import load_dataset

Pixels = npt.NDArray[np.uint8]
Write = Callable[..., Path]


@pytest.mark.parametrize(
    "keys", [("x", "y"), ("X", "y"), ("data", "target"), ("features", "labels"), ("x_train", "y_train")]
)
def test_npz_keys(tmp_path: Path, images: Pixels, digits: Pixels, keys: tuple[str, str]) -> None:
    arrays: dict[str, Any] = {keys[0]: images, keys[1]: digits[:, None]}
    np.savez(tmp_path / "t.npz", **arrays)
    data = load_dataset(str(tmp_path / "t.npz"))
    np.testing.assert_array_equal(data.x, images.reshape(30, 12))
    assert data.classes == ("0", "3", "7")


def test_npz_with_test_part_is_the_idx_folder(tmp_path: Path, write_idx: Write, images: Pixels, digits: Pixels) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=images[:20], y_train=digits[:20], x_test=images[20:], y_test=digits[20:])
    write_idx("train-images-idx3-ubyte", images[:20])
    write_idx("train-labels-idx1-ubyte", digits[:20])
    write_idx("t10k-images-idx3-ubyte", images[20:])
    folder = write_idx("t10k-labels-idx1-ubyte", digits[20:]).parent
    assert load_dataset(str(tmp_path / "mnist.npz")).fingerprint == load_dataset(str(folder)).fingerprint


def test_npz_of_numbers_is_a_table(tmp_path: Path, images: Pixels, digits: Pixels) -> None:
    x = images.reshape(30, 12) / 255
    x[3, 4] = np.nan
    np.savez(tmp_path / "t.npz", x=x, y=digits.astype(str))
    data = load_dataset(str(tmp_path / "t.npz"))
    assert isinstance(data.x, pd.DataFrame)
    np.testing.assert_array_equal(data.x, x)
