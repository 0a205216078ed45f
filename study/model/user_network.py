"""A user's network in a model's folder: a copy of its file, how it is built from it, and the lines that do so."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from torch import nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.user_networks import Factory, Source, UserNetwork, replacing
from search_spaces.user_networks.helpers import beside, is_installed, outermost_imports
from study.config import ConfigError
from study.model.layers import layer_of

FILE = "network.py"
"""The copy of the user's file."""
REPLACING = "replacing.py"
"""The copy of the module of ours that puts activations and dropouts into the network."""

LOADING = """\
import json, pandas, skops.io, torch
from safetensors.torch import load_file
from network import {function}
from replacing import {functions}
config = json.load(open("config.json"))
own = config["network"]
kind, options = own["activation"]
activation, dropout = lambda: getattr(torch.nn, kind)(**options), lambda: torch.nn.Dropout(own["dropout"])
{building}
network.load_state_dict(load_file("weights.safetensors"))
set_small_activations_to_zero(network.eval(), own["thresholds"])
preprocessing = skops.io.load("preprocessing.skops", trusted=["numpy.dtype"])
"""
_OF_TWO = """\
network = {function}(tuple(config["input_shape"]), own["outputs"])
replace_modules(network, own["activations"], own["dropouts"], activation, dropout)"""
_OF_FOUR = """\
activation = in_turn(activation, own["uses"])
network = begin_each_pass({function}(tuple(config["input_shape"]), own["outputs"], activation, dropout))"""


class NetworkConfig(BaseModel):
    """How a user's network is built from its file; the part `network` of a model's `config.json`.

    Attributes:
        function: Name of the function in `network.py`.
        sha256: Hash of that file.
        takes_modules: Whether the function is given `activation` and `dropout`.
        outputs: C, number of outputs.
        activations: How often a forward pass uses each activation that is replaced, by its path.
        dropouts: Whether each dropout that is replaced drops whole channels, by its path.
        uses: How often a forward pass uses each activation that the function is given, in the order of the calls.
        activation: Name in `torch.nn` and arguments of the activation.
        dropout: The dropout rate.
        thresholds: The magnitude up to which outputs of activations are 0, by path; empty where none is.
    """

    model_config = ConfigDict(frozen=True)

    function: str
    sha256: str
    takes_modules: bool
    outputs: int
    activations: dict[str, int] = {}
    dropouts: dict[str, bool] = {}
    uses: tuple[int, ...] = ()
    activation: tuple[str, dict[str, int | float | str]]
    dropout: float
    thresholds: dict[str, float] = {}

    @classmethod
    def of(
        cls,
        network: UserNetwork,
        trial: Hyperparameters,
        input_shape: tuple[int, ...],
        outputs: int,
        thresholds: dict[str, float],
    ) -> NetworkConfig:
        """How the network of a trial is built.

        Args:
            network: The user's network.
            trial: Activation, slope and dropout rate.
            input_shape: Shape of one sample's features.
            outputs: C, number of outputs.
            thresholds: As the attribute.
        """
        checked, activation = network.check(input_shape, outputs), ACTIVATIONS[trial.activation]
        return cls(
            function=network.source.name,
            sha256=network.source.sha256,
            takes_modules=network.takes_modules,
            outputs=outputs,
            activations={} if checked.found is None else checked.found.activations,
            dropouts={} if checked.found is None else checked.found.dropouts,
            uses=checked.uses,
            activation=layer_of(activation.module(trial.negative_slope)),
            dropout=trial.dropout,
            thresholds=thresholds,
        )

    def build(self, folder: Path, input_shape: tuple[int, ...]) -> nn.Module:
        """The network with its activations and dropouts, from the file in a model's folder, which is run.

        Raises:
            NetworkError: The file cannot be run, or gives no network.
        """
        source = Source.of(f"{folder / FILE}:{self.function}")
        kind, options = self.activation

        def activation() -> nn.Module:
            layer: nn.Module = getattr(nn, kind)(**options)
            return layer

        def dropout() -> nn.Module:
            return nn.Dropout(self.dropout)

        make = Factory(source)
        if self.takes_modules:
            own = replacing.in_turn(activation, self.uses), dropout
            return replacing.begin_each_pass(make(input_shape, self.outputs, *own))
        network = make(input_shape, self.outputs)
        return replacing.replace_modules(network, self.activations, self.dropouts, activation, dropout)

    @property
    def loading(self) -> str:
        """Python that builds the network in a model's folder, without reluctant."""
        building = _OF_FOUR if self.takes_modules else _OF_TWO
        functions = ["begin_each_pass", "in_turn"] if self.takes_modules else ["replace_modules"]
        return LOADING.format(
            function=self.function,
            functions=", ".join([*functions, "set_small_activations_to_zero"]),
            building=building.format(function=self.function),
        )


def copy_files(source: Source, folder: Path) -> None:
    """Copies a user's file, the files beside it that it imports, and our module that replaces layers, into a folder.

    Raises:
        ConfigError: As for `files_of`.
    """
    for target, file in files_of(source).items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / target)


def files_of(source: Source) -> dict[Path, Path]:
    """The files that a model's folder needs, by their places in it.

    Raises:
        ConfigError: The file imports relative to its package, or imports a file of a name that the folder has.
    """
    if any(isinstance(node, ast.ImportFrom) and node.level for node in _nodes(source.file)):
        raise ConfigError(
            f"{source.file} imports relative to its package, and a model's folder has its file alone; import by the "
            "package's full name to export the model"
        )
    files = {Path(FILE): source.file, Path(REPLACING): Path(replacing.__file__)}
    waiting = [source.file]
    while waiting:
        for name in outermost_imports(waiting.pop()):
            for file in _beside(source, name):
                target = file.relative_to(source.root)
                if target in (Path(FILE), Path(REPLACING)):
                    raise ConfigError(
                        f"{file} has the name of a file of a model's folder; rename it to export the model"
                    )
                if target not in files:
                    files[target] = file
                    waiting.append(file)
    return files


def _beside(source: Source, name: str) -> list[Path]:
    """The files of a module or a package in the folder that a file imports from; none where they are not its own.

    Of a folder of installed packages only the package is its own that it lies in.
    """
    root = source.root
    if is_installed(root) and source.file.relative_to(root).parts[0] != name:
        return []
    found = beside(root, name)
    if found is None:
        return []
    return [found] if found == root / f"{name}.py" else sorted((root / name).rglob("*.py"))


def _nodes(file: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(file.read_bytes()))
