"""The layout that all figures share, and the kinds of traces that they are made of."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from study.report.palette import INK, MARKS, SCALE
from study.tasks import Task

HEIGHT = 380
SPARSITY = {
    "clamped_zeros": "zeros of the clamped network",
    "near_zero": "activations near zero",
    "zeros": "activations that are zero",
    "hoyer": "Hoyer sparsity",
    "gini": "Gini index",
    "removable": "removable units",
}
"""The sparsity measures in words; all of them are over live units."""
LOSS_CURVE = (
    "the training loss is the mean over an epoch's batches, taken while the weights change and with dropout on, and "
    "not the loss of the network that the epoch ends with"
)
"""What the second curve is, in words."""
_GRID = "rgba(125,125,125,0.25)"
_AXIS = {"gridcolor": _GRID, "zeroline": False, "linecolor": INK, "ticks": "outside", "automargin": True}


@dataclass(frozen=True)
class Panel:
    """One figure of a section.

    Attributes:
        id: Valid as an HTML id.
        figure: The figure.
    """

    id: str
    figure: go.Figure


@dataclass(frozen=True)
class Section:
    """Figures that answer one question.

    Attributes:
        id: Valid as an HTML id.
        title: The question, in short.
        sentence: What the figures show.
        panels: Side by side where there is room.
        rows: A table below them; cells are text.
    """

    id: str
    title: str
    sentence: str
    panels: tuple[Panel, ...] = ()
    rows: tuple[Mapping[str, str], ...] = ()


def learning_curves(task: Task) -> tuple[tuple[str, str, float], ...]:
    """Learning curves of a task: stored name, title of the axis, and the factor that gives its unit."""
    shown = task.metrics[0]
    return (
        (f"validation_{shown.name}", shown.titled(f"validation {shown.name}"), shown.number(1.0)),
        ("training_loss", f"training loss, dropout on, {task.loss_unit}", 1.0),
    )


def figure(x: str, y: str, *, height: int = HEIGHT, **layout: Any) -> go.Figure:
    """An empty figure with titled axes, a transparent background, and its legend below.

    Args:
        x: Title of the x axis.
        y: Title of the y axis.
        height: Height in pixels.
        layout: Further options of Plotly's layout.
    """
    chart = go.Figure()
    chart.update_layout(
        template="none",
        height=height,
        margin={"l": 56, "r": 12, "t": 8, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "itemwidth": 30},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
        xaxis={**_AXIS, "title": {"text": x, "standoff": 8}},
        yaxis={**_AXIS, "title": {"text": y, "standoff": 8}},
    )
    chart.update_layout(**layout)
    return chart


def dots(
    chart: go.Figure,
    activation: str,
    x: Sequence[float | str],
    y: Sequence[float],
    hover: Sequence[str],
    *,
    size: int = 7,
    opacity: float = 0.75,
    **trace: Any,
) -> None:
    """Adds an activation's points.

    Args:
        chart: The figure.
        activation: Its name.
        x: Numbers, or categories.
        y: Numbers.
        hover: Text that appears when somebody points at a point.
        size: Size of the markers in pixels.
        opacity: Opacity of the markers.
        trace: Further options of Plotly's scatter trace.
    """
    mark = MARKS[activation]
    chart.add_scatter(
        **{
            "x": _rounded(x),
            "y": _rounded(y),
            "mode": "markers",
            "name": activation,
            "legendgroup": activation,
            "marker": {"color": mark.colour, "symbol": mark.symbol, "size": size, "opacity": opacity},
            "line": {"color": mark.colour, "width": 1.5},
            "text": list(hover),
            "hovertemplate": "%{text}<extra></extra>",
            **trace,
        }
    )


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
) -> go.Figure:
    """A heat map with its texts in the cells; a cell without a value has its text alone, and no colour."""
    chart = figure("", "", height=90 + 42 * len(rows))
    chart.add_heatmap(
        x=list(columns),
        y=list(rows),
        z=[_rounded(row) for row in values],
        text=[list(row) for row in texts],
        texttemplate="%{text}",
        textfont={"color": "#10151c", "size": 12},
        hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
        colorscale=[list(stop) for stop in SCALE],
        showscale=False,
        xgap=2,
        ygap=2,
    )
    for row, values_of_row, texts_of_row in zip(rows, values, texts, strict=True):
        for column, value, text in zip(columns, values_of_row, texts_of_row, strict=True):
            if text and _digits(value) is None:  # Plotly writes no text into a cell without a value.
                chart.add_annotation(x=column, y=row, text=text, showarrow=False, font={"size": 12})
    chart.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    chart.update_xaxes(showgrid=False, ticks="", tickangle=-30)
    return chart


def mean_curve(curves: Sequence[Sequence[float]]) -> list[float]:
    """The mean of `[replicates][epochs]` curves at each epoch, over the replicates that were trained so far."""
    columns = zip_longest(*curves)
    return [fmean(value for value in column if value is not None) for column in columns]


def band(chart: go.Figure, name: str, colour: str, curves: Sequence[Sequence[float]], *, dash: str = "solid") -> None:
    """Adds the mean of `[replicates][epochs]` curves, with their range behind it where there are several.

    At each epoch they are those of the replicates that were trained so far.
    """
    epochs = list(range(1, max(map(len, curves)) + 1))
    columns = [[value for value in column if value is not None] for column in zip_longest(*curves)]
    if len(curves) > 1:
        around = [*map(max, columns), *reversed([*map(min, columns)])]
        chart.add_scatter(
            x=[*epochs, *reversed(epochs)],
            y=_rounded(around),
            mode="lines",  # Plotly adds markers in colours of its own where points are few
            fill="toself",
            fillcolor=_faint(colour),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=name,
        )
    chart.add_scatter(
        x=epochs,
        y=_rounded([sum(column) / len(column) for column in columns]),
        mode="lines",
        line={"color": colour, "width": 2, "dash": dash},
        name=name,
        legendgroup=name,
        hovertemplate=f"{escape(name)}: epoch %{{x}}, %{{y}}<extra></extra>",
    )


def wrapped(text: str, width: int) -> str:
    """Text in lines of at most so many characters, as plotly breaks lines.

    Example:
        >>> wrapped("accuracy, leaky ReLU - ReLU", 20)
        'accuracy, leaky ReLU<br>- ReLU'
    """
    return "<br>".join(textwrap.wrap(text, width, break_on_hyphens=False))


def _rounded(values: Iterable[float | str | None]) -> list[float | str | None]:
    """Values of six digits, which is more than a screen shows and saves two thirds of the bytes; NaN becomes None."""
    return [value if isinstance(value, str) else _digits(value) for value in values]


def _digits(value: float | None) -> float | None:
    return None if value is None or value != value else float(f"{value:.6g}")


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
