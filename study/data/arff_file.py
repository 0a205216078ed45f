"""Reads ARFF files, the format of Weka and OpenML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import arff
import pandas as pd

from study.data.compressed import read_decompressed
from study.data.encodings import decode, encoding_notes
from study.data.errors import DataError
from study.data.reading import Reading

_DATE = re.compile(r"""(?im)^([ \t]*@attribute[ \t]+(?:'[^']*'|"[^"]*"|\S+)[ \t]+)date\b.*$""")


def read_arff(path: Path) -> tuple[pd.DataFrame, Reading]:
    """Read an ARFF file, plain or compressed, dense or sparse.

    Args:
        path: The file.

    Returns:
        `[N, F]` columns: numeric attributes are float64, nominal ones categorical, strings and dates text; and how the
        file was read.

    Raises:
        DataError: The file is no ARFF file, is cut, or has relational attributes.
    """
    text, encoding = decode(read_decompressed(path), path)
    head, start, data = _parts(text, path)
    is_sparse = re.search(r"^\s*(?!%)(\S)", data, flags=re.MULTILINE)
    sparse = is_sparse is not None and is_sparse[1] == "{"
    try:
        # The form of a date is found from its values, as in every text file.
        found = arff.loads(_DATE.sub(r"\1string", head) + start + data, return_type=arff.LOD if sparse else arff.DENSE)
    except (arff.ArffException, ValueError) as error:
        raise DataError(
            f"{path} is no ARFF file, or a damaged one ({' '.join(str(error).split())}); correct it, or write it as CSV"
        ) from error
    kinds = dict(found["attributes"])
    if sparse:
        rows = [[row.get(index, _left_out(kind)) for index, kind in enumerate(kinds.values())] for row in found["data"]]
    else:
        rows = found["data"]
    cells = list(zip(*rows, strict=True)) or [()] * len(kinds)
    columns = [_column(each, kind) for each, kind in zip(cells, kinds.values(), strict=True)]
    table = pd.concat(columns, axis="columns").set_axis(list(kinds), axis="columns")
    return table, Reading(encoding=encoding, notes=encoding_notes(encoding))


def _parts(text: str, path: Path) -> tuple[str, str, str]:
    """The declarations, the line `@data`, and what follows."""
    found = re.search(r"(?im)^[ \t]*@data\b.*$", text)
    if found is None:
        raise DataError(f"{path} is no ARFF file, or a cut one: it has no line @data; write it again, or as CSV")
    return text[: found.start()], found[0], text[found.end() :]


def _left_out(kind: Any) -> Any:
    """The value that a row of a sparse file leaves out."""
    return kind[0] if isinstance(kind, list) else "" if kind == "STRING" else 0.0


def _column(cells: tuple[Any, ...], kind: Any) -> pd.Series[Any]:
    """The cells `[N]` of an attribute; missing ones are None."""
    if isinstance(kind, list):
        return pd.Series(pd.Categorical(cells, categories=kind))
    return pd.Series(cells, dtype="str" if kind == "STRING" else "float64")
