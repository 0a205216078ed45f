"""The exported preprocessing: the same bits, scikit-learn's classes only, safe to load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.data import DataError, Dataset, load_dataset, prepare
from study.data.dataset import make_dataset
from study.data.first_reader import like_training
from study.data.labels import encode_labels
from study.model.plain import plain
from study.model.preprocessing_file import read_preprocessing, write_preprocessing

ROWS = 120


def table(*columns: str) -> Dataset:
    generator = np.random.default_rng(0)
    number = generator.normal(size=ROWS) * 1e3
    everything = {
        "number": number,
        "gaps": np.where(generator.random(ROWS) < 0.2, np.nan, number**2),
        "constant": np.full(ROWS, 0.1),
        "text": generator.choice(np.array(["a", "b", "c", np.nan], dtype=object), ROWS),
        "seldom": np.array(["often"] * 110 + [f"rare {index}" for index in range(10)], dtype=object),
    }
    x = pd.DataFrame({name: everything[name] for name in columns})
    return make_dataset(name="t", origin="t", x=x, targets=encode_labels(np.arange(ROWS) % 2, what="y"))


DATA = {
    "mixed": table("text", "number", "gaps", "seldom", "constant"),
    "numbers": table("number", "constant", "gaps"),
    "texts": table("text", "seldom"),
    "pixels": load_dataset("digits"),
    "iris": load_dataset("iris"),
}


@pytest.mark.parametrize("name", DATA)
def test_it_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    dataset = DATA[name]
    prepared = prepare(dataset, seed=3)
    write_preprocessing(plain(prepared.preprocessing), tmp_path / "preprocessing.skops")
    loaded = read_preprocessing(tmp_path / "preprocessing.skops")
    x = dataset.x
    if isinstance(x, pd.DataFrame):
        # What training did not have: an outlier, a constant that moves, a new category, a new gap.
        x = x.copy()
        for column, value in (("number", 1e9), ("constant", 7.0), ("text", "new"), ("seldom", "new")):
            if column in x:
                x.loc[[0, 5], column] = value
        for column in x.columns:
            x.loc[3, column] = np.nan
        table = x
    else:
        table = pd.DataFrame(x.astype(np.float32), columns=list(prepared.preprocessing.features))
    ours = loaded.transform(table).astype(np.float32)
    np.testing.assert_array_equal(ours, prepared.preprocessing(x).numpy())
    assert np.isfinite(ours).all()


def test_columns_come_as_in_training() -> None:
    table = pd.DataFrame({"zip": [1234.0, np.nan], "open": [True, False], "age": [" 7", "?"], "more": [1, 2]})
    made = like_training(table, {"age": "float64", "zip": "object", "open": "object"}, what="f.csv")
    assert list(made.columns) == ["age", "zip", "open"]
    assert made["age"].tolist()[0] == 7.0
    assert np.isnan(made["age"][1])
    assert made["zip"].tolist()[0] == "1234"
    assert pd.isna(made["zip"][1])
    assert made["open"].tolist() == ["True", "False"]


@pytest.mark.parametrize(
    ("values", "text"),
    [(["7", "old"], r"'age' of f.csv holds 'old' or the like in 1 row \(2\); numbers"), ([1.0, np.inf], "inf")],
)
def test_what_is_no_number_is_refused(values: list[object], text: str) -> None:
    with pytest.raises(DataError, match=text):
        like_training(pd.DataFrame({"age": values}), {"age": "float64"}, what="f.csv")
