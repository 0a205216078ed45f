"""Reads a folder of IDX files, the format of MNIST and Fashion-MNIST."""

from __future__ import annotations

import math
import re
import zlib
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from study.data.csv_parquet import open_plain_or_gzip
from study.data.dataset import Dataset, make_dataset
from study.data.endings import holds_a_table
from study.data.errors import DataError, DataNotFoundError, listing
from study.data.images import ImageLayout
from study.data.reading import TableOptions

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[0-9]-ubyte(\.gz)?")
_USUAL = TableOptions()


def read_idx_folder(folder: Path, *, options: TableOptions = _USUAL) -> Dataset:
    """Read a folder of IDX files, plain or gzip; its t10k files become the official test part.

    Args:
        folder: A folder with train-images-idx3-ubyte and train-labels-idx1-ubyte, and optionally with
            t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte. A dot may replace the dash before `idx`, and `.gz` may
            follow.
        options: How the labels are read; images have no columns to drop or to keep.

    Returns:
        The data set of pixels.

    Raises:
        DataNotFoundError: Files are missing.
        DataError: A file is truncated, is no IDX file, or does not fit the others.
    """
    files = _find(folder)
    x, y = _read_part(files, "train", folder)
    test_rows = None
    if ("t10k", "images") in files or ("t10k", "labels") in files:
        x_test, y_test = _read_part(files, "t10k", folder)
        if x.shape[1:] != x_test.shape[1:]:
            raise DataError(f"images of {folder} are {x.shape[1:]} in train, {x_test.shape[1:]} in t10k; one size only")
        test_rows = np.arange(len(x), len(x) + len(x_test))
        x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    targets = options.read_target(y, what=f"the labels of {folder}")
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    image = ImageLayout.of(x.shape[1:])
    return make_dataset(name=folder.name, origin=str(folder), x=flat, targets=targets, test_rows=test_rows, image=image)


def read_idx(path: Path) -> npt.NDArray[Any]:
    """Read one IDX file, plain or gzip: two zero bytes, type, number of axes, sizes (big-endian), values.

    Args:
        path: The file.

    Returns:
        The array, in the machine's byte order.

    Raises:
        DataError: The file is truncated or is no IDX file.

    See http://yann.lecun.com/exdb/mnist/, "The IDX file format".
    """
    try:
        with open_plain_or_gzip(path) as stream:
            content = stream.read()
    except (EOFError, zlib.error, BadGzipFile) as error:
        raise DataError(f"{path} is damaged or cut: {error}; a whole gzip file is needed; fetch it again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or not content[3]:
        raise DataError(
            f"{path} begins with the bytes {content[:4].hex(' ') or 'none'}; an IDX file begins with 00 00, a type "
            "(08 for bytes) and the number of axes; fetch it again"
        )
    kind = np.dtype(_TYPES[content[2]])
    start = 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4", count=len(content[4:start]) // 4))
    expected = start + math.prod(shape) * kind.itemsize
    if len(content) != expected or len(shape) < content[3]:
        state = "cut" if len(content) < expected else "longer than it says"
        raise DataError(
            f"{path} is {state}: {expected:,} bytes are needed for its shape {shape}, {len(content):,} are there; "
            "fetch it again"
        )
    return np.frombuffer(content, dtype=kind, offset=start).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def holds_idx_files(folder: Path) -> bool:
    """Whether there is a file in a folder that has the name of an IDX file."""
    return any(_NAME.fullmatch(path.name) for path in folder.iterdir())


def _find(folder: Path) -> dict[tuple[str, str], Path]:
    """The IDX files of a folder by part and content; a plain file is preferred to its compressed copy."""
    files: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            files.setdefault((match[1], match[2]), path)
    parts = {part for part, _ in files} | {"train"}
    missing = [
        f"{part}-{content}-idx{axes}-ubyte"
        for part in sorted(parts, reverse=True)
        for content, axes in (("images", 3), ("labels", 1))
        if (part, content) not in files
    ]
    if missing:
        raise DataNotFoundError(
            f"{folder} is a folder, and {listing(missing)} (plain or .gz) {'is' if len(missing) == 1 else 'are'} "
            f"missing in it; a folder of IDX files, one of images (PNG, JPEG) with a folder for each class, or a "
            f"single file is needed{_instead(folder)}"
        )
    return files


def _instead(folder: Path) -> str:
    """A hint at files or folders inside the folder that the user may have meant; else empty."""
    inner = sorted(path.parent.name for path in folder.glob("*/train-images*"))
    if inner:
        return f"; did you mean '{folder / inner[0]}'?"
    tables = sorted(path.name for path in folder.iterdir() if holds_a_table(path.name))
    return f"; name the file, one of {listing(tables)}" if tables else "; is this the right folder?"


def _read_part(
    files: dict[tuple[str, str], Path], part: str, folder: Path
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Images `[N, …]` and labels `[N]` of one part."""
    images, labels = read_idx(files[part, "images"]), read_idx(files[part, "labels"])
    if images.ndim < 2 or labels.ndim != 1:
        raise DataError(
            f"{part} images of {folder} have {images.ndim} axes and labels {labels.ndim}; images need two or more and "
            "labels one; are the files mixed up?"
        )
    if len(images) != len(labels):
        raise DataError(
            f"{folder} holds {len(images):,} {part} images but {len(labels):,} {part} labels; one label an image is "
            "needed; are the files of one set?"
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise DataError(f"{part} images of {folder} hold infinite or missing pixels; finite numbers are needed")
    return images, labels
