"""How a command ends: its exit status, its errors as one line, its warnings as lines."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from reluctant import ReluctantError, ReluctantWarning
from reluctant.exit_codes import FAILED, INTERRUPTED
from storage import without_password

if TYPE_CHECKING:
    from study.cli.console import Messages


def usage_line(error: typer.TyperException) -> str:
    """One line for a command or option that the parser does not understand."""
    context = getattr(error, "ctx", None)
    seen = " ".join(error.format_message().split()).rstrip(".")
    end = "" if seen.endswith("?") else "."
    return f"{seen[:1].lower()}{seen[1:]}{end} See `{context.command_path if context else 'reluctant'} --help`"


@contextmanager
def ending(debug: bool, quiet: bool = False) -> Iterator[Messages]:
    """Turns errors into a line and an exit status, and warnings into lines, each once: ours, and those of libraries.

    What Python shows to nobody but developers (deprecations, for one) is shown with `debug` alone.
    """
    from study.cli.console import Messages

    messages = Messages(quiet=quiet)
    with warnings.catch_warnings():
        warnings.simplefilter("always", ReluctantWarning)
        show, said = warnings.showwarning, set[str]()

        def show_as_line(message: Any, category: Any, *rest: Any, **named: Any) -> None:
            if debug and not issubclass(category, ReluctantWarning):
                show(message, category, *rest, **named)
            elif str(message) not in said:
                said.add(str(message))
                messages.warn(str(message))

        warnings.showwarning = show_as_line
        try:
            yield messages
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough.
            sys.stderr.close()
            raise typer.Exit(FAILED) from None
        except ReluctantError as error:
            if debug:
                print(without_password(traceback.format_exc()), end="", file=sys.stderr)
            messages.error(str(error))
            raise typer.Exit(error.exit_code) from None
