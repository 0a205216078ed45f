"""A hash of a data set's content, which is the same wherever and in whichever format the data is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

_BLOCK_BYTES = 1 << 24


def fingerprint(
    *,
    x: pd.DataFrame | npt.NDArray[Any],
    y: npt.NDArray[Any],
    classes: Sequence[str],
    test_rows: npt.NDArray[np.int64] | None,
    target: str | None,
    folds: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = (),
    weights: npt.NDArray[np.float64] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    times: npt.NDArray[np.float64] | None = None,
) -> str:
    """Compute SHA-256 over features, labels, official test part and target.

    Types are normalised: numbers count as float64, whether the file stored integers or floats, and texts count as their
    characters. Path, file format, compression and process have no influence.

    Args:
        x: `[N, F]` features, columns of a table or pixels.
        y: `[N]` class indices, or quantities as float64.
        classes: `[C]` labels as text; empty for quantities.
        test_rows: Rows of the official test part, or None.
        target: Name of the target column, or None.
        folds: Training and validation rows that were chosen already.
        weights: `[N]` weight of each row, or None.
        groups: `[N]` the group of each row, 0 … G − 1, or None.
        times: `[N]` by which the parts of a split follow each other, or None.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()

    def add(tag: str, *parts: bytes | memoryview) -> None:
        for part in (tag.encode(), *parts):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)

    add("target", *_texts([] if target is None else [target]))
    add("classes", *_texts(classes))
    if y.dtype.kind == "f":
        add("quantities", _float_bytes(y))
    else:
        add("labels", y.astype("<i8").tobytes())
    if weights is not None:
        add("weights", _float_bytes(weights))
    add("test", b"none" if test_rows is None else test_rows.astype("<i8").tobytes())
    if groups is not None:
        add("groups", groups.astype("<i8").tobytes())
    if times is not None:
        add("times", _float_bytes(times))
    for training, validation in folds:
        add("validation", validation.astype("<i8").tobytes())
        if len(training) + len(validation) + (0 if test_rows is None else len(test_rows)) < len(y):
            add("training", training.astype("<i8").tobytes())  # where it is not simply the rest
    if isinstance(x, pd.DataFrame):
        add("table", *_texts([str(name) for name in x.columns]))
        for _, column in x.items():
            if pd.api.types.is_numeric_dtype(column.dtype):
                add("numbers", _float_bytes(column.to_numpy(dtype=np.float64)))
            else:
                codes, texts = pd.factorize(column)
                add("texts", *_texts([str(text) for text in texts]), codes.astype("<i8").tobytes())
    else:
        add("pixels", str(x.shape).encode(), *_pixel_bytes(x))
    return digest.hexdigest()


def _texts(texts: Sequence[str]) -> list[bytes]:
    return [str(len(texts)).encode(), *(text.encode("utf-8", "surrogatepass") for text in texts)]


def _float_bytes(values: npt.NDArray[Any]) -> bytes:
    floats = values.astype("<f8") + 0.0  # − 0 becomes 0
    floats[np.isnan(floats)] = np.nan  # one bit pattern for all missing values
    return floats.tobytes()


def _pixel_bytes(pixels: npt.NDArray[Any]) -> Iterator[bytes]:
    """`[N, F]` pixels in blocks of rows: as bytes where all are whole numbers from 0 to 255, else as float64."""
    rows = max(1, _BLOCK_BYTES // max(1, 8 * pixels.shape[1]))
    blocks = [pixels[start : start + rows] for start in range(0, len(pixels), rows)]
    if pixels.dtype == np.uint8 or all(np.array_equal(block, _as_bytes(block)) for block in blocks):
        yield b"bytes"
        for block in blocks:
            yield _as_bytes(block).tobytes()
    else:
        yield b"floats"
        for block in blocks:
            yield _float_bytes(block)


def _as_bytes(block: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return block if block.dtype == np.uint8 else np.clip(block, 0, 255).astype(np.uint8)
