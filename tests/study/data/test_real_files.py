"""Real data sets, where they lie beside the repository."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from study.data import load_dataset, make_split, prepare


def test_adult(shared: Path) -> None:
    data = load_dataset(str(shared / "uci" / "adult.csv"), target="income")
    assert data.classes == ("<=50K", ">50K")
    assert isinstance(data.x, pd.DataFrame)
    assert np.bincount(data.y).tolist() == [24720, 7841]
    assert {name: int(count) for name, count in data.x.isna().sum().items() if count} == {
        "workclass": 1836,
        "occupation": 1843,
        "native_country": 583,
    }
    split = make_split(data, seed=0)
    assert (len(split.training), len(split.validation), len(split.test)) == (19536, 6512, 6513)
    assert "workclass_(missing)" in split.features
    assert len(split.features) < 120
    assert torch.isfinite(split.training.x).all()


def test_letter(shared: Path) -> None:
    data = load_dataset(str(shared / "uci" / "letter.csv"), target="class")
    assert data.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    split = make_split(data, seed=0)
    assert split.training.x.shape == (12000, 16)
    torch.testing.assert_close(split.training.x.mean(dim=0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(split.training.x.std(dim=0, correction=0), torch.ones(16), atol=1e-5, rtol=0)


def test_mnist(shared: Path) -> None:
    data = load_dataset(str(shared / "mnist"))
    prepared = prepare(data, seed=0)
    split, test_rows = prepared.split, prepared.rows.test - 60000
    assert (len(split.training), len(split.validation), len(split.test)) == (48000, 12000, 10000)
    assert split.classes == tuple("0123456789")
    assert abs(float(split.training.x.double().mean())) < 1e-4
    assert split.training.x.abs().max() < 5
    with gzip.open(shared / "mnist" / "t10k-labels-idx1-ubyte.gz") as stream:
        labels = np.frombuffer(stream.read()[8:], dtype=np.uint8)
    assert split.test.y.tolist() == labels[test_rows].tolist()
    with gzip.open(shared / "mnist" / "t10k-images-idx3-ubyte.gz") as stream:
        last = np.frombuffer(stream.read()[-784:], dtype=np.uint8)
    bright = split.test.x[int(test_rows.argmax())] > 0
    assert bright[torch.from_numpy(last > 60)].all()
    assert not bright[torch.from_numpy(last == 0)].any()
