"""What of a user's files goes into a model's folder, and what is built from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import user_files
from problems import make_problem
from sklearn.preprocessing import StandardScaler

from search_spaces import Hyperparameters
from search_spaces.architectures import architecture_of
from search_spaces.user_networks import Source
from study.config import ConfigError
from study.model.folder import Model, ModelConfig, ModelError, load_model, save_model
from study.model.user_network import NetworkConfig, copy_files
from study.training import Budget, Streams, fit_networks

SPLIT = make_problem(rows=60, features=6, classes=3)


@pytest.mark.parametrize("activation", ["prelu", "elu"])
@pytest.mark.parametrize(
    "text", [user_files.SHARED, user_files.TIED, user_files.RESIDUAL], ids=["shared", "tied", "four"]
)
def test_a_folder_holds_all_of_a_network(text: str, activation: str, tmp_path: Path) -> None:
    """Slopes of each use, running statistics, weights that two layers share; written again after loading, too."""
    architecture = architecture_of(user_files.write(tmp_path, text))
    assert architecture.user is not None
    trial = Hyperparameters(activation=activation, negative_slope=0.2, learning_rate=0.02)
    _, (network,) = fit_networks(trial, SPLIT, Budget(epochs=2, seeds=1), Streams(0), architecture=architecture)
    own = NetworkConfig.of(architecture.user, trial, (6,), 3, {})
    config = ModelConfig(
        kind="table",
        columns=dict.fromkeys("abcdef", "float64"),
        target="y",
        classes=("x", "y", "z"),
        layers=(),
        input_shape=(6,),
        network=own,
        origin={
            "data": "d",
            "study": "s",
            "trial": 0,
            "replicate": 0,
            "replicates": 1,
            "hyperparameters": {},
            "scores": {},
        },
    )
    scaler = StandardScaler().fit(torch.randn(9, 6).numpy())
    folder = save_model(Model(config, network, scaler, architecture.user.source), str(tmp_path / "model"))
    with pytest.raises(
        ModelError, match=r"network.py is Python code, .* \(beside it: replacing.py\): look at all of it"
    ):
        load_model(str(folder))
    loaded = load_model(str(folder), trust=True)
    again = load_model(str(save_model(loaded, str(tmp_path / "again"))), trust=True)
    with torch.no_grad():
        expected = network(SPLIT.test.x)
        assert torch.equal(loaded.network(SPLIT.test.x), expected)
        assert torch.equal(again.network(SPLIT.test.x), expected)
    with (folder / "network.py").open("a") as file:
        file.write("# edited\n")
    with pytest.raises(ModelError, match=r"network.py is not the file that the model was exported with"):
        load_model(str(folder), trust=True)


def test_what_a_file_imports_from_beside_it_goes_along(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "model"
    (home / "blocks_of_mine").mkdir(parents=True)
    folder.mkdir()
    (home / "blocks_of_mine" / "__init__.py").write_text("from blocks_of_mine.inner import WIDTH\n")
    (home / "blocks_of_mine" / "inner.py").write_text("import width_of_mine\nWIDTH = width_of_mine.WIDTH\n")
    (home / "width_of_mine.py").write_text("WIDTH = 5\n")
    (home / "other.py").write_text("raise SystemExit('nobody imports me')\n")
    text = "import math\nfrom blocks_of_mine import WIDTH\n" + user_files.SHARED.replace("10", "WIDTH")
    source = architecture_of(user_files.write(home, text)).user.source  # type: ignore[union-attr]
    copy_files(source, folder)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py")) == [
        "blocks_of_mine/__init__.py",
        "blocks_of_mine/inner.py",
        "network.py",
        "replacing.py",
        "width_of_mine.py",
    ]
    code = "from network import make; print(make((4,), 3).first.out_features)"
    result = subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert result.stdout == "5\n"


def test_a_package_without_a_file_of_its_own_goes_along_too(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "model"
    (home / "namespace_of_mine").mkdir(parents=True)
    folder.mkdir()
    (home / "namespace_of_mine" / "inner.py").write_text("WIDTH = 5\n")
    text = "from namespace_of_mine.inner import WIDTH\n" + user_files.SHARED
    copy_files(Source.of(user_files.write(home, text)), folder)
    assert (folder / "namespace_of_mine" / "inner.py").read_text() == "WIDTH = 5\n"


def test_of_installed_packages_the_file_s_own_goes_along_alone(tmp_path: Path) -> None:
    site, folder = tmp_path / "site-packages", tmp_path / "model"
    for package in ("torch", "installed_nets"):
        (site / package).mkdir(parents=True)
        (site / package / "__init__.py").write_text("")
    folder.mkdir()
    source = Source.of(user_files.write(site / "installed_nets", "import installed_nets\n" + user_files.SHARED))
    copy_files(source, folder)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py")) == [
        "installed_nets/__init__.py",
        "installed_nets/net.py",
        "network.py",
        "replacing.py",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from .blocks import WIDTH", "net.py imports relative to its package"),
        ("import network", "network.py has the name of a file of a model's folder; rename it"),
    ],
)
def test_files_that_a_folder_cannot_hold_are_refused(line: str, message: str, tmp_path: Path) -> None:
    package = tmp_path / "package_for_export"
    package.mkdir()
    if line.startswith("from ."):
        (package / "__init__.py").write_text("")
    (package / "blocks.py").write_text("WIDTH = 5\n")
    (package / "network.py").write_text("")
    source = architecture_of(user_files.write(package, f"{line}\n" + user_files.SHARED)).user.source  # type: ignore[union-attr]
    (tmp_path / "model").mkdir()
    with pytest.raises(ConfigError, match=message):
        copy_files(source, tmp_path / "model")
