"""What a stream cannot encode."""

from __future__ import annotations

import io
import os
import sys

import pytest

from study.cli.output_streams import allow_every_character


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("ascii", "98 ± 1 × 3 – …", b"98 +/- 1 x 3 - ..."),
        ("ascii", "Köln ← 東", rb"K\xf6ln <- \u6771"),
        ("latin-1", "98 ± 1 – Köln", b"98 \xb1 1 - K\xf6ln"),
        ("cp1252", "98 ± 1 – → 東", b"98 \xb1 1 \x96 -> \\u6771"),
        ("utf-8", "98 ± 1 – Köln", "98 ± 1 – Köln".encode()),
        ("utf-8", os.fsdecode(b"K\xc3\xb6ln\xff.csv"), b"K\xc3\xb6ln\xff.csv"),
    ],
)
def test_every_text_is_written(monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, written: bytes) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    allow_every_character()
    for stream in (sys.stdout, sys.stderr):
        print(text, end="", file=stream, flush=True)
        assert stream.buffer.getvalue() == written  # type: ignore[attr-defined]
