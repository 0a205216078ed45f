"""Reads data sets of openml.org, through scikit-learn and its cache."""

from __future__ import annotations

import re
import warnings
from http.client import HTTPException

from reluctant.errors import ReluctantWarning
from study.data.dataset import Dataset
from study.data.errors import DataError, listing
from study.data.reading import TableOptions
from study.data.table import from_table

PREFIX = "openml:"
_USUAL = TableOptions()


def read_openml(source: str, *, target: str | None, options: TableOptions = _USUAL) -> Dataset:
    """Read a data set of openml.org; it is downloaded once and then read from scikit-learn's cache.

    Args:
        source: "openml:ID", where ID is the number in the address of its page.
        target: Name of the target column; None means the one that OpenML names.
        options: Version of the reader, columns to drop and to keep.

    Returns:
        The data set.

    Raises:
        DataError: There is no such data set, no connection, or the data set is no dense table.
    """
    number = source.removeprefix(PREFIX).strip()
    if not re.fullmatch(r"[1-9][0-9]{0,9}", number):
        raise DataError(
            f"{source!r} names no data set of OpenML; needed is openml:ID with the number in the address of its page, "
            "as openml:31 for www.openml.org/d/31"
        )
    import sklearn.datasets  # half a second of imports, which other sources do without

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            bunch = sklearn.datasets.fetch_openml(data_id=int(number), as_frame="auto", parser="auto")
    except (OSError, HTTPException) as error:
        raise DataError(
            f"{source} could not be fetched from openml.org ({error}); a connection is needed the first time; check it "
            "and try again, or give a file"
        ) from error
    except ValueError as error:
        raise DataError(f"{source} could not be read ({error}); is {number} the number of a data set?") from error
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            warnings.warn(f"{source}: {warning.message}", ReluctantWarning, stacklevel=2)
        else:  # what is not about the data is passed on as it came
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if bunch.get("frame") is None:
        raise DataError(f"{source} is stored as a sparse matrix; a dense table is needed; choose another data set")
    return from_table(
        bunch.frame,
        target=target or _only_target(bunch.target_names, source),
        name=f"openml-{number}",
        origin=source,
        options=options,
    )


def _only_target(names: list[str], source: str) -> str | None:
    if len(names) > 1:
        raise DataError(f"{source} has several targets ({listing(names)}); one is needed; choose it with --target")
    return names[0] if names else None
