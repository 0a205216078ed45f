"""Data sets that share samples are recognized by their rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.data import load_dataset
from study.data.row_sketch import ROWS, row_hashes, row_sketch, shares_samples

GENERATOR = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "size": GENERATOR.normal(size=600).round(4),
        "colour": GENERATOR.choice(["red", "blue", "green"], 600),
        "kind": GENERATOR.choice(["a", "b"], 600),
    }
)
TABLE.loc[::50, "size"] = np.nan
TABLE.loc[7::60, "colour"] = None


def hashes_of(table: pd.DataFrame, folder: Path) -> set[int]:
    path = folder / "table.csv"
    table.to_csv(path, index=False)
    return set(row_hashes(load_dataset(str(path), target=table.columns[-1])).tolist())


@pytest.fixture
def sketch(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "whole.csv"
    TABLE.to_csv(path, index=False)
    return row_sketch(load_dataset(str(path), target="kind"))


def test_rows_in_another_order_under_other_names_are_the_same_rows(sketch: tuple[str, ...], tmp_path: Path) -> None:
    shuffled = TABLE.sample(frac=1.0, random_state=1).set_axis(["x", "y", "z"], axis=1)
    rows = hashes_of(shuffled, tmp_path)
    assert len(sketch) == ROWS
    assert {int(each, 16) for each in sketch} <= rows
    assert shares_samples(rows, sketch)


def test_a_part_of_the_rows_is_recognized(sketch: tuple[str, ...], tmp_path: Path) -> None:
    assert shares_samples(hashes_of(TABLE.sample(60, random_state=2), tmp_path), sketch)


def test_other_values_and_other_targets_are_other_rows(sketch: tuple[str, ...], tmp_path: Path) -> None:
    others = [
        TABLE.assign(size=TABLE["size"] + 0.5),
        TABLE.assign(kind=TABLE["kind"].map({"a": "b", "b": "a"})),
        TABLE[["colour", "size", "kind"]],
    ]
    for other in others:
        known = {int(each, 16) for each in sketch}
        assert not shares_samples(hashes_of(other.dropna(), tmp_path), sketch)
        assert len(hashes_of(other.dropna(), tmp_path) & known) == 0


def test_pixels_are_the_same_rows_as_columns_of_numbers(tmp_path: Path) -> None:
    digits = load_dataset("digits")
    table = pd.DataFrame(np.asarray(digits.x)).assign(label=np.array(digits.classes)[digits.y])
    assert hashes_of(table, tmp_path) == set(row_hashes(digits).tolist())
