"""The options of the commands: those of `StudyConfig` made from its fields, and those that several commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args

import typer

from study.config import Scope, StudyConfig

_ENVIRONMENT = {"storage": "RELUCTANT_STORAGE"}
"""Environment variables that give an option where the command line does not."""

OF_A_RUN = StudyConfig.options(Scope.RUN)
"""Options with which a study that exists can be continued."""
OF_A_WORKER = tuple(name for name in OF_A_RUN if StudyConfig.option(name).for_workers)
"""Options of one worker among several."""


def option(name: str, *, default: Any = None, description: str | None = None) -> Any:
    """A command line option for a field of the configuration, with its text and default.

    Every one is taken as text, or is a flag: `StudyConfig` alone judges what is a value.

    Args:
        name: The field.
        default: The default to show, where a command has one of its own.
        description: The text to show, where a command has one of its own.
    """
    field = StudyConfig.model_fields[name]
    default = field.default if default is None else default
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    text = (description or str(field.description)) + ("" if shown in (None, "", False) else f"  [default: {shown}]")
    if StudyConfig.is_flag(name):
        return typer.Option(f"--{name}/--no-{name}", help=text, show_default=False)
    kind = next((kind for kind in (int, float) if kind in (field.annotation, *get_args(field.annotation))), str)
    return typer.Option(
        f"--{name.replace('_', '-')}",
        help=text,
        metavar=f"<{kind.__name__}>",
        show_default=False,
        show_envvar=False,
        envvar=_ENVIRONMENT.get(name),
    )


def with_options(*names: str, **own: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command one option for each of some fields of the configuration.

    Args:
        names: Fields of `StudyConfig`, in the order of `--help`.
        own: Annotations of the fields that the command words in its own way.

    Returns:
        A decorator for functions with a parameter `options`: it is called with a dictionary that holds every field's
        text as it was given, true or false for a flag, or None.
    """
    parameters = {
        name: inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=own.get(name, Annotated[bool | None if StudyConfig.is_flag(name) else str | None, option(name)]),
        )
        for name in names
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(**values: Any) -> None:
            command(options={name: values.pop(name) for name in names}, **values)

        signature = inspect.signature(command, eval_str=True)
        merged: list[inspect.Parameter] = []
        for name, parameter in signature.parameters.items():
            merged += parameters.values() if name == "options" else [parameter.replace(kind=parameter.KEYWORD_ONLY)]
        wrapper.__signature__ = signature.replace(parameters=merged)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in merged}
        return wrapper

    return decorate


Lease = Annotated[float | None, typer.Option("--lease", hidden=True, min=0.1)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what a new study would do and cost, and write nothing")]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress, results only")]
Debug = Annotated[bool, typer.Option("--debug", help="show tracebacks")]
Format = Annotated[str, typer.Option("--format", help="table, json, or csv")]
Name = Annotated[
    str | None,
    typer.Argument(help="study's name, or its beginning; default: the only one there is", show_default=False),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", help="file.csv, .parquet or .json; default: stdout", show_default=False),
]
FileFormat = Annotated[
    str | None,
    typer.Option("--format", help="csv, json, parquet or table; default: by the file's name, else csv"),
]
DataPath = Annotated[str | None, typer.Option("--data", help="where the study's data lie now", show_default=False)]
