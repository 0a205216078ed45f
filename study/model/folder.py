"""A trained network as a folder of plain files: written whole or not at all, and read without running any code."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from sklearn.base import BaseEstimator
from torch import nn

from reluctant.errors import ReluctantError
from search_spaces.user_networks import Source
from search_spaces.user_networks.replacing import set_small_activations_to_zero
from study.config import ConfigError
from study.data.column_forms import ColumnForm
from study.data.images import ImageLayout
from study.model import onnx
from study.model.layers import Value, network_of
from study.model.preprocessing_file import UntrustedError, read_preprocessing, write_preprocessing
from study.model.readme import readme
from study.model.user_network import FILE, NetworkConfig, copy_files
from study.training.plain_network import outputs_of

CONFIG, WEIGHTS, PREPROCESSING, ONNX, README = (
    "config.json",
    "weights.safetensors",
    "preprocessing.skops",
    "model.onnx",
    "README.md",
)
# Bounds of what is read before it is known to be a model's: far above what any study writes.
_LARGEST_CONFIG = 64 * 2**20
# What reading a damaged file raises.
_UNREADABLE = (
    *(OSError, BadZipFile, SafetensorError),
    *(RuntimeError, TypeError, ValueError, LookupError, AttributeError, MemoryError),
)


class ModelError(ConfigError):
    """A model that cannot be written, or a folder that holds none."""


class Quantity(BaseModel):
    """How the output of a regression's network becomes a prediction, and how far off that is.

    Attributes:
        center: Mean of the target on the training part.
        scale: Its standard deviation there: a prediction is output · scale + center.
        below: Residual, true minus predicted, that few residuals of the validation part are below.
        above: Residual that as few are above.
        level: Probability that a new sample's residual lies between them.
    """

    model_config = ConfigDict(frozen=True)

    center: float
    scale: float
    below: float
    above: float
    level: float


class ModelConfig(BaseModel):
    """The content of a model's `config.json`.

    Attributes:
        format: Version of the folder's form: 1 for images, and for tables that pandas reads, as it did in training.
        kind: Whether samples are rows of a table or images.
        columns: Name and pandas type of every column that the preprocessing reads, in its order.
        separator: What separates the values of a text file, as pandas takes it.
        encoding: The encoding of a text file.
        missing: Texts that count as missing.
        forms: How each column that is no text is read, as decided in training.
        spellings: What counts as another text in a column, as `TRUE` as `True` where pandas read the training data.
        target: Name of the column that it was trained to predict; None where the source has separate labels.
        classes: `[C]` labels, in the order of the logits; empty in regression.
        quantity: What a prediction of a regression is; None in classification.
        layers: Name in `torch.nn` and arguments of every layer, written and read by `study.model.layers`; empty of
            a user's network.
        input_shape: Shape of one sample as the network reads it; empty: features in a row.
        image: How the pixels of an image lay in the training data; None where they were a table or rows of pixels.
        network: How a user's network is built; None where the layers say all.
        origin: Study, trial, scores and versions; to be read by people.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1, 2] = 1
    kind: Literal["table", "pixels"]
    columns: dict[str, Literal["float64", "float32", "object"]]
    separator: str = ","
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()
    forms: dict[str, ColumnForm] = {}
    spellings: dict[str, dict[str, str]] = {}
    target: str | None
    classes: tuple[str, ...]
    quantity: Quantity | None = None
    layers: tuple[tuple[str, dict[str, Value | tuple[tuple[str, dict[str, Value]], ...]]], ...]
    input_shape: tuple[int, ...] = ()
    image: ImageLayout | None = None
    network: NetworkConfig | None = None
    origin: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with its preprocessing.

    Attributes:
        config: Columns, classes, layers, origin.
        network: In eval mode.
        preprocessing: Fitted: a table of the model's columns to `[N, F]` features.
        source: The file that a user's network comes from; None where it is one of ours.
    """

    config: ModelConfig
    network: nn.Module
    preprocessing: BaseEstimator
    source: Source | None = None

    @torch.inference_mode()
    def outputs(self, table: pd.DataFrame) -> torch.Tensor:
        """`[N, C]` outputs of the network for the model's columns `[N, columns]`."""
        x = torch.from_numpy(self.preprocessing.transform(table).astype("float32"))
        shape = self.config.input_shape
        return outputs_of(self.network, x.reshape(-1, *shape) if shape else x)

    def probabilities(self, table: pd.DataFrame) -> torch.Tensor:
        """`[N, C]` class probabilities of the model's columns `[N, columns]`."""
        return self.outputs(table).softmax(1)

    def values(self, table: pd.DataFrame) -> torch.Tensor:
        """`[N]` float64 predictions of a regression, in the unit of its target.

        Raises:
            ModelError: The model predicts classes.
        """
        if self.config.quantity is None:
            raise ModelError("the model predicts classes; ask for its probabilities")
        return self.outputs(table)[:, 0].double() * self.config.quantity.scale + self.config.quantity.center


