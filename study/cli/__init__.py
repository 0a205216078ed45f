"""The command line: thin commands over what can be imported."""

from __future__ import annotations

import sys

import typer

from study.cli import train_commands, answer_commands, study_commands, database_commands  # isort: skip  # in the order of `--help`
from reluctant.exit_codes import WRONG_USAGE
from study.cli.app import app
from study.cli.error_lines import usage_line
from study.cli.output_streams import allow_every_character

__all__ = ["answer_commands", "app", "database_commands", "main", "study_commands", "train_commands"]


def main() -> None:
    """Runs the command line; every mistake of a user is one line."""
    allow_every_character()
    try:
        sys.exit(app(standalone_mode=False, prog_name="reluctant"))
    except typer.TyperException as error:
        print(f"error: {usage_line(error)}", file=sys.stderr)
        sys.exit(WRONG_USAGE)
