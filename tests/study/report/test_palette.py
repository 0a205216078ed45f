"""The palette can be told apart, also by the colour-blind, on both backgrounds."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
import pytest

from search_spaces import ACTIVATIONS
from study.report.palette import DARK, INK, LIGHT, MARKS, RECOMMENDED, _marks

# Machado, Oliveira and Fernandes 2009, table 1, severity 1, on linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
# Ottosson 2020, "A perceptual color space for image processing".
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2.2, contrast ratio."""
    light, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def distance(a: str, b: str, eye: str) -> float:
    def lab(colour: str) -> np.ndarray:
        seen = np.clip(np.array(EYES[eye]) @ linear(colour), 0, 1)
        return TO_LAB @ np.cbrt(TO_LMS @ seen)

    return float(np.linalg.norm(lab(a) - lab(b)))


@pytest.mark.parametrize("background", [LIGHT, DARK])
@pytest.mark.parametrize("colour", sorted({mark.colour for mark in MARKS.values()} | {INK, RECOMMENDED}))
def test_a_colour_can_be_seen(colour: str, background: str) -> None:
    assert contrast(colour, background) > 2.5


@pytest.mark.parametrize("eye", EYES)
def test_colours_of_activations_can_be_told_apart(eye: str) -> None:
    colours = {activation.mark.colour for activation in ACTIVATIONS.values() if activation.mark is not None}
    assert all(distance(a, b, eye) > 0.1 for a, b in combinations(colours, 2))


def test_every_activation_has_a_marker_of_its_own() -> None:
    assert list(MARKS) == list(ACTIVATIONS)
    assert len({mark.symbol for mark in MARKS.values()}) == len(ACTIVATIONS)
    assert not {mark.symbol for mark in MARKS.values()} & {"star", "x"}, "the recommended trial's and the baseline's"


def test_activations_without_a_mark_are_drawn_with_markers_that_nobody_else_has() -> None:
    known = list(ACTIVATIONS.values())
    added = [replace(known[0], name=f"added{number}", mark=None) for number in range(3)]
    marks = _marks([*known, *added])
    assert len({mark.symbol for mark in marks.values()}) == len(marks)
    assert {marks[activation.name].colour for activation in added} == {INK}
    # Plotly refuses a marker that it does not know.
    for mark in marks.values():
        go.Scatter(marker={"symbol": mark.symbol, "color": mark.colour})
