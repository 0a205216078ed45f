"""Puts a configuration together from the command line, a TOML file and the defaults."""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from reluctant.errors import unknown
from study.config.option import ConfigError
from study.config.study_config import StudyConfig
from study.sampling.registry import SAMPLER_NAMES


def read_config(options: Mapping[str, Any], *, file: str | None = None) -> StudyConfig:
    """Puts a configuration together: option before TOML file before default.

    Args:
        options: What was given on the command line; None means not given.
        file: TOML file with the same names, dashes or underscores.

    Raises:
        ConfigError: Unknown key, or a value outside of its domain.
    """
    values = _from_file(file) if file is not None else {}
    values |= {name: value for name, value in options.items() if value is not None}
    try:
        config = StudyConfig.model_validate(values)
    except ValidationError as error:
        # One line an option: a tuple with a wrong item is also too short for pydantic.
        first = {str(e["loc"][:1]): e for e in reversed(error.errors())}
        raise ConfigError("; ".join(_explained(e, values) for e in reversed(first.values()))) from None
    for name in ("cpus_per_worker", "gpus_per_worker"):
        if name in values and config.ray is None:
            raise ConfigError(f"--{name.replace('_', '-')} is about workers on Ray; add --ray auto, or leave it out")
    if config.gpus_per_worker and config.device == "cpu":
        raise ConfigError(
            f"--gpus-per-worker is {config.gpus_per_worker:g}, but --device is cpu, which uses none; add --device cuda"
        )
    if "sparsity_weight" in values and config.objective != "weighted":
        raise ConfigError(
            f"--sparsity-weight is given, but --objective is {config.objective}, which has none; "
            "add --objective weighted, or leave it out"
        )
    return config


def _from_file(file: str) -> dict[str, Any]:
    try:
        read = tomllib.loads(Path(file).expanduser().read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot read --config {file!r}: {reason}; it needs to be a TOML file") from None
    values = {}
    for key, value in read.items():
        name = key.replace("-", "_")
        if name not in StudyConfig.model_fields:
            raise ConfigError(unknown("option", key, StudyConfig.model_fields, where=file))
        if name in values:
            raise ConfigError(f"{file} gives {name} twice, with a dash and an underscore; keep one")
        values[name] = value
    return values


def _explained(error: Any, values: Mapping[str, Any]) -> str:
    """One line for one of pydantic's errors: option, value seen, what is needed."""
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    name = str(error["loc"][0])
    seen = reprlib.repr(values.get(name, error["input"]))
    option = f"--{name.replace('_', '-')}"
    if error["type"] == "literal_error":
        annotation = StudyConfig.model_fields[name].annotation
        # An option without a default is a union with None.
        choices = [choice for each in (annotation, *get_args(annotation)) for choice in get_args(each)]
        choices = [choice for choice in choices if isinstance(choice, str)]
        choices = choices or list(SAMPLER_NAMES)
        return unknown(option.removeprefix("--"), str(error["input"]), choices)
    needed = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should ").partition(", unable")[0]
    if needed.startswith("be "):
        needed = f"{'each of its numbers' if len(error['loc']) > 1 else 'it'} needs to {needed}"
    elif error["type"] in ("too_short", "too_long"):
        needed = "it needs 1 to 100 numbers"
    return f"{option} is {seen}; {needed}"
