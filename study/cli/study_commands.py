"""The commands that change a study as a whole: rename, delete."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reluctant.exit_codes import FAILED
from study.cli.app import app, opened
from study.cli.error_lines import ending
from study.cli.options import Debug, with_options
from study.config import ConfigError, read_config

if TYPE_CHECKING:
    from storage import CohortStorage


@app.command()
@with_options("storage")
def rename(
    name: Annotated[str, typer.Argument(help="study's name", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="its new name", show_default=False)],
    *,
    options: dict[str, Any],
    debug: Debug = False,
) -> None:
    """Gives a study another name, also while workers train it; all else of it stays."""
    with ending(debug) as messages, opened(read_config(options).storage, create=False) as database:
        from study.records import naming

        naming.rename(database, database.study_id(name), new)
        messages.info(f"study {name} in {database.place} is now {new}")


@app.command()
@with_options("storage")
def delete(
    name: Annotated[str, typer.Argument(help="study's name", show_default=False)],
    *,
    options: dict[str, Any],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    debug: Debug = False,
) -> None:
    """Deletes a study with its trials, measures and curves; workers that train it end.

    So are its checkpoints beside an SQLite file; what lies in a folder that --checkpoints named stays.
    """
    with ending(debug) as messages, opened(read_config(options).storage, create=False) as database:
        from study.workers.deletion import delete_study

        study_id = database.study_id(name)
        what = _described(database, study_id, name)
        if not yes:
            if not sys.stdin.isatty():
                raise ConfigError(
                    f"{what} would be deleted, and there is no terminal to ask on; give --yes to delete it unasked"
                )
            try:
                agreed = typer.confirm(f"delete {what}, for good?", err=True)
            except typer.Abort:  # Ctrl-C or the end of the input
                agreed = False
            if not agreed:
                messages.info("nothing is deleted")
                raise typer.Exit(FAILED)
        delete_study(database, study_id)
        messages.info(f"{what} is deleted")


def _described(database: CohortStorage, study_id: int, name: str) -> str:
    """A study with the number of its trials and of the workers that train it."""
    trials = sum(database.count_by_state(study_id).values())
    workers = len(database.living_workers(study_id))
    training = f" and {workers} worker{'s' if workers > 1 else ''} at work on it" if workers else ""
    return f"study {name} in {database.place} with {trials} trial{'s' if trials != 1 else ''}{training}"
