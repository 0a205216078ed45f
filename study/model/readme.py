"""The README that goes with a model: what it is, and a few lines that load it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from study.model.layers import RESIDUAL
from study.model.user_network import FILE, REPLACING, NetworkConfig

_IMPORTS = """\
import json, pandas, skops.io, torch
from safetensors.torch import load_file
config = json.load(open("config.json"))
"""
_NETWORK = """\
network = torch.nn.Sequential(*(getattr(torch.nn, kind)(**options) for kind, options in config["layers"])).eval()
"""
_RESIDUAL_NETWORK = """\
class Residual(torch.nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)
def module(kind, options):
    if kind == "Residual":
        return Residual(*(module(*layer) for layer in options["layers"]))
    return getattr(torch.nn, kind)(**options)
network = torch.nn.Sequential(*(module(*layer) for layer in config["layers"])).eval()
"""
_WEIGHTS = """\
network.load_state_dict(load_file("weights.safetensors"))
preprocessing = skops.io.load("preprocessing.skops", trusted=["numpy.dtype"])
"""
_TYPED_TABLE = """\
table = pandas.read_csv("data.csv", dtype=config["columns"], na_values=["?"], skipinitialspace=True)
"""
_TEXT_TABLE = """\
how = {"sep": config["separator"], "encoding": config["encoding"], "skipinitialspace": True}
table = pandas.read_csv("data.csv", dtype=object, keep_default_na=False, **how).rename(columns=str.strip)
table = table.apply(lambda column: column.str.strip())
table = table.mask(table.isin(config["missing"]), float("nan"))
table = table.replace(config["spellings"])
for name, form in config["forms"].items():
    texts = table[name].where(table[name].str.fullmatch(form["match"], na=False))
    if form["kind"] == "number":
        table[name] = texts.str.replace(form["remove"], "", regex=True).str.replace(form["decimal"], ".").astype(float)
    else:
        dates = [pandas.to_datetime(texts, format=each, errors="coerce", utc=True) for each in form["formats"]]
        seconds = [(each - pandas.Timestamp(0, tz="UTC")).dt.total_seconds() for each in dates]
        table[name] = pandas.concat(seconds, axis=1).bfill(axis=1).iloc[:, 0]
