"""What a user's code raised, in one line: its kind, its text, the file and the line."""

from __future__ import annotations

import traceback
from pathlib import Path

from reluctant.errors import ReluctantError

_LONGEST = 300


class NetworkError(ReluctantError, ValueError):
    """A network of a user that cannot be used; the text says why."""


def what_was_raised(error: BaseException, file: Path | None) -> str:
    """One line for an error: of its traceback the last line in the user's file, or the last of all.

    Args:
        error: What was raised.
        file: The user's file; None where it is not known.
    """
    text = " ".join(str(error).split())
    shown = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}…"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == file] or frames[-1:]
    return f"{shown} ({own[-1].filename}, line {own[-1].lineno})" if own else shown
