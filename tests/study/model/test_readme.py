"""A model's README reads every kind of column as `predict` does, where `reluctant` is not installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from model_origins import ORIGIN
from torch import nn

from study.data import FIRST_READER, Dataset, TableOptions, load_dataset, prepare
from study.model.folder import Model, ModelConfig, save_model
from study.model.how_to_read import how_to_read
from study.model.layers import layers_of
from study.model.plain import plain
from study.model.predict import predict

WITHOUT_US = "import sys; sys.modules.update(dict.fromkeys(('reluctant', 'study', 'search_spaces', 'storage')))\n"
ROWS = 400


def training_table(seed: int = 0) -> pd.DataFrame:
    """`[400, 25]` cells as text: every kind of column that the reader knows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    days = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), unit="D"))
    moments = days + pd.to_timedelta(rng.integers(0, 86400, ROWS), unit="s")
    commas = [f"{1e4 * value:,.2f}" for value in x]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in commas]
    table = pd.DataFrame(
        {
            "number": [f"{value:.3f}" for value in x],
            "exponents": [f"{value:+.3e}" for value in x],
            "gaps": np.where(rng.random(ROWS) < 0.2, "NA", [f"{value:.2f}" for value in rng.normal(size=ROWS)]),
            "decimal commas": [f"{value:.2f}".replace(".", ",") for value in x],
            "commas": commas,
            "points": swapped,
            "blanks": [text.replace(",", " ") for text in commas],
            "apostrophes": [text.replace(",", "'") for text in commas],
            "price": [f"${abs(1e3 * value):,.2f}" for value in x],
            "euros": [f"{value:.2f} €".replace(".", ",") for value in x],
            "share": [f"{value:.1f} %" for value in x],
            "day": days.dt.strftime("%Y-%m-%d"),
            "moment": moments.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "slashes": days.dt.strftime("%m/%d/%Y"),
            "written": moments.dt.strftime("%d.%m.%Y %H:%M"),
            "am and pm": moments.dt.strftime("%m/%d/%Y %I:%M %p"),
            "words": days.dt.strftime("%b %d, %Y"),
            "month": days.dt.strftime("%d-%b-%Y"),
            "flag": np.where(x > 0.3, "TRUE", "FALSE"),
            "low flag": np.where(x > 0.3, "true", "false"),
            "answer": np.where(x > 0, "yes", "No"),
            "code": rng.choice(["01", "02", "A1", ""], ROWS),
            "padded": rng.choice(["001", "01", "1"], ROWS),
            "city": [f"city {number}" for number in rng.integers(0, 150, ROWS)],
            "y": np.where(x > 0, "yes", "no"),
        }
    )
    table.loc[[3, 50], "number"] = ["-", "1.5x"]
    table.loc[rng.integers(0, ROWS, 20), "day"] = "?"
    return table


