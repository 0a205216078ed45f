"""Imports the public names of a package where they are first used, so that importing the package is fast."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a package (PEP 562).

    Args:
        package: The `__name__` of the package.
        homes: The module that defines each public name; a name with a leading dot is relative to the package.

    Returns:
        A function that imports the module of a public name and returns the name from it. It raises AttributeError
        for other names.

    Example:
        >>> find = lazy_attributes("collections", {"Mapping": ".abc"})
        >>> find("Mapping").__name__
        'Mapping'
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name], package), name)

    return find
