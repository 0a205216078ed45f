"""The figures of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import stdev

import numpy as np
import plotly.graph_objects as go
from scipy import stats

from search_spaces import ACTIVATIONS
from study.report.palette import INK, RECOMMENDED
from study.report.plot import SPARSITY, Panel, Section, dots, figure, heat
from study.report.search_data import Found
from study.search.front import Candidate

LEVEL = 0.95
_MARGIN = 0.02
_NO_EXPERIMENT = (
    "A search tries more where it is good and picks winners, so this tells where good networks lie, and is no fair "
    "comparison; `reluctant compare` makes one."
)


def front(found: Found) -> Section:
    """Every trial: metric against sparsity."""
    metric, sparsity = found.config.metric, SPARSITY[found.config.sparsity]
    made = figure(f"{sparsity}, %", f"validation {metric}, %", height=460)
    for activation in ACTIVATIONS:
        members = found.of(activation, found.drawn)
        if members:
            dots(made, activation, _sparsities(members), _accuracies(members), [found.told(each) for each in members])
    members = list(found.front.members)
    made.add_scatter(
        x=_sparsities(members), y=_accuracies(members), mode="lines", line={"color": INK, "width": 2}, name="front",
        hoverinfo="skip",
    )  # fmt: skip
    if found.front.baseline is not None:
        _special(made, found, found.front.baseline, "baseline", {"symbol": "x", "color": INK, "size": 13})
    _special(made, found, found.front.recommended, "recommended", {"symbol": "star", "color": RECOMMENDED, "size": 18})
    below = _zoom(made, found)
    hidden = f" {below} of {len(found.drawn)} trials lie below the picture." if below else ""
    return Section(
        "front",
        "Accuracy against sparsity",
        f"Each point is a trial: its validation {metric} and its sparsity ({sparsity}), means over "
        f"{found.seeds}. On the line lie the feasible trials that no other beats in both; "
        f"the star is the sparsest of them within one paired standard error of the best.{hidden}{found.thinned}",
        (Panel("front-figure", made),),
    )


def by_activation(found: Found) -> Section:
    """Each activation's best trial, with its interval over seeds."""
    metric = found.config.metric
    made = figure("", f"validation {metric}, %")
    for activation, candidate in found.best_by_activation.items():
        count = len(found.of(activation, found.candidates))
        half = half_width(candidate.accuracies)
        dots(
            made,
            activation,
            [f"{activation} ({count})"],
            [100 * candidate.accuracy],
            [f"{found.told(candidate)}<br>best of {count} trials"],
            size=12,
            opacity=1.0,
            error_y=None if half is None else {"type": "data", "array": [100 * half], "thickness": 2, "width": 7},
            showlegend=False,
        )
    made.update_xaxes(type="category", tickangle=-30)
    intervals = (
        f"the bars are {LEVEL:.0%} t intervals over its {found.config.seeds} seeds"
        if found.config.seeds > 1
        else "one seed gives no interval"
    )
    return Section(
        "activations",
        "Activations",
        f"The most accurate feasible trial of each activation, out of as many as stand in brackets; {intervals}. "
        f"{_NO_EXPERIMENT}",
        (Panel("activations-figure", made),),
    )


def slopes(found: Found) -> Section | None:
    """Metric and sparsity against the slope, where it is searched."""
    sloped = [each for each in found.drawn if "negative_slope" in each.params and each.params["negative_slope"] > 0]
    if not sloped:
        return None
    panels = []
    for name, label, values in (
        ("accuracy", f"validation {found.config.metric}, %", _accuracies),
        ("sparsity", f"{SPARSITY[found.config.sparsity]}, %", _sparsities),
    ):
        made = figure("negative slope", label)
        for activation in ACTIVATIONS:
            members = found.of(activation, sloped)
            if members:
                slopes = [each.params["negative_slope"] for each in members]
                dots(made, activation, slopes, values(members), [found.told(each) for each in members])
        made.update_xaxes(type="log")
        if name == "accuracy":
            _zoom(made, found)
        panels.append(Panel(f"slope-{name}", made))
    return Section(
        "slope",
        "The negative slope",
        "What a larger slope for negative inputs did to accuracy and to sparsity. For PReLU it is the slope that "
        f"training starts from. Other hyperparameters differ from point to point.{found.thinned}",
        tuple(panels),
    )


