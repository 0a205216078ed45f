"""The options that several commands have, with their texts."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer

from study.config import StudyConfig


def option(name: str, *flags: str, **settings: Any) -> Any:
    """A command line option for a field of the configuration, with its text and default.

    Every one is taken as text: `StudyConfig` alone judges what is a value.
    """
    field = StudyConfig.model_fields[name]
    default = field.default
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    text = f"{field.description}" + ("" if shown is None else f"  [default: {shown}]")
    kind = next((kind for kind in (int, float) if kind in (field.annotation, *get_args(field.annotation))), str)
    return typer.Option(
        *(flags or (f"--{name.replace('_', '-')}",)),
        help=text,
        metavar=f"<{kind.__name__}>",
        show_default=False,
        show_envvar=False,
        **settings,
    )


Storage = Annotated[str | None, option("storage", envvar="RELUCTANT_STORAGE")]
Threads = Annotated[str | None, option("threads")]
Device = Annotated[str | None, option("device")]
Timeout = Annotated[str | None, option("timeout")]
Workers = Annotated[str | None, option("workers")]
Checkpoints = Annotated[str | None, option("checkpoints")]
CheckpointEvery = Annotated[str | None, option("checkpoint_every")]
Ray = Annotated[str | None, option("ray")]
CpusPerWorker = Annotated[str | None, option("cpus_per_worker")]
GpusPerWorker = Annotated[str | None, option("gpus_per_worker")]
Lease = Annotated[float | None, typer.Option("--lease", hidden=True, min=0.1)]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress, results only")]
Debug = Annotated[bool, typer.Option("--debug", help="show tracebacks")]
Format = Annotated[str, typer.Option("--format", help="table, json, or csv")]
Name = Annotated[str | None, typer.Argument(help="study's name; default: the only one there is", show_default=False)]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", help="file.csv, .parquet or .json; default: stdout", show_default=False),
]
FileFormat = Annotated[
    str | None,
    typer.Option("--format", help="csv, json, parquet or table; default: by the file's name, else csv"),
]
DataPath = Annotated[str | None, typer.Option("--data", help="where the study's data lie now", show_default=False)]
