"""Inputs of networks, against closed formulas and against tables whose other parts were changed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from study.data import Dataset, Prepared, load_dataset, make_split, prepare
from study.data.dataset import make_dataset
from study.data.first_reader import clean_features
from study.data.targets import Targets


def _dataset(x: Any, *, rows: int = 40) -> Dataset:
    features = clean_features(pd.DataFrame(x), what="t") if isinstance(x, dict) else x
    targets = Targets(np.arange(rows) % 2, ("no", "yes"))
    return make_dataset(name="t", origin="t", x=features, targets=targets)


def _column(prepared: Prepared, name: str) -> list[torch.Tensor]:
    """One feature in training, validation and test part."""
    index = prepared.split.features.index(name)
    split = prepared.split
    return [part.x[:, index] for part in (split.training, split.validation, split.test)]


def _check_form(prepared: Prepared) -> None:
    for part in (prepared.split.training, prepared.split.validation, prepared.split.test):
        assert part.x.dtype == torch.float32
        assert part.y.dtype == torch.int64
        assert part.x.is_contiguous()
        assert part.x.shape == (len(part), len(prepared.split.features))
        assert torch.isfinite(part.x).all()


@pytest.fixture
def source(tmp_path: Path, table: pd.DataFrame) -> Path:
    table.to_parquet(tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def test_numbers_by_the_formula(table: pd.DataFrame, source: Path) -> None:
    prepared = prepare(load_dataset(str(source), target="kind"), seed=0)
    _check_form(prepared)
    raw = table["size"].to_numpy()
    training = raw[prepared.rows.training]
    filled = np.where(np.isnan(raw), np.nanmedian(training), raw)
    expected = (filled - filled[prepared.rows.training].mean()) / filled[prepared.rows.training].std()
    for part, rows in zip(
        _column(prepared, "size"),
        (prepared.rows.training, prepared.rows.validation, prepared.rows.test),
        strict=True,
    ):
        np.testing.assert_allclose(part, expected[rows], rtol=1e-5, atol=1e-6)


def test_missing_has_an_indicator_where_training_has_missing_values() -> None:
    prepared = prepare(_dataset({"a": [np.nan, 1, 2, 3, 4] * 8, "b": np.arange(40.0)}), seed=0)
    assert prepared.split.features == ("a", "b", "missingindicator_a")
    missing = np.array([True, False, False, False, False] * 8)
    for part, rows in zip(
        _column(prepared, "missingindicator_a"),
        (prepared.rows.training, prepared.rows.validation, prepared.rows.test),
        strict=True,
    ):
        assert ((part > 0).numpy() == missing[rows]).all()


def test_categories_are_one_hot_and_missing_is_one(table: pd.DataFrame, source: Path) -> None:
    prepared = prepare(load_dataset(str(source), target="kind"), seed=0)
    names = [name for name in prepared.split.features if name.startswith("colour_")]
    assert {"colour_blue", "colour_green", "colour_red"} <= set(names)
    columns = torch.stack([_column(prepared, name)[0] for name in names], dim=1)
    assert (columns.sum(dim=1) == 1).all()
    assert set(columns.flatten().tolist()) == {0.0, 1.0}
    red = (table["colour"] == "red").to_numpy()[prepared.rows.training]
    assert (_column(prepared, "colour_red")[0].numpy() == red).all()
    assert {"new_True", "new_False"} <= set(prepared.split.features)


def test_missing_is_a_category_of_its_own() -> None:
    prepared = prepare(_dataset({"c": np.array(["u", "v", np.nan, "u", "v"] * 8, dtype=object)}), seed=0)
    assert prepared.split.features == ("c_(missing)", "c_u", "c_v")


def test_many_categories_share_one_feature() -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"w{index}" for index in np.minimum(rng.zipf(1.3, size=4000), 500)], dtype=object)
    prepared = prepare(_dataset({"c": words}, rows=4000), seed=0)
    _check_form(prepared)
    assert len(prepared.split.features) <= 65
    assert "c_infrequent_sklearn" in prepared.split.features


def test_categories_unseen_in_training_are_no_error() -> None:
    words = np.array(["u", "v"] * 20, dtype=object)
    rows = prepare(_dataset({"c": words}), seed=0).rows
    words[rows.validation[0]] = "new"
    words[rows.test[0]] = np.nan
    prepared = prepare(_dataset({"c": words}), seed=0)
    assert prepared.split.features == ("c_u", "c_v")
    assert prepared.split.validation.x[0].tolist() == [0, 0]
    assert prepared.split.test.x[0].tolist() == [0, 0]


@pytest.mark.parametrize("outside", [1e6, 1e38, np.nan])
@pytest.mark.parametrize("inside", [0.1, np.nan])
def test_columns_constant_in_training_are_zero_everywhere(inside: float, outside: float) -> None:
    column, other = np.full(40, inside), np.arange(40.0)
    rows = prepare(_dataset({"b": other}), seed=0).rows
    column[rows.validation] = outside
    column[rows.test[0]] = 5.0
    prepared = prepare(_dataset({"a": column, "b": other}), seed=0)
    _check_form(prepared)
    assert all((part == 0).all() for part in _column(prepared, "a"))


def test_outliers_are_bounded() -> None:
    column = np.arange(40.0) * 1e-30
    rows = prepare(_dataset({"a": column}), seed=0).rows
    column[rows.test] = 1e38
    prepared = prepare(_dataset({"a": column}), seed=0)
    _check_form(prepared)
    assert (prepared.split.test.x == 100).all()


@pytest.mark.parametrize("columns", [{"a": [1.0] * 40}, {"c": ["same"] * 40}])
def test_constant_columns_alone_are_harmless(columns: dict[str, Any]) -> None:
    _check_form(prepare(_dataset(columns), seed=0))


def test_names_that_look_alike_are_no_error() -> None:
    _check_form(prepare(_dataset({"c_u": np.arange(40.0), "c": ["u", "v"] * 20, "a__b": np.arange(40.0)}), seed=0))


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_pixels_by_the_formula(scale: float) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(40, 6), dtype=np.uint8)
    pixels[:, 0] = 0
    x = pixels if scale == 1.0 else pixels * scale
    prepared = prepare(_dataset(x), seed=0)
    _check_form(prepared)
    training = pixels[prepared.rows.training].astype(np.float64)
    expected = (pixels - training.mean()) / training.std()
    np.testing.assert_allclose(prepared.split.training.x, expected[prepared.rows.training], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(prepared.split.test.x, expected[prepared.rows.test], rtol=1e-5, atol=1e-6)


def test_blank_images_are_harmless() -> None:
    prepared = prepare(_dataset(np.full((40, 3), 7, dtype=np.uint8)), seed=0)
    assert (prepared.split.training.x == 0).all()


@pytest.mark.parametrize("pixels", [False, True])
def test_other_parts_leak_nothing_into_training(pixels: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 200, size=(40, 3))
    words = rng.choice(["u", "v", "w"], size=40).astype(object)

    def built() -> Dataset:
        if pixels:
            return _dataset(values.astype(np.uint8))
        return _dataset({"a": values[:, 0], "b": np.where(values[:, 1] < 50, np.nan, values[:, 1]), "c": words})

    before = prepare(built(), seed=0)
    for rows in (before.rows.validation, before.rows.test):
        values[rows] = 255 - values[rows]
        words[rows] = "other"
    after = prepare(built(), seed=0)
    assert torch.equal(before.split.training.x, after.split.training.x)
    assert before.split.features == after.split.features
    assert not torch.equal(before.split.test.x, after.split.test.x)


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_same_seed_same_tensors(name: str) -> None:
    first, again, other = (make_split(load_dataset(name), seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first.training.x, again.training.x)
    assert torch.equal(first.test.y, again.test.y)
    assert not torch.equal(first.training.x, other.training.x)


@pytest.mark.parametrize("name", ["digits", "table"])
def test_preprocessing_survives_pickling(name: str, source: Path) -> None:
    data = load_dataset(str(source), target="kind") if name == "table" else load_dataset(name)
    prepared = prepare(data, seed=0)
    restored = pickle.loads(pickle.dumps(prepared.preprocessing))
    x = data.x.iloc[prepared.rows.test] if isinstance(data.x, pd.DataFrame) else data.x[prepared.rows.test]
    assert torch.equal(restored(x), prepared.split.test.x)
