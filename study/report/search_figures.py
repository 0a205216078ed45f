"""The figures of a search that are drawn from its trials' values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import stdev

import numpy as np
import plotly.graph_objects as go

from search_spaces import ACTIVATIONS
from study.intervals import half_width
from study.records.own_trials import OwnTrial
from study.report.captions import (
    below_the_picture,
    counted,
    hopeless,
    infeasible,
    of_baseline,
    off_the_axis,
    without_points,
)
from study.report.palette import INK, RECOMMENDED
from study.report.plot import SPARSITY, Panel, Section, dots, figure, heat
from study.report.search_data import SearchData, of_activation
from study.tasks import Metric

LEVEL = 0.95
_MARGIN = 0.02
_NO_EXPERIMENT = (
    "A search tries more where it is good and picks winners, so this tells where good networks lie, and is no fair "
    "comparison; `reluctant compare` makes one."
)


def front(data: SearchData) -> Section:
    """Every trial: metric against sparsity."""
    metric, sparsity = data.config.score, SPARSITY[data.config.sparsity]
    chart = figure(f"{sparsity}, %", data.config.judged_by.titled(f"validation {metric}"), height=460)
    for activation in ACTIVATIONS:
        members = of_activation(activation, data.drawn)
        if members:
            hover = [data.hover(each) for each in members]
            dots(chart, activation, _sparsities(members), _values(data, members), hover)
    members = list(data.front.members)
    chart.add_scatter(
        x=_sparsities(members), y=_values(data, members), mode="lines", line={"color": INK, "width": 2}, name="front",
        hoverinfo="skip",
    )  # fmt: skip
    if data.front.baseline is not None:
        _special(chart, data, data.front.baseline, "baseline", {"symbol": "x", "color": INK, "size": 13})
    _special(chart, data, data.front.recommended, "recommended", {"symbol": "star", "color": RECOMMENDED, "size": 18})
    low = _zoom(chart, data)
    return Section(
        "front",
        f"{metric.replace('_', ' ').capitalize()} against sparsity",
        f"Each point is a trial: its validation {metric} and its sparsity ({sparsity}), means over {data.seeds}. On "
        "the line lie the feasible trials that no other feasible one beats in both. The star is the recommended "
        f"trial, {data.front.basis}.{of_baseline(data)}{infeasible(data.drawn)}{below_the_picture(data.drawn, low)}"
        f"{without_points(data)}",
        (Panel("front-figure", chart),),
    )


def by_activation(data: SearchData) -> Section:
    """Each activation's best trial, with its interval over seeds."""
    metric = data.config.judged_by
    chart = figure("", metric.titled(f"validation {data.config.score}"))
    for activation, trial in data.best_by_activation.items():
        count = len(of_activation(activation, data.own))
        half = half_width(stdev(trial.scores), len(trial.scores), 0.0, LEVEL) if len(trial.scores) > 1 else None
        dots(
            chart,
            activation,
            [f"{activation} ({count})"],
            [metric.number(trial.score)],
            [f"{data.hover(trial)}<br>best of {count} trials"],
            size=12,
            opacity=1.0,
            error_y=None
            if half is None
            else {"type": "data", "array": [abs(metric.number(half))], "thickness": 2, "width": 7},
            showlegend=False,
        )
    chart.update_xaxes(type="category", tickangle=-30)
    intervals = (
        f"the bars are {LEVEL:.0%} t intervals over its {data.seeds}, which take no account of its being picked"
        if data.config.replicates > 1
        else "one seed gives no interval"
    )
    return Section(
        "activations",
        "Activations",
        f"The best feasible trial of each activation by validation {data.config.score}, out of as many as stand in "
        f"brackets, {counted(data)}; {intervals}.{hopeless(data)} {_NO_EXPERIMENT}",
        (Panel("activations-figure", chart),),
    )


def slopes(data: SearchData) -> Section | None:
    """Metric and sparsity against the slope, where it is searched."""
    drawn = [each for each in data.drawn if _has_slope(each)]
    sloped = [each for each in drawn if each.params["negative_slope"] > 0]
    if not sloped:
        return None
    scores, sparsities, low = _against_parameter(data, sloped, "negative_slope", "negative slope")
    for chart in (scores, sparsities):
        chart.update_xaxes(type="log")
    return Section(
        "slope",
        "The negative slope",
        f"Validation {data.config.score} and sparsity of each trial against its slope for negative inputs. For PReLU "
        f"it is the slope that training starts from. Other hyperparameters differ from point to point."
        f"{off_the_axis(drawn, 'negative_slope', 'slope')}{below_the_picture(sloped, low)}"
        f"{without_points(data, _has_slope)}",
        (Panel("slope-accuracy", scores), Panel("slope-sparsity", sparsities)),
    )


