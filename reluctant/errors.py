"""The base class of all errors; an error's text says what was seen, what is needed, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

from reluctant.exit_codes import WRONG_USAGE


class ReluctantError(Exception):
    """Root of all errors that `reluctant` raises on purpose; the command prints them without a traceback.

    Attributes:
        exit_code: What the command ends with; a mistake that the user can mend in the command is wrong usage.
    """

    exit_code: ClassVar[int] = WRONG_USAGE


class UnknownNameError(ReluctantError, KeyError):
    """A name, or a number, that is not one of those that there are."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError shows the quotes of its text


class ReluctantWarning(UserWarning):
    """Something that the user should know and that stops nothing."""


def nearest(seen: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `seen`, or else the only one that begins with it; None where none is near.

    Example:
        >>> nearest("relo", ["relu", "tanh"]), nearest("f1", ["f1_macro", "accuracy"])
        ('relu', 'f1_macro')
    """
    folded = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(seen.lower(), folded, n=1, cutoff=0.6)
    begun = [name for name in folded if len(seen) > 1 and name.startswith(seen.lower())]
    if not matches and len(begun) == 1:
        matches = begun
    return folded[matches[0]] if matches else None


def unknown(kind: str, seen: str, known: Iterable[str], *, where: str = "") -> str:
    """Text for a name that is not one of `known`: what was seen, the nearest name, and the list.

    Example:
        >>> unknown("activation", "relo", ["relu", "tanh"], where="core.toml")
        "unknown activation 'relo' in core.toml; did you mean 'relu'? (known: relu, tanh)"
    """
    names = list(known)
    near = nearest(seen, names)
    place = f" in {where}" if where else ""
    hint = f"; did you mean {near!r}?" if near else ""
    return f"unknown {kind} {seen!r}{place}{hint} (known: {', '.join(names) or 'none'})"
