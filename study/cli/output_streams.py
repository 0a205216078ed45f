"""Output streams: what a stream cannot encode is written in letters that it can, instead of ending the command."""

from __future__ import annotations

import codecs
import io
import sys

_PLAIN = str.maketrans(
    {
        "±": "+/-",
        "×": "x",
        "–": "-",
        "—": "-",
        "−": "-",
        "·": "|",
        "…": "...",
        "←": "<-",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "\u00a0": " ",
        "\u202f": " ",
        "━": "=",
        "╸": "=",
        "╺": "=",
    }
)
"""The signs that we write ourselves, in ASCII."""
_HANDLER = "reluctant-plain"


def allow_every_character() -> None:
    r"""Lets stdout and stderr take every text, whatever their encoding is.

    Our own signs become ASCII, as `+/-` for `±`, and other characters escapes, as `\xf6`. Bytes of a file's name that
    are no text in the file system's encoding are written as they are.
    """
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    seen = error.object[error.start : error.end]
    if all("\udc80" <= character <= "\udcff" for character in seen):
        return bytes(ord(character) - 0xDC00 for character in seen), error.end
    plain = seen.translate(_PLAIN)
    return plain.encode("ascii", "backslashreplace").decode("ascii"), error.end
