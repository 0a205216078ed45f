"""Small data sets as files, and where the real ones are."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

_SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def shared() -> Path:
    if not _SHARED.is_dir():
        pytest.skip(f"no real data at {_SHARED}")
    return _SHARED


@pytest.fixture
def table() -> pd.DataFrame:
    """`[60, 5]` a table with all that tables have: numbers, texts, truth values, missing values, three classes."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=60)
    size[[3, 17, 40]] = np.nan
    colour = rng.choice(["red", "green", "blue"], size=60).astype(object)
    colour[[5, 6, 7]] = np.nan
    return pd.DataFrame(
        {
            "size": size,
            "count": rng.integers(0, 9, size=60),
            "colour": colour,
            "new": rng.random(60) < 0.5,
            "kind": np.resize(["b", "a", "c"], 60),
        }
    )


def idx_bytes(array: npt.NDArray[np.uint8]) -> bytes:
    """An array of bytes in the IDX format, written by hand."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def write_idx(tmp_path: Path) -> Callable[..., Path]:
    """Write an IDX file; its folder is `tmp_path / "images"`."""

    def write(name: str, array: npt.NDArray[np.uint8], *, cut: int = 0) -> Path:
        path = tmp_path / "images" / name
        path.parent.mkdir(exist_ok=True)
        content = idx_bytes(array)
        content = content[: len(content) - cut]
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.fixture
def images() -> npt.NDArray[np.uint8]:
    """`[30, 4, 3]` pixels."""
    return np.random.default_rng(1).integers(0, 256, size=(30, 4, 3), dtype=np.uint8)


@pytest.fixture
def digits() -> npt.NDArray[np.uint8]:
    """`[30]` labels of three classes."""
    return np.resize(np.array([7, 0, 3], dtype=np.uint8), 30)
