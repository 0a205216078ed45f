"""The command itself, and what every one of its commands needs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from reluctant import __version__
from reluctant.exit_codes import DONE, INTERRUPTED, WRONG_USAGE
from study.config import read_config

if TYPE_CHECKING:
    from storage import CohortStorage
    from study.cli.console import Messages
    from study.records.open_study import OpenStudy
    from study.workers.stop import Stop

app = typer.Typer(
    name="reluctant",
    help="Finds out, by measurement on your data, which activation, slope, initialization and dropout to use.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="show the version")] = False
) -> None:
    if version:
        print(f"reluctant {__version__}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)


@contextmanager
def opened(place: str, *, create: bool = True, patience: float = 0.0) -> Iterator[CohortStorage]:
    """A database; a server that does not answer is asked again for so many seconds."""
    import optuna

    from storage import StorageAwayError, open_storage
    from storage.driver_errors import translated

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    until = time.monotonic() + patience
    while True:
        try:
            database = open_storage(place, create=create)
            break
        except StorageAwayError:
            if time.monotonic() >= until:
                raise
            time.sleep(1.0)
    try:
        with translated(database.place):
            yield database
    finally:
        database.close()


@contextmanager
def reopened(
    name: str | None,
    options: Mapping[str, str | None],
    *,
    storage: str | None,
    data: str | None,
    study_id: int | None = None,
    keep: bool = True,
    patience: float = 0.0,
) -> Iterator[OpenStudy]:
    """A study that exists; its arguments are those of `reopen` and of `opened`, and the id of one that had the name."""
    checked = read_config({**options, "storage": storage})
    with opened(checked.storage, create=False, patience=patience) as database:
        from study.records.naming import present_name
        from study.records.open_study import reopen

        if study_id is not None and name is not None:
            name = present_name(database, study_id, name)
        overrides = checked.model_dump(include=set(options), exclude_unset=True)
        yield reopen(database, name, data=data, overrides=overrides, keep=keep)


@contextmanager
def interruptible(messages: Messages, said: str) -> Iterator[Stop]:
    """Training that ends, with a line, where somebody asks for the end."""
    from study.training import Interrupted
    from study.workers.stop import Stop

    with Stop() as stop:
        try:
            yield stop
        except Interrupted:
            messages.warn(f"interrupted; {said}")
            raise typer.Exit(INTERRUPTED) from None
