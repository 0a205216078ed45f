"""Only what `plain` gives is loaded: no other class, no other parameter, and nothing that is larger unpacked."""

from __future__ import annotations

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from study.data import load_dataset, prepare
from study.model.plain import plain
from study.model.preprocessing_file import UntrustedError, read_preprocessing, write_preprocessing

TABLE = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": ["x", "y", "x"]})


def transformer(**steps: tuple[Any, list[str]]) -> ColumnTransformer:
    fitted = ColumnTransformer([(name, *step) for name, step in steps.items()], sparse_threshold=0.0)
    return fitted.fit(TABLE)


def reading_files(folder: Path) -> Pipeline:
    """Reads the files that its input names: whoever predicts with it gives away what they hold."""
    (folder / "secret.txt").write_text("a secret")
    return CountVectorizer(input="filename").fit([str(folder / "secret.txt")])


def with_a_method_replaced(folder: Path) -> StandardScaler:
    scaler = StandardScaler().fit(TABLE[["a"]])
    scaler.transform = "text"
    return scaler


STRANGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "an estimator that reads files": (reading_files, "CountVectorizer"),
    "one inside": (
        lambda folder: make_pipeline(reading_files(folder), StandardScaler(with_mean=False)),
        "CountVectorizer",
    ),
    "a function": (lambda folder: FunctionTransformer(np.log), "FunctionTransformer|numpy.log"),
    "a plain dictionary": (lambda folder: {"transform": 1}, "a dict where a preprocessing is needed"),
    "a list": (lambda folder: [StandardScaler()], "a list where"),
    "text": (lambda folder: "text", "a str where"),
    "an imputer alone": (lambda folder: SimpleImputer(), "a SimpleImputer where"),
    "bytes": (lambda folder: b"bytes", "builtins.bytes"),
    "a generator": (lambda folder: np.random.default_rng(0), "numpy.random"),
    "a scaler without a mean": (
        lambda folder: StandardScaler(with_mean=False).fit(TABLE[["a"]]),
        "StandardScaler has with_mean=False",
    ),
    "an encoder that leaves a category out": (
        lambda folder: transformer(texts=(OneHotEncoder(sparse_output=False, dtype=np.float32, drop="first"), ["b"])),
        "OneHotEncoder has drop=.first.",
    ),
    "a scaler with three bounds": (
        lambda folder: make_pipeline(MinMaxScaler(feature_range=(0, 1, 2))),
        "a Pipeline where",
    ),
    "a scaler that copies nothing": (
        lambda folder: transformer(numbers=(MinMaxScaler(copy=False), ["a"])),
        "MinMaxScaler has copy=False",
    ),
    "an imputer that keeps what is missing": (
        lambda folder: transformer(numbers=(SimpleImputer(missing_values=4.0), ["a"])),
        "SimpleImputer has missing_values=4.0",
    ),
    "threads": (
        lambda folder: ColumnTransformer([("a", StandardScaler(), ["a"])], n_jobs=64, sparse_threshold=0.0).fit(TABLE),
        "ColumnTransformer has n_jobs=64",
    ),
    "data in the place of a method": (with_a_method_replaced, "a StandardScaler has 'transform' of its own"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_plain_never_gives_is_refused(name: str, tmp_path: Path) -> None:
    make, text = STRANGE[name]
    skops.io.dump(make(tmp_path), tmp_path / "p.skops")
    with pytest.raises(UntrustedError, match=text):
        read_preprocessing(tmp_path / "p.skops")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "preprocessing.skops"
    write_preprocessing(plain(prepare(load_dataset("wine"), seed=0).preprocessing), path)
    return path


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_compressed_file_is_refused_before_it_is_unpacked(written: Path) -> None:
    def add(members: dict[str, bytes]) -> None:
        members["bomb.npy"] = bytes(64 * 2**20)

    rewrite(written, add, zipfile.ZIP_DEFLATED)
    assert written.stat().st_size < 2**20
    tracemalloc.start()
    with pytest.raises(UntrustedError, match="it is compressed"):
        read_preprocessing(written)
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    tracemalloc.stop()


def test_an_array_that_promises_more_than_there_is_is_refused(written: Path) -> None:
    def promise(members: dict[str, bytes]) -> None:
        name = next(name for name in members if name.endswith(".npy"))
        shape = members[name][members[name].index(b"'shape': ") :].partition(b"}")[0]
        members[name] = members[name].replace(shape, b"'shape': (9999999999,), ".ljust(len(shape)))

    rewrite(written, promise)
    with pytest.raises(UntrustedError, match=r"with the shape \(9999999999,\), and other bytes than that needs"):
        read_preprocessing(written)


def test_members_that_overlap_are_refused(written: Path) -> None:
    content = bytearray(written.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 20 : at + 28] = (10**8).to_bytes(4, "little") * 2
    written.write_bytes(content)
    with pytest.raises(UntrustedError, match="larger unpacked"):
        read_preprocessing(written)


def test_a_loader_that_calls_what_is_named_is_refused(written: Path) -> None:
    def call(members: dict[str, bytes]) -> None:
        schema = json.loads(members["schema.json"])
        schema["content"]["content"]["verbose"] = {
            "__class__": "itemgetter",
            "__module__": "operator",
            "__loader__": "OperatorFuncNode",
            "attrs": {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": []},
        }
        members["schema.json"] = json.dumps(schema).encode()

    rewrite(written, call)
    with pytest.raises(UntrustedError, match=r"operator\.itemgetter"):
        read_preprocessing(written)


def test_what_was_written_is_read(written: Path) -> None:
    table = load_dataset("wine").x
    loaded = read_preprocessing(written)
    assert loaded.transform(table).shape == (len(table), 13)
