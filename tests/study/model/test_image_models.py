"""Models of networks that read images, and of residual networks: written, read back, and used without `reluctant`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from model_origins import ORIGIN
from PIL import Image
from torch import nn

from search_spaces import ARCHITECTURES, Hyperparameters
from search_spaces.network_names import HEADS, NORMALIZATIONS
from study.data import load_dataset, prepare
from study.model import Model, ModelConfig, ModelError, load_model, predict, save_model
from study.model.layers import layers_of
from study.model.plain import plain
from study.training.plain_network import outputs_of, plain_network, with_thresholds

WITHOUT_US = "import sys; sys.modules.update(dict.fromkeys(('reluctant', 'study', 'search_spaces', 'storage')))\n"


def randomized(network: nn.Module) -> nn.Module:
    """Every parameter and running statistic at random, so that each of them tells."""
    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 1.0)
    return network


def trial(**changes: Any) -> Hyperparameters:
    usual = {"activation": "prelu", "negative_slope": 0.3, "dropout": 0.2, "hidden": (6, 6), "normalization": "batch"}
    return Hyperparameters(**(usual | changes))


def built_again(network: nn.Module) -> nn.Sequential:
    from study.model.layers import network_of

    assert isinstance(network, nn.Sequential)
    numbered = nn.Sequential(*network)
    again = network_of(json.loads(json.dumps(layers_of(numbered))))
    again.load_state_dict(numbered.state_dict(), assign=True)
    return again


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("head", HEADS)
def test_convolutions_are_built_again_from_names_and_arguments(normalization: str, head: str) -> None:
    of_blocks = trial(normalization=normalization, head=head, channels=(3, 4, 5))
    network = randomized(plain_network(ARCHITECTURES["cnn"], of_blocks, (2, 9, 8), 3))
    x = torch.randn(300, 2, 9, 8)
    with torch.no_grad():
        torch.testing.assert_close(outputs_of(built_again(network), x), network(x))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_residual_connections_are_built_again_with_their_thresholds(normalization: str) -> None:
    residual = trial(normalization=normalization, residual=True, hidden=(6, 6, 6))
    network = randomized(plain_network(ARCHITECTURES["mlp"], residual, (7,), 3))
    assert isinstance(network, nn.Sequential)
    x = torch.randn(50, 7)
    clamped = with_thresholds(network, [0.5, 1.0, 1.5])
    again = built_again(clamped)
    assert sum(isinstance(module, nn.Hardshrink) for module in again.modules()) == 3
    with torch.no_grad():
        torch.testing.assert_close(again(x), clamped(x))
        assert not torch.allclose(again(x), network(x))


def saved(folder: Path, source: str, network: nn.Module, *, as_images: bool) -> Model:
    """A model of a data set's images, with the preprocessing that a study fits."""
    dataset = load_dataset(source)
    preprocessing = prepare(dataset, seed=0, as_images=as_images).preprocessing
    assert isinstance(network, nn.Sequential)
    numbered = nn.Sequential(*network).eval()
    config = ModelConfig(
        kind="pixels",
        columns=dict.fromkeys(preprocessing.features, "float32"),
        target=None,
        classes=dataset.classes,
        layers=tuple(layers_of(numbered)),
        input_shape=preprocessing.input_shape if as_images else (),
        image=dataset.image,
        origin=ORIGIN,
    )
    save_model(Model(config, numbered, plain(preprocessing)), str(folder))
    return load_model(str(folder))


def from_readme(folder: Path) -> list[list[float]]:
    (snippet,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL)
    code = f"{WITHOUT_US}{snippet}print(json.dumps(probabilities.tolist()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[float]] = json.loads(done.stdout)
    return found


@pytest.fixture
def coloured(tmp_path: Path) -> tuple[str, np.ndarray]:
    """A file of 40 images `[N, 6, 5, 3]`, and its pixels."""
    x = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3)).astype(np.uint8)
    np.savez(tmp_path / "hwc.npz", x=x, y=np.arange(40) % 2)
    return str(tmp_path / "hwc.npz"), x


def test_images_are_predicted_however_their_axes_are_ordered(tmp_path: Path, coloured: tuple[str, np.ndarray]) -> None:
    source, x = coloured
    network = randomized(plain_network(ARCHITECTURES["cnn"], trial(channels=(3, 4)), (3, 6, 5), 2))
    model = saved(tmp_path / "model", source, network, as_images=True)
    training = x[prepare(load_dataset(source), seed=0).rows.training]
    scaled = ((x - training.mean()) / training.std()).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(scaled)).softmax(1).numpy()
    assert expected.std(0).min() > 1e-4, "images differ in what is predicted"
    first = x.transpose(0, 3, 1, 2)
    np.savez(tmp_path / "chw.npz", x=first, y=np.arange(40) % 2)
    names = [f"pixel{index}" for index in range(90)]
    pd.DataFrame(x.reshape(40, -1), columns=names).to_csv(tmp_path / "model" / "data.csv", index=False)
    sources = [source, str(tmp_path / "chw.npz"), str(tmp_path / "model" / "data.csv"), x, first, x.reshape(40, -1)]
    for each in sources:
        found = predict(model, each).table.iloc[:, 1:].to_numpy(dtype=float)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(from_readme(tmp_path / "model"), expected, atol=1e-5)