def new_tables(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Tables to predict: what a new file may hold that differs from the training data."""
    rows = table.drop(columns="y")
    rng = np.random.default_rng(1)
    padded = rows.head(60).map(lambda text: f"{text}  ")
    empty = rows.head(9).copy()
    empty[[*rows.columns[::2]]] = ""
    strange = rows.head(60).copy()
    strange.loc[7] = "so?"
    new = rows.head(60).assign(city="elsewhere", answer="perhaps", flag="maybe")
    numbers = rows.head(60).assign(code="01", flag="TRUE", padded="1")
    days = rows.assign(**dict.fromkeys(("moment", "slashes", "written", "words", "month"), rows["day"])).head(60)
    more = rows[[*rng.permutation(rows.columns)]].assign(unasked="x").rename(columns=lambda name: f" {name} ")
    return [rows, rows.head(1), padded, empty, strange, new, numbers, days, more.head(60)]


def save(dataset: Dataset, folder: Path) -> Model:
    """A model with random weights, which tell every input apart."""
    prepared = prepare(dataset, seed=0)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(len(prepared.split.features), 8), nn.Tanh(), nn.Linear(8, 2)).eval()
    assert isinstance(dataset.x, pd.DataFrame)
    config = ModelConfig(
        **how_to_read(dataset),
        kind="table",
        columns={str(name): str(column.dtype) for name, column in dataset.x.items()},
        target="y",
        classes=dataset.classes,
        layers=tuple(layers_of(network)),
        origin=ORIGIN,
    )
    model = Model(config, network, plain(prepared.preprocessing))
    save_model(model, str(folder))
    return model


def readme_predictions(folder: Path, tables: list[pd.DataFrame], separator: str) -> list[list[list[float]]]:
    """What the README's lines give for each table, in one process without `reluctant`."""
    (snippet,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL)
    assert snippet.count('"data.csv"') == 1
    for number, table in enumerate(tables):
        encoding = "utf-8-sig" if number % 2 else "utf-8"  # with a byte order mark and without
        table.to_csv(folder / f"{number}.csv", index=False, sep=separator, encoding=encoding)
    each = snippet.replace('"data.csv"', 'f"{number}.csv"')
    body = "".join(f"    {line}\n" for line in f"{each}found.append(probabilities.tolist())".splitlines())
    code = f"{WITHOUT_US}import json\nfound = []\nfor number in range({len(tables)}):\n{body}print(json.dumps(found))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[list[float]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("reader", "separator"), [(2, ","), (2, ";"), (FIRST_READER, ","), (FIRST_READER, "\t")])
@pytest.mark.filterwarnings("ignore:column .number. of", "ignore:.*another text in every row")
def test_the_readme_reads_every_kind_of_column_as_predict_does(tmp_path: Path, reader: int, separator: str) -> None:
    table = training_table()
    if reader == FIRST_READER:
        table["flag"] += " "  # pandas took `TRUE ` for a text, and `TRUE` for a truth value
    table.to_csv(tmp_path / "t.csv", index=False, sep=separator)
    dataset = load_dataset(str(tmp_path / "t.csv"), target="y", options=TableOptions(reader=reader))
    model = save(dataset, tmp_path / "model")
    assert f"separated by `{separator!r}` and in utf-8" in (tmp_path / "model" / "README.md").read_text()
    tables = new_tables(table)
    said = readme_predictions(tmp_path / "model", tables, separator)
    for number, probabilities in enumerate(said):
        ours = predict(model, str(tmp_path / "model" / f"{number}.csv"))
        np.testing.assert_allclose(ours.table.iloc[:, 1:], probabilities, atol=1e-6, err_msg=f"table {number}")
    # The whole training file, read as text, gives the inputs that the network was trained on.
    x = dataset.x
    with torch.inference_mode():
        trained_on = model.network(prepare(dataset, seed=0).preprocessing(x)).softmax(1)
    np.testing.assert_allclose(said[0], trained_on, atol=1e-6)
    # Blanks around a value change nothing, and the order of columns does not either.
    np.testing.assert_allclose(said[2], said[0][:60], atol=1e-6)
    np.testing.assert_allclose(said[-1], said[0][:60], atol=1e-6)


@pytest.mark.parametrize("labels", [("01", "2"), ("TRUE", "FALSE"), ("1.0", "2.50"), ("a", "b")])
def test_labels_are_scored_as_pandas_read_them_in_training(tmp_path: Path, labels: tuple[str, str]) -> None:
    """A study of the first reader has the classes 1 and True where its file has `01` and `TRUE`."""
    x = np.random.default_rng(0).normal(size=60)
    pd.DataFrame({"x": x, "y": np.where(x > 0, *labels)}).to_csv(tmp_path / "t.csv", index=False)
    dataset = load_dataset(str(tmp_path / "t.csv"), target="y", options=TableOptions(reader=FIRST_READER))
    found = predict(save(dataset, tmp_path / "model"), str(tmp_path / "t.csv"))
    known = np.array(dataset.classes)[dataset.y]
    assert found.accuracy == (found.table["label"] == known).mean()
