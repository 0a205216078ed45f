"""The floor that `search_spaces`, `storage` and `study` stand on: the version, errors, the command's entry."""

from __future__ import annotations

from reluctant.errors import ReluctantError, ReluctantWarning, nearest, unknown

__all__ = ["ReluctantError", "ReluctantWarning", "__version__", "nearest", "unknown"]

__version__ = "0.1.0"
