"""OpenML through scikit-learn's own cache and its own test answers; the network is never asked."""

from __future__ import annotations

import http.client
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
    "data-v1-dl-61.arff.gz": "data/v1/download/61/iris.arff.gz",
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

    def no_network(*_: object, **__: object) -> None:
        pytest.fail("the network was asked")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", no_network)
    data = load_dataset("openml:61")
    assert data.name == "openml-61"
    assert data.target == "class"
    assert data.classes == ("Iris-setosa", "Iris-versicolor", "Iris-virginica")
    assert isinstance(data.x, pd.DataFrame)
    assert list(data.x.columns) == ["sepallength", "sepalwidth", "petallength", "petalwidth"]


def test_default_target_and_the_warnings_of_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(monkeypatch, _credit())
    with pytest.warns(ReluctantWarning, match="openml:31: Version 1 of dataset credit is inactive"):
        data = load_dataset("openml:31")
    assert (data.name, data.origin, data.target, data.classes) == ("openml-31", "openml:31", "class", ("bad", "good"))
    assert make_split(data, seed=0).features == ("amount", "housing_own", "housing_rent")


@pytest.mark.filterwarnings("ignore::reluctant.errors.ReluctantWarning")
def test_a_warning_that_is_not_about_the_data_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(**options: Any) -> Any:
        warnings.warn("parser will change", FutureWarning, stacklevel=1)
        return _credit()

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    with pytest.warns(FutureWarning, match="parser will change"):
        load_dataset("openml:31")


@pytest.mark.filterwarnings("ignore::reluctant.errors.ReluctantWarning")
def test_another_target_makes_the_default_one_a_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(monkeypatch, _credit())
    data = load_dataset("openml:31", target="housing")
    assert data.classes == ("own", "rent")
    assert isinstance(data.x, pd.DataFrame)
    assert list(data.x.columns) == ["amount", "class"]


@pytest.mark.filterwarnings("ignore::reluctant.errors.ReluctantWarning")
@pytest.mark.parametrize(
    ("answer", "target", "text"),
    [
        (urllib.error.URLError("Name or service not known"), None, "could not be fetched from openml.org .*try again"),
        (http.client.IncompleteRead(b""), None, "could not be fetched from openml.org"),
        (TimeoutError("timed out"), None, "could not be fetched from openml.org"),
        (ValueError("Dataset with data_id 31 not found."), None, "could not be read .*is 31 the number of a data set"),
        (_credit(frame=None), None, "stored as a sparse matrix; a dense table is needed"),
        (_credit(target_names=["class", "housing"]), None, r"several targets \(class, housing\).*--target"),
        (_credit(target_names=[]), None, r"is not said; name it with --target, .* \(columns: amount, housing, class\)"),
        (_credit(), "clas", r"unknown target 'clas' in openml:31; did you mean 'class'\?"),
    ],
)
def test_refusals(monkeypatch: pytest.MonkeyPatch, answer: Any, target: str | None, text: str) -> None:
    _fake(monkeypatch, answer)
    with pytest.raises(DataError, match=text):
        load_dataset("openml:31", target=target)


@pytest.mark.parametrize("source", ["openml:", "openml:credit-g", "openml:-3", "openml:0"])
def test_not_a_number(source: str) -> None:
    with pytest.raises(DataError, match=f"'{source}' names no data set of OpenML; needed is openml:ID"):
        load_dataset(source)
