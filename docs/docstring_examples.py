"""Lets the reference show the `Example:` sections of docstrings as code."""

from __future__ import annotations

import re
from typing import Any

import griffe


class DocstringExamples(griffe.Extension):
    """Renames `Example:` to `Examples:`, the only spelling that griffe's Google parser takes for a section."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Changes the docstring of a class, function or attribute before it is parsed."""
        _rename(obj)

    def on_module_members(self, *, mod: griffe.Module, **_: Any) -> None:
        """Changes the docstring of a module before it is parsed."""
        _rename(mod)


def _rename(described: griffe.Object) -> None:
    if described.docstring is not None:
        described.docstring.value = re.sub(r"(?m)^Example:$", "Examples:", described.docstring.value)