@pytest.mark.parametrize("as_images", [True, False])
@pytest.mark.parametrize("first", ["rows", "channels"])
def test_image_files_are_predicted_as_the_arrays_that_they_hold(
    tmp_path: Path, coloured: tuple[str, np.ndarray], first: str, *, as_images: bool
) -> None:
    x, source = coloured[1], str(tmp_path / "given.npz")
    np.savez(source, x=x if first == "rows" else x.transpose(0, 3, 1, 2), y=np.array(["cat", "dog"])[np.arange(40) % 2])
    of_trial = trial(channels=(3, 4))
    network = plain_network(
        ARCHITECTURES["cnn" if as_images else "mlp"], of_trial, (3, 6, 5) if as_images else (90,), 2
    )
    model = saved(tmp_path / "model", source, randomized(network), as_images=as_images)
    expected = predict(model, source)
    assert expected.table.iloc[:, 1:].std().min() > 1e-4
    for number, pixels in enumerate(x):
        folder = tmp_path / "photos" / ("dog" if number % 2 else "cat")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    found = predict(model, str(tmp_path / "photos"))
    table = found.table.sort_values("file", key=lambda files: files.map(lambda file: Path(file).name))
    np.testing.assert_allclose(table.iloc[:, 2:].to_numpy(float), expected.table.iloc[:, 1:].to_numpy(float), atol=1e-6)
    assert found.accuracy == expected.accuracy
    alone_file = tmp_path / "one.png"
    Image.fromarray(x[3].repeat(2, 0).repeat(2, 1)).save(alone_file)
    alone = predict(model, str(alone_file))
    assert alone.table["file"].tolist() == [str(alone_file)]
    assert alone.accuracy is None


def test_image_files_are_refused_by_a_model_of_tables(tmp_path: Path, coloured: tuple[str, np.ndarray]) -> None:
    network = plain_network(ARCHITECTURES["mlp"], trial(), (90,), 2)
    model = saved(tmp_path / "model", coloured[0], network, as_images=False)
    model = replace(model, config=model.config.model_copy(update={"image": None}))
    Image.fromarray(coloured[1][0]).save(tmp_path / "one.png")
    with pytest.raises(ModelError, match="holds image files; the model was trained on a table or rows of pixels"):
        predict(model, str(tmp_path / "one.png"))


def test_images_of_another_size_are_refused(tmp_path: Path, coloured: tuple[str, np.ndarray]) -> None:
    network = plain_network(ARCHITECTURES["cnn"], trial(channels=(3,)), (3, 6, 5), 2)
    model = saved(tmp_path / "model", coloured[0], network, as_images=True)
    seen = r"images of 3 × 5 × 6 \(channels, rows, columns\); the model was trained on 3 × 6 × 5; give it the same size"
    with pytest.raises(ModelError, match=seen):
        predict(model, coloured[1].transpose(0, 2, 1, 3))


def test_the_readme_reads_a_residual_network(tmp_path: Path, coloured: tuple[str, np.ndarray]) -> None:
    source, x = coloured
    network = randomized(plain_network(ARCHITECTURES["mlp"], trial(residual=True, hidden=(6, 6)), (90,), 2))
    model = saved(tmp_path / "model", source, network, as_images=False)
    pd.DataFrame(x.reshape(40, -1)).rename(columns=lambda index: f"pixel{index}").to_csv(
        tmp_path / "model" / "data.csv", index=False
    )
    expected = predict(model, source).table.iloc[:, 1:].to_numpy(dtype=float)
    assert expected.std(0).min() > 1e-4
    np.testing.assert_allclose(from_readme(tmp_path / "model"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "seen"),
    [
        ([["Residual", {"layers": [["Residual", {"layers": []}]]}]], "unknown layers Residual"),
        ([["Conv2d", {"in_channels": 1, "out_channels": 1, "kernel_size": 3, "device": "cuda"}]], "arguments that no"),
        ([["Sequential", {}]], "unknown layers Sequential"),
    ],
)
def test_layers_that_no_network_of_ours_has_are_refused(
    tmp_path: Path, coloured: tuple[str, np.ndarray], layers: list[Any], seen: str
) -> None:
    network = plain_network(ARCHITECTURES["cnn"], trial(channels=(3,)), (3, 6, 5), 2)
    saved(tmp_path / "model", coloured[0], network, as_images=True)
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"layers": layers}))
    with pytest.raises(ModelError, match=f"damaged .*{seen}"):
        load_model(str(tmp_path / "model"))
