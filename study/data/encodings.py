"""Finds out how a text file is encoded: UTF-8 and UTF-16 by their form, older encodings by what their letters say."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

import charset_normalizer

from study.data.errors import DataError

UTF8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLDER = (
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1257",
    "koi8_r",
    "big5",
    "gb18030",
    "shift_jis",
    "euc_kr",
)
_WESTERN = "cp1252"
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257")
_CLEARLY_BETTER = 0.05
_HEAD_BYTES = 1 << 16
_MOST_BYTES = 1 << 20


def decode(content: bytes, path: Path) -> tuple[str, str]:
    """Decode the content of a text file.

    Args:
        content: The file's bytes, decompressed.
        path: Its path, for errors.

    Returns:
        The text, and the name of the encoding as Python has it.

    Raises:
        DataError: It is a binary file, or its encoding cannot be told.
    """
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None) or _without_mark(content, path)
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not text in {encoding} ({error.reason} at byte {error.start:,}); is it cut? Write it again, in "
            "UTF-8"
        ) from error


def encoding_notes(encoding: str) -> tuple[str, ...]:
    """What a user should know of a file in this encoding, a phrase each."""
    if encoding in (UTF8, "utf-8-sig"):
        return ()
    return (f"not in UTF-8: read as {encoding}; where letters come out wrong, save it as UTF-8",)


def _without_mark(content: bytes, path: Path) -> str:
    head = content[:_HEAD_BYTES]
    if b"\0" in head:
        # Every other byte of Western text in UTF-16 is 0.
        zeros = [head[first::2].count(0) / max(1, len(head[first::2])) for first in (0, 1)]
        if max(zeros) > 0.5 > 2 * min(zeros):
            return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        raise DataError(f"{path} is a binary file, not a CSV file; text is needed; export it as CSV first")
    try:
        content.decode(UTF8)
    except UnicodeDecodeError:
        return _older(content, path)
    return UTF8


def _older(content: bytes, path: Path) -> str:
    """The most plausible of the older encodings; the Western one where others are not clearly better."""
    letters = _letters(content)
    found = charset_normalizer.from_bytes(letters, cp_isolation=list(_OLDER))
    # Encodings that give the same text are one match.
    chaos = {encoding: match.chaos for match in found for encoding in match.could_be_from_charset}
    fitting = [each.encoding for each in found if each.encoding in _LATIN or not _mixes_scripts(letters, each.encoding)]
    name = fitting[0] if fitting else _WESTERN
    if name != _WESTERN and (
        _decoded(letters, name) == _decoded(letters, _WESTERN)
        or chaos.get(_WESTERN, 1.0) <= chaos[name] + _CLEARLY_BETTER
    ):
        name = _WESTERN
    if _decoded(content, name) is not None:
        return name
    # Every byte is a character of latin-1; those that cp1252 leaves open are control characters there.
    controls = sum(0x7F <= byte <= 0x9F for byte in content[:_HEAD_BYTES])
    if controls > len(content[:_HEAD_BYTES]) / 100:
        raise DataError(f"{path} is a binary file, or text in an unknown encoding; text in UTF-8 is needed; convert it")
    return "latin-1"


def _mixes_scripts(content: bytes, encoding: str) -> bool:
    """Whether most words with letters beyond ASCII hold ASCII letters too, as `GrцЯe`, which is `Größe` in KOI8-R."""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", _decoded(content, encoding) or "") if not word.isascii()]
    return 2 * sum(re.search("[A-Za-z]", word) is not None for word in words) > len(words)


def _decoded(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def _letters(content: bytes) -> bytes:
    """The lines of a file that hold bytes beyond ASCII, which alone tell encodings apart; not too many of them."""
    lines = [line for line in content.splitlines() if not line.isascii()]
    return b"\n".join(lines)[:_MOST_BYTES]
