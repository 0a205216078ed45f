"""The options of `run` and `compare`: those of the commands, by the same names."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import numpy as np

from reluctant.errors import unknown
from study.config import ConfigError, StudyConfig, read_config

_Function = TypeVar("_Function", bound=Callable[..., Any])


class UnknownOptionError(ConfigError, TypeError):
    """An option that there is not."""


def configuration(options: Mapping[str, Any], *, of: Collection[str] | None = None) -> StudyConfig:
    """The configuration that options ask for; the environment names the database where they do not.

    Args:
        options: Values by name; None means not given.
        of: The options that there are; None: all of `StudyConfig`.

    Raises:
        UnknownOptionError: There is no such option.
        ConfigError: A value makes no sense.
    """
    known = StudyConfig.options() if of is None else of
    for name in options:
        if name not in known:
            raise UnknownOptionError(unknown("option", name, known))
    given = {name: value.item() if isinstance(value, np.generic) else value for name, value in options.items()}
    return read_config({"storage": os.environ.get("RELUCTANT_STORAGE"), **given})


def documents_options(names: Collection[str], defaults: Mapping[str, Any]) -> Callable[[_Function], _Function]:
    """Gives a function with `**options` the signature and the documentation of some fields of the configuration.

    Args:
        names: The fields.
        defaults: Defaults in place of those of the fields.
    """

    def decorate(function: _Function) -> _Function:
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        named, lines = [], []
        for name in names:
            field = StudyConfig.model_fields[name]
            default = defaults.get(name, field.default)
            named.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field.annotation)
            )
            lines.append(f"    {name}: {field.description}")
        function.__signature__ = signature.replace(parameters=[*own, *named])  # type: ignore[attr-defined]
        said = inspect.cleandoc(function.__doc__ or "")
        function.__doc__ = f"{said}\n\nOptions:\n" + "\n".join(lines)
        return function

    return decorate