def initializations(data: SearchData) -> Section:
    """The best score of every pair of activation and initialization."""
    cells: dict[tuple[str, str], list[OwnTrial]] = {}
    for trial in data.own:
        used = trial.hyperparameters
        cells.setdefault((used.activation, used.initialization), []).append(trial)
    best = {pair: max((t.score for t in tried if not t.diverged), default=math.nan) for pair, tried in cells.items()}
    rows = [name for name in ACTIVATIONS if any(name == activation for activation, _ in cells)]
    columns = sorted({initialization for _, initialization in cells})
    metric = data.config.judged_by
    # Scores, not values: brighter is better, also of an error.
    values = [[100 * best.get((row, column), math.nan) for column in columns] for row in rows]
    texts = [[_best_of(cells.get((row, column), ()), metric) for column in columns] for row in rows]
    return Section(
        "initializations",
        "Initialization and activation",
        f"The best validation {data.config.score}{' in per cent' if metric.percent else ''} that each pair reached, "
        f"and in brackets out of how many trials, {counted(data)}; an empty cell has none. {_NO_EXPERIMENT}",
        (Panel("initializations-figure", heat(rows, columns, values, texts)),),
    )


def dropout(data: SearchData) -> Section | None:
    """Sparsity against the dropout rate, where it is searched."""
    members = [trial for trial in data.drawn if _has_dropout(trial)]
    if not members:
        return None
    scores, sparsities, low = _against_parameter(data, members, "dropout", "dropout rate")
    return Section(
        "dropout",
        "Dropout and sparsity",
        f"Sparsity and validation {data.config.score} of each trial against its dropout rate in training; both are "
        f"measured without dropout. Other hyperparameters differ from point to point."
        f"{below_the_picture(members, low)}{without_points(data, _has_dropout)}",
        (Panel("dropout-sparsity", sparsities), Panel("dropout-accuracy", scores)),
    )


def _has_slope(trial: OwnTrial) -> bool:
    return "negative_slope" in trial.params


def _has_dropout(trial: OwnTrial) -> bool:
    return "dropout" in trial.params


def _best_of(tried: Sequence[OwnTrial], metric: Metric) -> str:
    """A cell of a heat map: the best score of a pair's trials, and how many they are; empty where there is none."""
    if not tried:
        return ""
    reached = [trial.score for trial in tried if not trial.diverged]
    if not reached:
        return f"diverged<br>({len(tried)})"
    best = metric.number(max(reached))
    return f"{f'{best:.1f}' if metric.percent else f'{best:.3g}'}<br>({len(tried)})"


def _against_parameter(
    data: SearchData, trials: Sequence[OwnTrial], parameter: str, title: str
) -> tuple[go.Figure, go.Figure, float]:
    """Scores and sparsities of trials against a searched parameter, one figure each, and the lowest score to be seen.

    Args:
        data: The search.
        trials: Trials that have the parameter.
        parameter: Its name.
        title: Title of its axis.
    """
    scores = figure(title, data.config.judged_by.titled(f"validation {data.config.score}"))
    sparsities = figure(title, f"{SPARSITY[data.config.sparsity]}, %")
    for activation in ACTIVATIONS:
        members = of_activation(activation, trials)
        if members:
            values, hover = [each.params[parameter] for each in members], [data.hover(each) for each in members]
            dots(scores, activation, values, _values(data, members), hover)
            dots(sparsities, activation, values, _sparsities(members), hover)
    return scores, sparsities, _zoom(scores, data)


def _special(chart: go.Figure, data: SearchData, trial: OwnTrial, name: str, marker: Mapping[str, object]) -> None:
    chart.add_scatter(
        x=_sparsities([trial]),
        y=_values(data, [trial]),
        mode="markers",
        name=name,
        marker={**marker, "line": {"width": 1, "color": "#ffffff"}},
        text=[data.hover(trial)],
        hovertemplate="%{text}<extra></extra>",
    )


def _zoom(chart: go.Figure, data: SearchData) -> float:
    """Shows the trials worth looking at: from a little below the worst of the front, baseline, and best by activation.

    Returns:
        The lowest score that can be seen.
    """
    if not data.trials:
        return -math.inf
    worth = [
        *data.front.members,
        *data.best_by_activation.values(),
        *([data.front.baseline] if data.front.baseline else []),
    ]
    low = min(trial.score for trial in worth)
    middle = float(np.quantile([trial.score for trial in data.drawn], 0.1))
    high = max(trial.score for trial in data.trials)
    metric = data.config.judged_by
    low = min(low, middle)
    low -= _MARGIN if metric.percent else _MARGIN * abs(low)
    chart.update_yaxes(range=sorted(metric.numbers([low, high + 0.08 * (high - low)])))
    return low


def _values(data: SearchData, trials: Sequence[OwnTrial]) -> list[float]:
    return data.config.judged_by.numbers(trial.score for trial in trials)


def _sparsities(trials: Sequence[OwnTrial]) -> list[float]:
    return [100 * trial.sparsity for trial in trials]
