"""One colour and one marker an activation, the same in the report, the dashboard and the README.

The colours of the activations that stand side by side most often differ for readers with protanopia and deuteranopia
too, and every one of them can be seen on white and on near-black; where two activations share a colour, their markers
differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces import ACTIVATIONS

LIGHT, DARK = "#ffffff", "#15181d"
"""Backgrounds of the page."""
INK = "#7d7d7d"
"""Lines and markers that belong to no activation; to be seen on both backgrounds."""
RECOMMENDED = "#e03131"
SCALE = ((0.0, "#e8eef7"), (1.0, "#2277dd"))
"""Of heat maps; the numbers in their cells are dark."""


@dataclass(frozen=True)
class Mark:
    """How an activation is drawn.

    Attributes:
        colour: Of lines and markers.
        symbol: Plotly's name of the marker.
    """

    colour: str
    symbol: str


_MARKS = {
    "relu": Mark("#2277dd", "circle"),
    "leaky_relu": Mark("#dd8800", "diamond"),
    "prelu": Mark("#994422", "square"),
    "elu": Mark("#00aabb", "triangle-up"),
    "tanh": Mark("#aa0099", "triangle-down"),
    "sigmoid": Mark("#ff5588", "pentagon"),
    "gelu": Mark("#cc3377", "hexagon"),
    "silu": Mark("#bb6611", "hexagram"),
    "identity": Mark("#5599ff", "cross"),
    "selu": Mark("#00aabb", "triangle-left"),
    "mish": Mark("#cc3377", "triangle-right"),
    "softplus": Mark("#dd8800", "bowtie"),
    "softsign": Mark("#aa0099", "hourglass"),
    "hardswish": Mark("#994422", "diamond-tall"),
}
# An activation that is added without a mark of its own is still drawn.
MARKS = {name: _MARKS.get(name, Mark(INK, "diamond-wide")) for name in ACTIVATIONS}