def check_folder(folder: str) -> Path:
    """Refuses a folder that a model cannot be written to, before any work is done.

    Raises:
        ModelError: It is a file or a folder that is not empty, or its parent folder does not exist.
    """
    path = Path(os.path.abspath(Path(folder).expanduser()))
    if not folder.strip() or (path.exists() and not path.is_dir()):
        raise ModelError(f"--model is {folder!r}, which is no folder; it needs the name of a new folder")
    if not path.parent.is_dir():
        raise ModelError(f"there is no folder {path.parent}; create it, or choose another --model")
    if path.is_dir() and any(path.iterdir()):
        raise ModelError(f"the folder {folder} holds something already; name a new one with --model")
    if not os.access(path if path.is_dir() else path.parent, os.W_OK):
        raise ModelError(f"{path.parent} cannot be written to; choose another --model")
    return path


def save_model(model: Model, folder: str) -> Path:
    """Writes a model as a new folder, whole or not at all; with ONNX where the extra is installed.

    Raises:
        ModelError: It cannot be written there.
    """
    path = check_folder(folder)
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            _write(model, work)
            _open_to_others(work)
            work.rename(path)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    except OSError as error:
        raise ModelError(f"cannot write {folder}: {error.strerror or error}; choose another --model") from None
    return path


def load_model(folder: str, *, trust: bool = False) -> Model:
    """Reads a model; nothing in it is executed but the file of a user's network, where it is trusted.

    Args:
        folder: The folder.
        trust: Whether Python code in it may be run.

    Raises:
        ModelError: The folder holds no model, a damaged one, or one that would run code of others.
        NetworkError: The file of a user's network cannot be run.
    """
    path = Path(folder).expanduser()
    missing = [name for name in (CONFIG, WEIGHTS, PREPROCESSING) if not (path / name).is_file()]
    if missing:
        seen = "is no folder" if not path.is_dir() else f"lacks {', '.join(missing)}"
        raise ModelError(f"{folder} {seen}; a model's folder is needed, as `reluctant export --model DIR` writes it")
    try:
        if (path / CONFIG).stat().st_size > _LARGEST_CONFIG:
            raise ValueError(f"{CONFIG} is larger than {_LARGEST_CONFIG >> 20} MiB")
        config = ModelConfig.model_validate_json((path / CONFIG).read_bytes())
        if config.network is not None and not trust:
            raise ModelError(_asked_to_trust(path))
        source = None if config.network is None else Source.of(f"{path / FILE}:{config.network.function}")
        if source is not None and config.network is not None and source.sha256 != config.network.sha256:
            raise ModelError(
                f"{source.file} is not the file that the model was exported with ({source.short_hash}, and "
                f"{config.network.sha256[:12]} is needed); put that back, or export the model again"
            )
        network = _network(config, path)
        preprocessing = read_preprocessing(path / PREPROCESSING)
    except ReluctantError:
        raise
    except UntrustedError as error:
        raise ModelError(
            f"{path / PREPROCESSING} was not written by reluctant, and nothing of it is loaded: {error}; export the "
            "model again, or ask where it comes from"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        newer = "; a newer reluctant may have written it" if place == "format" else ""
        raise ModelError(f"{path / CONFIG} is no model's: {place}: {first['msg']}{newer}; export it again") from None
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"the model in {folder} is damaged ({reason}); export it again") from None
    return Model(config, network, preprocessing, source)


def _asked_to_trust(folder: Path) -> str:
    """What is said where a model has Python code and is not trusted: all files that loading it may run."""
    others = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.py") if file != folder / FILE)
    beside = f" (beside it: {', '.join(others)})" if others else ""
    return (
        f"{folder / FILE} is Python code, which loading the model would run{beside}: look at all of it, and give "
        "--trust (trust=True) if you trust where it comes from"
    )


def _network(config: ModelConfig, folder: Path) -> nn.Module:
    """The network with its weights."""
    weights = load((folder / WEIGHTS).read_bytes())
    if config.network is None:
        network = network_of(config.layers)
        network.load_state_dict(weights, assign=True)
        return network
    own = config.network.build(folder, config.input_shape).eval()
    own.load_state_dict(weights)
    set_small_activations_to_zero(own, config.network.thresholds)
    return own


def _write(model: Model, folder: Path) -> None:
    config = model.config
    # ASCII, so that whoever reads it needs no encoding.
    text = json.dumps(config.model_dump(mode="json"), indent=2)
    (folder / CONFIG).write_text(text + "\n", encoding="ascii")
    # As bytes: safetensors takes no paths that are not UTF-8.
    # Tensors of their own: shared ones, as of tied weights, are none that safetensors writes.
    tensors = {name: each.detach().clone().contiguous() for name, each in model.network.state_dict().items()}
    (folder / WEIGHTS).write_bytes(save(tensors))
    write_preprocessing(model.preprocessing, folder / PREPROCESSING)
    if model.source is not None:
        copy_files(model.source, folder)
    with_onnx = onnx.available()
    if with_onnx:
        write = onnx.write if model.source is None else onnx.write_where_possible
        with_onnx = write(model.network, model.config.input_shape or _features(model.network), folder / ONNX)
    (folder / README).write_text(readme(config.model_dump(), with_onnx=with_onnx), encoding="utf-8")


def _features(network: nn.Module) -> tuple[int]:
    """The shape of one sample that a multilayer perceptron reads."""
    first = next(network.children())
    assert isinstance(first, nn.Linear)
    return (first.in_features,)


def _open_to_others(folder: Path) -> None:
    """Gives a folder and its files the usual permissions: temporary ones are readable by their owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
    for path in folder.rglob("*"):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