def initializations(found: Found) -> Section:
    """Best metric of every initialization × activation."""
    cells: dict[tuple[str, str], list[float]] = {}
    for candidate in found.candidates:
        used = found.hyperparameters[candidate.number]
        cells.setdefault((used.activation, used.initialization), []).append(candidate.accuracy)
    rows = [name for name in ACTIVATIONS if any(name == activation for activation, _ in cells)]
    columns = sorted({initialization for _, initialization in cells})
    values = [[max(cells.get((row, column), [math.nan])) * 100 for column in columns] for row in rows]
    texts = [
        [
            f"{max(cells[row, column]) * 100:.1f}<br>({len(cells[row, column])})" if (row, column) in cells else ""
            for column in columns
        ]
        for row in rows
    ]
    return Section(
        "initializations",
        "Initialization and activation",
        f"The best validation {found.config.metric} in per cent that each pair reached, and in brackets out of how "
        f"many trials; an empty cell was never tried. {_NO_EXPERIMENT}",
        (Panel("initializations-figure", heat(rows, columns, values, texts)),),
    )


def dropout(found: Found) -> Section | None:
    """Sparsity against the dropout rate, where it is searched."""
    members = [candidate for candidate in found.drawn if "dropout" in candidate.params]
    if not members:
        return None
    panels = []
    for name, label, values in (
        ("sparsity", f"{SPARSITY[found.config.sparsity]}, %", _sparsities),
        ("accuracy", f"validation {found.config.metric}, %", _accuracies),
    ):
        made = figure("dropout rate", label)
        for activation in ACTIVATIONS:
            some = found.of(activation, members)
            if some:
                rates = [each.params["dropout"] for each in some]
                dots(made, activation, rates, values(some), [found.told(each) for each in some])
        if name == "accuracy":
            _zoom(made, found)
        panels.append(Panel(f"dropout-{name}", made))
    return Section(
        "dropout",
        "Dropout and sparsity",
        f"What dropout in training did to the sparsity of the activations, measured without dropout, and to accuracy."
        f"{found.thinned}",
        tuple(panels),
    )


def half_width(values: Sequence[float]) -> float | None:
    """Half a t interval of the mean of independent values; None for fewer than two.

    Example:
        >>> round(half_width([0.1, 0.2, 0.3]), 4)
        0.2484
    """
    if len(values) < 2:
        return None
    quantile = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1))
    return quantile * stdev(values) / math.sqrt(len(values))


def _special(made: go.Figure, found: Found, candidate: Candidate, name: str, marker: Mapping[str, object]) -> None:
    made.add_scatter(
        x=_sparsities([candidate]),
        y=_accuracies([candidate]),
        mode="markers",
        name=name,
        marker={**marker, "line": {"width": 1, "color": "#ffffff"}},
        text=[found.told(candidate)],
        hovertemplate="%{text}<extra></extra>",
    )


def _zoom(made: go.Figure, found: Found) -> int:
    """Shows the trials worth looking at: from a little below the worst of the front, baseline, and best by activation.

    Returns:
        How many trials lie below.
    """
    if not found.candidates:
        return 0
    worth = [
        *found.front.members,
        *found.best_by_activation.values(),
        *([found.front.baseline] if found.front.baseline else []),
    ]
    low = min(candidate.accuracy for candidate in worth)
    middle = float(np.quantile([candidate.accuracy for candidate in found.drawn], 0.1))
    high = max(candidate.accuracy for candidate in found.candidates)
    low = min(low, middle) - _MARGIN
    below = sum(candidate.accuracy < low for candidate in found.drawn)
    made.update_yaxes(range=[100 * low, 100 * high + 0.08 * 100 * (high - low)])
    return below


def _accuracies(candidates: Sequence[Candidate]) -> list[float]:
    return [100 * candidate.accuracy for candidate in candidates]


def _sparsities(candidates: Sequence[Candidate]) -> list[float]:
    return [100 * candidate.sparsity for candidate in candidates]
