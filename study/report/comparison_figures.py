"""The figures of a comparison's designs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from study.comparison.summary import CellSummary, ComparisonSummary, LayerSummary
from study.report.captions import MEASURED, zero_gradients
from study.report.plot import SPARSITY, Panel, Section, dots, figure, heat

_NEAR_ZERO = f"{SPARSITY['near_zero']}, %"
_BARS = (
    "The bars are 95 % intervals of each mean alone. Whether two means differ is not to be read from them: the "
    "verdicts read it from paired differences."
)


def designs(summary: ComparisonSummary) -> list[Section]:
    """A section for each design that has cells."""
    return [section for section in (make(summary) for make in _DESIGNS) if section is not None]


def _activations(summary: ComparisonSummary) -> Section | None:
    if not summary.accuracy_by_activation:
        return None
    cells = sorted(summary.accuracy_by_activation, key=lambda cell: -cell.accuracy)
    chart = figure("", _title(summary))
    for cell in cells:
        _add(chart, [cell], lambda cell: cell.activation, _accuracy, legend=False)
    chart.update_xaxes(
        type="category", tickangle=-30, categoryorder="array", categoryarray=[c.activation for c in cells]
    )
    return Section(
        "activations",
        "Activations",
        f"Test {summary.metric.name} of each activation at the learning rate (and leaky ReLU's slope) that the "
        f"validation part of each seed chooses, means over {summary.seeds_text}. {_bars(summary)}"
        f"{_diverged(cells, summary)}",
        (Panel("activations-figure", chart),),
    )


def _slopes(summary: ComparisonSummary) -> Section | None:
    if not summary.slope_response:
        return None
    panels = []
    for name, label, value in (("accuracy", _title(summary), _accuracy), ("sparsity", _NEAR_ZERO, _near_zero)):
        chart = figure("negative slope", label)
        _add(chart, summary.slope_response, lambda cell: f"{cell.negative_slope:g}", value, lines=True, legend=False)
        chart.update_xaxes(type="category")
        panels.append(Panel(f"slope-{name}", chart))
    return Section(
        "slope",
        "The negative slope",
        f"Leaky ReLU at each slope, 0 being ReLU, each at the learning rate that validation chooses. {_bars(summary)}"
        f"{_diverged(summary.slope_response, summary)}",
        tuple(panels),
    )


def _initializations(summary: ComparisonSummary) -> Section | None:
    if not summary.initialization_by_activation:
        return None
    cells = {
        (cell.activation, cell.initialization): 100 * cell.accuracy for cell in summary.initialization_by_activation
    }
    rows = list(dict.fromkeys(activation for activation, _ in cells))
    columns = list(dict.fromkeys(initialization for _, initialization in cells))
    values = [[cells.get((row, column)) for column in columns] for row in rows]
    texts = [["" if value is None else f"{value:.1f}" for value in row] for row in values]
    return Section(
        "initializations",
        "Initialization and activation",
        f"Mean test {summary.metric.name} in per cent of every pair, {_rate(summary)}, over {summary.seeds_text}."
        f"{_diverged(summary.initialization_by_activation, summary)}",
        (Panel("initializations-figure", heat(rows, columns, values, texts)),),
    )


def _dropout(summary: ComparisonSummary) -> Section | None:
    if not summary.dropout_by_activation:
        return None
    panels = []
    for name, label, value in (("sparsity", _NEAR_ZERO, _near_zero), ("accuracy", _title(summary), _accuracy)):
        chart = figure("dropout rate", label)
        _by_activation(chart, summary.dropout_by_activation, lambda cell: f"{cell.dropout:g}", value)
        panels.append(Panel(f"dropout-{name}", chart))
    return Section(
        "dropout",
        "Dropout and sparsity",
        f"What dropout in training does to the sparsity of the activations, measured without dropout on the test part "
        f"({MEASURED} samples), and to {summary.metric.name}, {_rate(summary)}; means over {summary.seeds_text}."
        f"{_diverged(summary.dropout_by_activation, summary)}",
        tuple(panels),
    )


def _depth(summary: ComparisonSummary) -> Section | None:
    if len({cell.depth for cell in summary.depth_by_activation}) < 2:
        return None
    chart = figure(_layers_text(summary), _title(summary))
    _by_activation(chart, summary.depth_by_activation, lambda cell: str(cell.depth), _accuracy)
    return Section(
        "depth",
        "Depth",
        f"Test {summary.metric.name} of networks of more and more {_layers_text(summary)}, with one initialization and "
        f"learning rate; means over {summary.seeds_text}.{_diverged(summary.depth_by_activation, summary)}",
        (Panel("depth-figure", chart),),
    )


def _layers(summary: ComparisonSummary) -> Section | None:
    deepest = max((cell.depth for cell in summary.depth_by_activation), default=0)
    cells = [cell for cell in summary.depth_by_activation if cell.depth == deepest]
    if not cells:
        return None
    panels, hidden = [], 0
    measures: tuple[tuple[str, str, Callable[[LayerSummary], float]], ...] = (
        ("sparsity", _NEAR_ZERO, lambda layer: 100 * layer.near_zero),
        ("dead", "dead units, %", lambda layer: 100 * layer.dead),
        ("gradient", "gradient norm before training", lambda layer: layer.gradient_norm_start),
    )
    for name, label, value in measures:
        chart = figure("hidden layer", label)
        for cell in cells:
            numbers = [layer.layer + 1 for layer in cell.layers]
            values = [value(layer) for layer in cell.layers]
            hidden += sum(v <= 0 for v in values) if name == "gradient" else 0
            hover = [f"{cell.activation}, layer {n}: {v:.4g}" for n, v in zip(numbers, values, strict=True)]
            dots(chart, cell.activation, numbers, values, hover, mode="lines+markers", opacity=1.0)
        if name == "gradient":
            chart.update_yaxes(type="log")
        panels.append(Panel(f"layers-{name}", chart))
    return Section(
        "layers",
        "Layer by layer",
        f"Networks of {deepest} {_layers_text(summary)}: sparsity and dead units of each on the test part after "
        "training, and the norm of the loss' gradient by its weights before training on the validation part, both on "
        f"{MEASURED} samples; means over {summary.seeds_text}. Layer 1 is next to the input."
        f"{zero_gradients(hidden)}{_diverged(cells, summary)}",
        tuple(panels),
    )


_DESIGNS = (_activations, _slopes, _initializations, _dropout, _depth, _layers)


def _by_activation(
    chart: go.Figure, cells: Sequence[CellSummary], x: Callable[[CellSummary], str], y: Callable[[CellSummary], float]
) -> None:
    for activation in dict.fromkeys(cell.activation for cell in cells):
        _add(chart, [cell for cell in cells if cell.activation == activation], x, y, lines=True, bars=False)
    chart.update_xaxes(type="category")


def _add(
    chart: go.Figure,
    cells: Sequence[CellSummary],
    x: Callable[[CellSummary], str],
    y: Callable[[CellSummary], float],
    *,
    lines: bool = False,
    legend: bool = True,
    bars: bool = True,
) -> None:
    """Adds cells of one activation, with their intervals where `y` is the accuracy."""
    values = [y(cell) for cell in cells]
    hover = [f"{cell.activation}, {x(cell)}: {value:.2f} %" for cell, value in zip(cells, values, strict=True)]
    error = None
    if bars and y is _accuracy and all(cell.interval is not None for cell in cells):
        bounds = [cell.interval for cell in cells if cell.interval is not None]
        error = {
            "type": "data",
            "array": [100 * high - value for (_, high), value in zip(bounds, values, strict=True)],
            "arrayminus": [value - 100 * low for (low, _), value in zip(bounds, values, strict=True)],
            "thickness": 2,
            "width": 6,
        }
    dots(
        chart,
        cells[0].activation,
        [x(cell) for cell in cells],
        values,
        hover,
        mode="lines+markers" if lines else "markers",
        size=10 if error else 8,
        opacity=1.0,
        error_y=error,
        showlegend=legend,
    )


def _layers_text(summary: ComparisonSummary) -> str:
    """What the depth of a network counts."""
    return "blocks" if summary.reduced else "hidden layers"


def _title(summary: ComparisonSummary) -> str:
    """The title of an axis of what cells reach on the test part."""
    return summary.metric.titled(f"test {summary.metric.name}")


def _accuracy(cell: CellSummary) -> float:
    return 100 * cell.accuracy


def _near_zero(cell: CellSummary) -> float:
    return 100 * cell.near_zero


def _bars(summary: ComparisonSummary) -> str:
    return _BARS if summary.seeds > 1 else "One seed gives no interval."


def _diverged(cells: Sequence[CellSummary], summary: ComparisonSummary) -> str:
    """How many of a figure's networks diverged, and what they count as; empty where none did."""
    count, networks = sum(cell.diverged for cell in cells), sum(cell.networks for cell in cells)
    if not count:
        return ""
    counts = "counts" if count == 1 else "count"
    return (
        f" {count} of {networks} networks diverged, and {counts} as a constant guess in "
        f"{summary.metric.name}, and not at all in other means."
    )


def _rate(summary: ComparisonSummary) -> str:
    """At which learning rate initializations and dropout rates are compared."""
    tuned = any(cell.learning_rate is None for cell in summary.initialization_by_activation)
    return "at the learning rate that validation chooses" if tuned else "at one learning rate"
