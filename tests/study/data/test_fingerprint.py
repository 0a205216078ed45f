from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from study.data import load_dataset, make_split
from study.data.fingerprint import fingerprint


def _of(**changes: Any) -> str:
    content: dict[str, Any] = {
        "x": pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": np.array(["u", np.nan, "v"], dtype=object)}),
        "y": np.array([0, 1, 0]),
        "classes": ("no", "yes"),
        "test_rows": None,
        "target": "t",
    }
    return fingerprint(**(content | changes))


def _table(**columns: Any) -> pd.DataFrame:
    content = {"a": [1.0, np.nan, 3.0], "b": np.array(["u", np.nan, "v"], dtype=object)}
    return pd.DataFrame(content | columns)


@pytest.mark.parametrize(
    "changes",
    [
        {"x": _table(a=[1.0, 2.0, 3.0])},
        {"x": _table(b=np.array(["u", "(missing)", "v"], dtype=object))},
        {"x": _table(c=[0.0, 0.0, 0.0])},
        {"x": _table().rename(columns={"a": "A"})},
        {"x": _table()[["b", "a"]]},
        {"x": _table().iloc[[1, 0, 2]]},
        {"x": np.zeros((3, 2))},
        {"y": np.array([0, 1, 1])},
        {"classes": ("yes", "no")},
        {"test_rows": np.array([2])},
        {"test_rows": np.array([1])},
        {"target": "s"},
        {"target": None},
    ],
)
def test_every_part_of_the_content_counts(changes: dict[str, Any]) -> None:
    assert _of(**changes) != _of()


def test_storage_does_not_count() -> None:
    assert _of() == _of(x=_table(a=pd.array([1, None, 3], dtype="Int64")))
    assert _of(x=_table(a=[0.0, 1.0, 2.0])) == _of(x=_table(a=[-0.0, 1.0, 2.0]))
    whole = np.arange(6).reshape(3, 2)
    assert _of(x=whole.astype(np.uint8)) == _of(x=whole.astype(np.float64)) == _of(x=whole)
    assert _of(x=whole) != _of(x=whole / 2) != _of(x=-whole)
    assert _of(x=whole) != _of(x=whole.reshape(2, 3))


def test_blocks_cover_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.data.fingerprint._BLOCK_BYTES", 56 * 9)
    pixels = np.random.default_rng(0).normal(size=(20, 7))
    changed = np.broadcast_to(pixels, (20, 20, 7)) + np.eye(20)[:, :, None]
    assert len({_of(x=pixels), *(_of(x=each) for each in changed)}) == 21


def test_copies_elsewhere_are_the_same_data(tmp_path: Path, table: pd.DataFrame) -> None:
    (tmp_path / "elsewhere").mkdir()
    first, second, zipped = tmp_path / "a.csv", tmp_path / "elsewhere" / "b.csv", tmp_path / "c.csv.gz"
    table.to_csv(first, index=False)
    second.write_bytes(first.read_bytes())
    zipped.write_bytes(gzip.compress(first.read_bytes()))
    assert len({load_dataset(str(path), target="kind").fingerprint for path in (first, second, zipped)}) == 1
    assert load_dataset(str(first), target="new").fingerprint != load_dataset(str(first), target="kind").fingerprint


def test_every_process_takes_the_same(tmp_path: Path, table: pd.DataFrame) -> None:
    path = tmp_path / "t.csv"
    table.to_csv(path, index=False)
    code = (
        "import sys; from study.data import load_dataset, make_split\n"
        "data = load_dataset(sys.argv[1], target='kind')\n"
        "print(data.fingerprint, make_split(data, seed=5).training.x.numpy().tobytes().hex())\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    here = load_dataset(str(path), target="kind")
    assert there == [here.fingerprint, make_split(here, seed=5).training.x.numpy().tobytes().hex()]
