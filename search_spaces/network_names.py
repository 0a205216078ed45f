"""The names that options of networks may have; importing this module loads no torch."""

from __future__ import annotations

NORMALIZATIONS = ("none", "batch", "layer")
HEADS = ("flatten", "average")
OPTIONS = ("hidden", "channels", "head", "normalization", "residual")
"""The options of a study that say how networks are built; an architecture has some of them."""
