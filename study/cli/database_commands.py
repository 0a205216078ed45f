"""The commands around a database: dashboard, doctor, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from reluctant.exit_codes import FAILED
from study.cli.app import app, opened
from study.cli.error_lines import ending
from study.cli.options import Debug, with_options
from study.config import read_config


@app.command()
@with_options("storage")
def dashboard(
    *,
    options: dict[str, Any],
    port: Annotated[int, typer.Option("--port", help="port; 0: any free one", min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option("--host", help="address to listen on; there is no TLS")] = "127.0.0.1",
    allow_edit: Annotated[
        bool, typer.Option("--allow-edit", help="let visitors change and delete studies, not only read them")
    ] = False,
    debug: Debug = False,
) -> None:
    """Shows the database in optuna-dashboard, with our figures: on this machine, behind a token, read only."""
    with ending(debug) as messages:
        from study.dashboard import is_local, serve
        from study.workers.stop import Stop

        place = read_config(options).storage
        with opened(place, create=False) as database, Stop() as stop:

            def ready(url: str) -> None:
                messages.info(f"{database.place} at {url} (Ctrl-C ends it)")

            if not is_local(host):
                messages.warn(
                    f"--host {host} is reached from other machines and there is no TLS: whoever is in between can read "
                    "the token and the studies; an SSH tunnel to 127.0.0.1 is safer"
                )
            serve(database, host=host, port=port, allow_edit=allow_edit, ready=ready, stop=stop)


@app.command()
@with_options("storage")
def doctor(*, options: dict[str, Any], debug: Debug = False) -> None:
    """Shows versions, threads, devices, and whether the database is sound."""
    with ending(debug):
        from study.cli.doctor import examine

        sound = examine(read_config(options).storage)
        if not sound:
            raise typer.Exit(FAILED)


@app.command()
@with_options("storage")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="new file for the copy", show_default=False)],
    *,
    options: dict[str, Any],
    debug: Debug = False,
) -> None:
    """Copies an SQLite database whole into a new file, also while workers write to it."""
    with ending(debug) as messages, opened(read_config(options).storage, create=False) as database:
        database.backup(file)
        messages.info(f"{database.place} is copied to {file}")