"""
_INPUTS = 'x = torch.from_numpy(preprocessing.transform(table[list(config["columns"])]).astype("float32"))'
_SHAPED = f'{_INPUTS}.reshape(-1, *config["input_shape"])'
_SPELLINGS = 'table = table.replace(config["spellings"])\n'
_PREDICTING = """\
{inputs}
probabilities = network(x).softmax(1).detach()
labels = [config["classes"][index] for index in probabilities.argmax(1)]
"""
_LIBRARIES = ("torch", "safetensors", "skops", "scikit-learn", "pandas")


_PREDICTING_A_QUANTITY = """\
{inputs}
quantity = config["quantity"]
predictions = network(x)[:, 0].double().detach() * quantity["scale"] + quantity["center"]
low, high = predictions + quantity["below"], predictions + quantity["above"]
"""


def loading(config: Mapping[str, Any]) -> str:
    """Python that loads a model and predicts, run in the model's folder beside a `data.csv`.

    Args:
        config: `ModelConfig` as a dictionary.
    """
    table = _TEXT_TABLE if config["format"] > 1 else _TYPED_TABLE
    if not config["spellings"]:
        table = table.replace(_SPELLINGS, "")
    predicting = _PREDICTING if config["quantity"] is None else _PREDICTING_A_QUANTITY
    inputs = _SHAPED if config["input_shape"] else _INPUTS
    ours = _IMPORTS + (_RESIDUAL_NETWORK if RESIDUAL in dict(config["layers"]) else _NETWORK) + _WEIGHTS
    own = config["network"]
    network = ours if own is None else NetworkConfig.model_validate(own).loading
    return network + table + predicting.replace("{inputs}", inputs)


def _of_image_files(config: Mapping[str, Any]) -> str:
    """That image files are predicted too, where the model was trained on grey or coloured images."""
    image = config["image"]
    if image is None or image["channels"] not in (1, 3):
        return ""
    return f"; so it does for a PNG or JPEG image, or a folder of them, resized to {image['rows']}x{image['columns']}"


def readme(config: Mapping[str, Any], *, with_onnx: bool) -> str:
    """The text of a model's README.

    Args:
        config: `ModelConfig` as a dictionary.
        with_onnx: Whether `model.onnx` is there.
    """
    origin, own = config["origin"], config["network"]
    trust = "" if own is None else " --trust"
    versions = " ".join(f"{name}=={metadata.version(name).partition('+')[0]}" for name in _LIBRARIES)
    target = "" if config["target"] is None else f" the column {_code(config['target'])} of"
    rows = "rows with the columns that `config.json` lists"
    if config["format"] > 1:
        separator = "blanks" if config["separator"] == r"\s+" else _code(repr(config["separator"]))
        rows += f", separated by {separator} and in {config['encoding'].removesuffix('-sig')} as the training data were"
    if config["kind"] == "pixels":
        rows = f"one image a row, its {len(config['columns'])} pixels in the columns `pixel0`, `pixel1`, …"
        if len(config["input_shape"]) == 3:
            size = " × ".join(map(str, config["input_shape"]))
            rows += f" in the order of the training data; the network reads images of {size} (channels, rows, columns)"
    lines = [
        "# A trained network",
        "",
        f"Predicts{target} {_code(origin['data'])}: {_learned(config)}. It is trial {origin['trial']} "
        f"of the study {_code(origin['study'])}, replicate {origin['replicate']} of {origin['replicates']}, exported "
        f"by `reluctant` {metadata.version('reluctant')}.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name.replace('_', ' ')} | {_cell(value)} |" for name, value in origin["hyperparameters"].items()),
        *(f"| {name.replace('_', ' ')} | {value:.4f} |" for name, value in origin["scores"].items()),
        "",
        f"{_recommended(origin)}{_chosen(origin)}; the test part was read after that.",
        "",
        *_clamping(origin),
        "## Predictions",
        "",
        f"`reluctant predict . data.csv{trust}` prints them{_of_image_files(config)}. Without `reluctant`, from "
        f"{rows}:",
        "",
        "```python",
        loading(config).rstrip(),
        "```",
        "",
        f"It needs `pip install {versions}` (Python {platform.python_version()} wrote it); scikit-learn promises to "
        "read its own fitted preprocessing in the same version only.",
        "",
        "## Files",
        "",
        "- `config.json`: columns, classes, layers, where it comes from.",
        f"- `weights.safetensors`: the state of the {'`nn.Sequential`' if own is None else 'network'}.",
        "- `preprocessing.skops`: the fitted preprocessing, scikit-learn's classes only; loading it runs no code.",
    ]
    if own is not None:
        lines += [
            f"- `{FILE}`: the file of the network; beside it lies what it imports. It is Python code, which the lines "
            "above run, and `reluctant predict` only with `--trust`.",
            f"- `{REPLACING}`: puts the activations and dropouts of the trial into the network.",
        ]
    if with_onnx:
        lines.append("- `model.onnx`: the network; `x` is what the preprocessing gives, `logits` come out.")
    return "\n".join(lines) + "\n"


def _clamping(origin: Mapping[str, Any]) -> list[str]:
    """How small activations are dealt with, and what that changed; nothing where only one of the two was measured."""
    if origin.get("clamped"):
        return [
            "Behind every activation a `Hardshrink` sets outputs of at most 1 % of their layer's root mean square to "
            "0, so that they can be skipped; the threshold was measured on the validation part. Scores without "
            "`clamped` are those of the same network without these layers.",
            "",
        ]
    if any("clamped" in name for name in origin["scores"]):
        return [
            "It is the network as it was trained. The study judged it with activations near zero set to 0, which are "
            "the scores with `clamped`: `reluctant export --model DIR --clamp` writes that network.",
            "",
        ]
    return []


def _learned(config: Mapping[str, Any]) -> str:
    """What is predicted, in words."""
    quantity = config["quantity"]
    if quantity is None:
        return f"{len(config['classes'])} classes"
    return (
        f"a number. A new sample's true value lies between {quantity['below']:+.4g} and {quantity['above']:+.4g} from "
        f"the prediction with a probability of {quantity['level']:.0%}, and `predict` gives this interval"
    )


def _chosen(origin: Mapping[str, Any]) -> str:
    """How the replicate was chosen."""
    if "fold" not in origin:
        return "The replicate was chosen among the trial's by its validation score"
    return (
        "The replicate was chosen among the trial's by what its validation score gains over a constant guess on its "
        f"fold, or as the last in time; it was judged by fold {origin['fold']} of {origin['folds']}, which it was not "
        "trained on"
    )


def _recommended(origin: Mapping[str, Any]) -> str:
    """That the trial is the recommended one, and what this rests on; empty where it is another."""
    basis = origin.get("recommendation")
    return "" if basis is None else f"The trial is the study's recommended one, {basis}. "


def _code(text: str) -> str:
    """Text as Markdown code, whatever it holds."""
    return f"`{text.replace('`', chr(39))}`"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
