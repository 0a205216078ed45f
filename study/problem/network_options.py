"""The networks that a configuration asks for: its options completed and checked, its architecture, and in words."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pandas as pd

from search_spaces import SearchSpace
from search_spaces.architectures import Architecture, architecture_of
from search_spaces.network_names import OPTIONS
from study.config import ConfigError, StudyConfig
from study.data import Dataset


def completed_options(config: StudyConfig) -> dict[str, Any]:
    """The options of its networks that a configuration does not give, with the defaults of its architecture.

    Raises:
        ArchitectureError: There is no such architecture.
        ConfigError: An option is given that the architecture does not have, or channels of no block.
    """
    architecture = architecture_of(config.network)
    asked = [name for name in OPTIONS if name in config.model_fields_set]
    for name in asked:
        if architecture.user is not None:
            raise ConfigError(
                f"--network is {architecture.name}, whose function decides its layers, and --{name} is given; leave it "
                "out"
            )
        value = getattr(config, name)
        if name not in architecture.options and value != StudyConfig.model_fields[name].default:
            has = ", ".join(f"--{each}" for each in architecture.options) or "none of these options"
            raise ConfigError(
                f"--{name} is {'given' if value is True else _shown(value)}, and --network {config.network} has no use "
                f"for it: it has {has}; leave --{name} out{_other(name)}"
            )
    if "channels" in asked and "channels" in architecture.options and not config.channels:
        raise ConfigError(
            f"--channels is empty, and --network {config.network} needs a block of one channel at least; give its "
            "channels, or choose --network mlp"
        )
    return {name: value for name, value in architecture.options.items() if name not in asked}


def network_of(config: StudyConfig, dataset: Dataset, space: SearchSpace) -> Architecture:
    """The architecture of a study, with the engine that trains all of its trials.

    Raises:
        ArchitectureError: There is none of that name.
        ConfigError: It reads images, and the data are none; or `residual` connects no layers, or is searched, and the
            network has no use for it.
    """
    architecture = architecture_of(config.network)
    if architecture.inputs == "images" and dataset.image is None:
        raise ConfigError(
            f"--network is {architecture.name}, which reads images, and {dataset.origin} {_no_images(dataset)}; "
            "--network mlp reads any data"
        )
    searched = {parameter.name for parameter in space.parameters}
    for name in searched & {*OPTIONS} - {*architecture.options}:
        if architecture.user is None:
            raise ConfigError(
                f"the space {space.name} searches {name}, and --network {config.network} has no use for it; choose "
                "another --space"
            )
    of_one_width = any(width == other for width, other in pairwise(config.hidden)) or searched & {"width", "depth"}
    if (config.residual or "residual" in searched) and not of_one_width:
        asked = "--residual is given" if config.residual else f"the space {space.name} searches residual"
        raise ConfigError(
            f"{asked}, and --hidden is {_shown(config.hidden)}: no two hidden layers in a row have the same width; "
            "give equal ones, as in --hidden 64,64"
        )
    of_modules = config.residual or config.normalization != "none" or searched & {"normalization", "residual"}
    if architecture.engine == "stacked_mlp" and of_modules:
        return replace(architecture, engine="modules")
    return architecture


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _other(name: str) -> str:
    """The network that has an option, as a hint."""
    return ", or choose --network cnn" if name in architecture_of("cnn").options else ""


def _no_images(dataset: Dataset) -> str:
    """What data are that are no images of rows and columns, and what is needed."""
    if isinstance(dataset.x, pd.DataFrame):
        return f"is a table of {dataset.x.shape[1]} columns; give images (NPZ, IDX, or a folder of PNG or JPEG)"
    return f"holds images as rows of {dataset.x.shape[1]} pixels; give them as [N, H, W], [N, H, W, C] or [N, C, H, W]"


def network_parts(config: StudyConfig, architecture: Architecture) -> dict[str, str]:
    """What the networks are made of, where a trial does not say otherwise; the file and function of a user's."""
    if architecture.user is not None:
        source = architecture.user.source
        return {"network": f"{source.name} in {source.file.name} ({source.short_hash})"}
    blocks = {"channels": " × ".join(map(str, config.channels))} if config.channels else {}
    return blocks | {"hidden": " × ".join(map(str, config.hidden))}


def network_text(config: StudyConfig, architecture: Architecture) -> str:
    """The networks in words.

    Example:
        >>> from study.problem import Search
        >>> problem = Search.of(StudyConfig(network="cnn", channels="8,16"))
        >>> network_text(problem.config, problem.architecture)
        'cnn, blocks of 8 × 16 channels, 64 hidden units, batch normalization'
    """
    parts = network_parts(config, architecture)
    if "network" in parts:
        return parts["network"]
    blocks = [f"blocks of {parts['channels']} channels"] if "channels" in parts else []
    normalization = [f"{config.normalization} normalization"] if config.normalization != "none" else []
    residual = ["residual connections"] if config.residual else []
    return ", ".join([config.network, *blocks, f"{parts['hidden']} hidden units", *normalization, *residual])
