"""OpenML through scikit-learn's own cache and its own test answers; the network is never asked."""

from __future__ import annotations

import shutil
import urllib.error
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sklearn.datasets
from sklearn.utils import Bunch

from reluctant.errors import ReluctantWarning
from study.data import DataError, load_dataset, make_split

_ANSWERS = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml" / "id_61"
_CACHE = {
    "api-v1-jd-61.json.gz": "api/v1/json/data/61.gz",
    "api-v1-jdf-61.json.gz": "api/v1/json/data/features/61.gz",
    "api-v1-jdq-61.json.gz": "api/v1/json/data/qualities/61.gz",
    "data-v1-dl-61.arff.gz": "data/v1/download/61.gz",
}


def _fake(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def fetch(**options: Any) -> Any:
        assert options["data_id"] == 31
        if isinstance(answer, Exception):
            raise answer
        warnings.warn("Version 1 of dataset credit is inactive", UserWarning, stacklevel=2)
        return answer

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)


def _credit(**changes: Any) -> Bunch:
    frame = pd.DataFrame(
        {
            "amount": range(20),
            "housing": pd.Categorical(["own", "rent"] * 10),
            "class": pd.Categorical(["good", "bad", "good", "good"] * 5),
        }
    )
    return Bunch(**{"frame": frame, "target_names": ["class"], **changes})


def test_iris_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not _ANSWERS.is_dir():
        pytest.skip(f"this scikit-learn comes without its test answers ({_ANSWERS})")
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    for answer, place in _CACHE.items():
        path = tmp_path / "openml" / "openml.org" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_ANSWERS / answer, path)
    # The stored answer is about "iris" cut to fewer rows than the check sum in it promises.
    monkeypatch.setattr("sklearn.datasets._openml._open_openml_url", _from_cache(tmp_path))
    data = load_dataset("openml:61")
    assert data.name == "openml-61"
    assert data.target == "class"
    assert data.classes == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert list(data.x.columns) == ["sepallength", "sepalwidth", "petallength", "petalwidth"]
