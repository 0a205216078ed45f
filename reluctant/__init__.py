"""The name that users install and import: version, errors, and the entry of the command."""

from __future__ import annotations

from reluctant.errors import ReluctantError, ReluctantWarning, nearest, unknown

__all__ = ["ReluctantError", "ReluctantWarning", "__version__", "nearest", "unknown"]

__version__ = "0.1.0"
