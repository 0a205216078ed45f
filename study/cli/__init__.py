"""The command line: thin commands over what can be imported."""

from __future__ import annotations

import sys

import typer

from study.cli import training, answers, upkeep  # isort: skip  # in the order of `--help`
from study.cli.app import app
from study.exits import usage_line
from study.statuses import WRONG_USAGE

__all__ = ["answers", "app", "main", "training", "upkeep"]


def main() -> None:
    """Runs the command line; every mistake of a user is one line."""
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        print(f"error: {usage_line(error)}", file=sys.stderr)
        sys.exit(WRONG_USAGE)
