"""Opens files through their compression, which is recognised by their first bytes, whatever their names are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

import pyarrow

from study.data.errors import DataError, listing

_FAILURES = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, OSError, ValueError)


def read_decompressed(path: Path) -> bytes:
    """Read a file, through gzip, bzip2, xz, Zstandard or ZIP where it is compressed.

    Raises:
        DataError: It is damaged or cut, or a ZIP archive that holds more than one file.
    """
    content = path.read_bytes()
    for start, name, expand in (
        (b"\x1f\x8b", "gzip", gzip.decompress),
        (b"BZh", "bzip2", bz2.decompress),
        (b"\xfd7zXZ\x00", "xz", lzma.decompress),
        (b"\x28\xb5\x2f\xfd", "Zstandard", _zstandard),
        (b"PK\x03\x04", "ZIP", _only_file),
    ):
        if content.startswith(start):
            try:
                return expand(content)
            except DataError as error:
                raise DataError(f"{path} {error}") from None
            except _FAILURES as error:
                raise DataError(
                    f"{path} is damaged or cut: {error}; a whole {name} file is needed; fetch it again"
                ) from error
    return content


def _zstandard(content: bytes) -> bytes:
    with pyarrow.CompressedInputStream(pyarrow.BufferReader(content), "zstd") as stream:
        expanded: bytes = stream.read()
    return expanded


def _only_file(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise DataError(f"is an archive of {len(names)} files ({listing(names)}); one is needed; unpack it")
        if archive.getinfo(names[0]).flag_bits & 1:
            raise DataError("is an encrypted archive; a plain one is needed; unpack it")
        return archive.read(names[0])
