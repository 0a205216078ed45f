"""Reads delimited text files as tables of text; compression, encoding, comments and separator are recognised."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path

import pandas as pd

from study.data.column_forms import NUMBER
from study.data.compressed import read_decompressed
from study.data.encodings import decode, encoding_notes
from study.data.errors import DataError, listing
from study.data.reading import Reading

_USUAL = ",;\t|"
_HEAD_LINES = 20
_BLANKS = r"\s+"


def read_delimited(path: Path) -> tuple[pd.DataFrame, Reading]:
    """Read a text file: a line of column names, then data, each value as it is written.

    Args:
        path: A file, plain or compressed. Lines before the names that begin with `#` are comments, unless the last
            one has the names of the numbers below; and so are later ones with another number of values than the names.

    Returns:
        `[N, F]` columns of text, and how the file was read.

    Raises:
        DataError: The file is empty, binary, cut or not a table, or two columns have one name.
    """
    text, encoding = decode(read_decompressed(path), path)
    lines = text.splitlines(keepends=True)
    first = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), None)
    if first is None:
        raise DataError(f"{path} is empty; a CSV file begins with a line of column names; is this the right file?")
    separator = find_separator([line for line in islice(lines, 10 * _HEAD_LINES) if line.strip()])
    text, comments = _without_comments(text, lines, separator)
    _check_first_rows(text, separator, path)
    try:
        rows = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise _ragged(path, str(error).strip()) from error
    names = [str(name).strip() for name in rows.iloc[0].fillna("")]
    names = [name or f"Unnamed: {index}" for index, name in enumerate(names)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    looks_like_data = names_look_like_data(names)
    if twice:
        remedy = "rename them" if looks_like_data is None else looks_like_data
        raise DataError(f"{path} has several columns named {listing(twice)}; names must differ; {remedy}")
    notes = [*encoding_notes(encoding)]
    if separator not in ",\t":
        notes.append(f"separated by {'blanks' if separator == _BLANKS else repr(separator)}")
    if looks_like_data is not None:
        notes.append(looks_like_data)
    if comments:
        notes.append(f"{comments} {'line' if comments == 1 else 'lines'} of comments (#) left out")
    table = rows.iloc[1:].reset_index(drop=True).set_axis(names, axis="columns")
    return table, Reading(separator=separator, encoding=encoding, notes=tuple(notes))


def names_look_like_data(names: Sequence[str]) -> str | None:
    """What a user should do about a first line that holds numbers, as where a line of names was forgotten; else None.

    Whole numbers that rise are names, as those of years and pixels.

    Example:
        >>> names_look_like_data(["5.1", "3.5", "setosa"])
        'its first line, read as names, looks like data (5.1, 3.5, setosa); if it is, add a line of names above it'
        >>> names_look_like_data(["region", "2023", "2024"])
    """
    numbers = [float(name) for name in names if NUMBER.matches(name)]
    rising = all(before < after for before, after in pairwise(numbers))
    if not numbers or (rising and all(number.is_integer() for number in numbers)):
        return None
    seen = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"its first line, read as names, looks like data ({seen}); if it is, add a line of names above it"


def find_separator(lines: list[str]) -> str:
    r"""The separator of a table: of the usual ones, or of any character, that which most lines agree on.

    Args:
        lines: Its first lines, the names first, comments perhaps among them.

    Returns:
        One character, or the regular expression of any number of blanks.

    Example:
        >>> find_separator(["a|b\n", "1,5|2\n"]), find_separator(["a  b\n", "10 2\n"])
        ('|', '\\s+')
    """
    texts = [_unquoted(line) for line in lines if not line.lstrip().startswith("#")][:_HEAD_LINES]
    names = texts[0] if texts else ""

    def agreement(character: str) -> tuple[float, int]:
        return sum(text.count(character) == names.count(character) for text in texts) / len(texts), names.count(
            character
        )

    present = [character for character in _USUAL if character in names]
    if present:
        return max(present, key=agreement)
    others = {each for each in names if not each.isalnum() and each not in "\"'_.-+()[]{}%$€#/\\&?!\n\r"} - {" "}
    others = {each for each in others if agreement(each)[0] == 1.0}
    if others and len(texts) > 1:
        return max(sorted(others), key=agreement)
    words = {len(text.split()) for text in texts}
    return _BLANKS if len(texts) > 1 and len(words) == 1 and words != {1} else ","


def _unquoted(line: str) -> str:
    """A line without what stands in quotes."""
    return re.sub(r'"[^"]*"', '""', line.strip("\n\r"))


def _without_comments(text: str, lines: list[str], separator: str) -> tuple[str, int]:
    """The text with its comments as empty lines, which keeps the numbers of lines; and how many they were."""
    if not any(line.lstrip().startswith("#") for line in lines):
        return text, 0
    kept: list[str] = []
    comments, values, in_quotes = 0, None, False
    for line in lines:
        count = len(re.split(separator if separator == _BLANKS else re.escape(separator), _unquoted(line).strip()))
        if not in_quotes and line.lstrip().startswith("#") and (values is None or count != values):
            kept.append("\n")
            comments += 1
            continue
        if values is None and line.strip():
            values = count
            before = lines[len(kept) - 1] if kept else ""
            if _names_behind_a_hash(before, line, separator):
                kept[-1] = before
                comments -= 1
        kept.append(line)
        in_quotes ^= line.count('"') % 2 == 1  # a cell may have several lines
    return "".join(kept), comments


def _names_behind_a_hash(before: str, first: str, separator: str) -> bool:
    """Whether a line that begins with `#` has the names of the first row: as many, and numbers below it alone."""
    if not before.lstrip().startswith("#"):
        return False
    pattern = separator if separator == _BLANKS else re.escape(separator)
    names, values = (re.split(pattern, _unquoted(line).strip()) for line in (before, first))
    numbers = [any(re.fullmatch(r"[+-]?[\d.,]*\d", cell.strip()) for cell in cells) for cells in (names, values)]
    return len(names) == len(values) > 1 and numbers == [False, True]


def _check_first_rows(text: str, separator: str, path: Path) -> None:
    """Refuses a file whose second row has more values than there are names."""
    if separator == _BLANKS:
        return
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        names, values = ([*islice(filter(None, lines), 2), [], []])[:2]
    except csv.Error as error:
        raise _ragged(path, str(error)) from error
    if len(values) > len(names):
        raise _ragged(path, f"its first line has {len(names)} names, the next {len(values)} values")


def _ragged(path: Path, seen: str) -> DataError:
    return DataError(
        f"{path} is not a table: {seen}; every line needs as many values as the first has names; correct the line, "
        "quote values that hold the separator, or put # before lines that stand above the names"
    )
