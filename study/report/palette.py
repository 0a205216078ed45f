"""The colours of all figures, and the mark of each activation, which its registry entry names.

The colours of the activations that stand side by side most often differ for readers with protanopia and deuteranopia
too, and every one of them is visible on white and on near-black; where two activations share a colour, their markers
differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle

from search_spaces.activations import ACTIVATIONS, Activation, Mark

LIGHT, DARK = "#ffffff", "#15181d"
"""Backgrounds of the page."""
INK = "#7d7d7d"
"""Colour of lines and markers that belong to no activation; it is visible on both backgrounds."""
RECOMMENDED = "#e03131"
SCALE = ((0.0, "#e8eef7"), (1.0, "#2277dd"))
"""Colours of heat maps; the numbers in their cells are dark."""
_SPARE_SYMBOLS = ("diamond-wide", "star-triangle-up", "star-square", "star-diamond", "star-triangle-down", "octagon")
"""Markers of activations whose entry names none; no entry uses them."""


def _marks(activations: Iterable[Activation]) -> dict[str, Mark]:
    """The mark of each activation, by name; those whose entry names none are grey and differ by their markers."""
    spare = cycle(_SPARE_SYMBOLS)
    return {each.name: each.mark or Mark(INK, next(spare)) for each in activations}


MARKS = _marks(ACTIVATIONS.values())
