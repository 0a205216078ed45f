"""Forest plots: a contrast on each data set, its average, and what is to be expected of a new data set."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from study.comparison.across_data_sets import ClaimAcrossDataSets, ContrastAcrossDataSets
from study.intervals import Verdict
from study.report.palette import INK
from study.report.plot import Panel, Section, figure, wrapped
from study.report.verdict_figures import VERDICTS
from study.wording import signed, signed_range

_ROW, _AROUND = 18, 100
_WIDTH, _NAME = 40, 18
"""Characters of a line of a title, and of a data set's name."""
_ERRORS = 2.0
"""Standard errors of a bar."""


def forests(claims: Sequence[ClaimAcrossDataSets]) -> Section:
    """A forest plot of each contrast of each claim, the data sets in the same order of rows as their estimates."""
    panels = [
        Panel(f"forest-{claim.id}-{place}", _forest(claim, contrast))
        for claim in claims
        for place, contrast in enumerate(claim.contrasts)
        if contrast.estimate is not None
    ]
    return Section(
        "forests",
        "Each contrast on each data set",
        "Dots are estimates, with bars of two standard errors; below them the average with its 95 % interval, and the "
        "95 % prediction interval for a new data set. The shaded band is what counts as no practical difference. The "
        "lowest line is the mean weighted by variances (Paule and Mandel, Hartung and Knapp), a second opinion.",
        tuple(panels),
    )


def verdict_row(claim: ClaimAcrossDataSets) -> dict[str, str]:
    """A claim as a row of a table."""
    judged = claim.judged
    return {
        "": str(claim.id),
        "claim": claim.statement + (" (an association)" if claim.association else ""),
        "on average": claim.verdict_text,
        "on a new data set, most likely": claim.verdict_on_new,
        "estimate": "none"
        if judged.estimate is None
        else f"{signed(judged.estimate)} {judged.unit} ({judged.average})",
        "95 % interval": bounds(judged.interval),
        "prediction": bounds(judged.prediction_interval),
        "beyond": shares(judged),
        "class": claim.verdict,
    }


def bounds(interval: tuple[float, float] | None) -> str:
    """An interval as text."""
    return "none" if interval is None else signed_range(interval)


def shares(contrast: ContrastAcrossDataSets) -> str:
    """How many estimates lie beyond the region, on either side, as text."""
    if contrast.shares is None:
        return "none"
    below, _, above = contrast.shares
    return f"{100 * below:.0f} % below, {100 * above:.0f} % above"


def _forest(claim: ClaimAcrossDataSets, contrast: ContrastAcrossDataSets) -> go.Figure:
    order = sorted(range(len(contrast.data)), key=lambda place: contrast.estimates[place])
    names = [_short(contrast.data[place]) for place in order]
    estimates = [contrast.estimates[place] for place in order]
    bars = [_ERRORS * (contrast.standard_errors[place] or 0.0) for place in order]
    summaries = [f"<b>{contrast.average}</b>", "<b>new data set</b>", "weighted"]
    rows = [*names, *summaries]
    chart = figure(contrast.unit, "", height=_AROUND + _ROW * len(rows), showlegend=False)
    chart.update_layout(
        title={
            "text": f"{claim.id}. {wrapped(contrast.name, _WIDTH)}",
            "font": {"size": 13},
            "x": 0,
            "xanchor": "left",
        },
        margin={"t": 30 + 16 * wrapped(contrast.name, _WIDTH).count("<br>")},
    )
    if contrast.rope[0] < contrast.rope[1]:
        chart.add_vrect(*contrast.rope, fillcolor=INK, opacity=0.18, line_width=0, layer="below")
    else:
        chart.add_vline(contrast.rope[0], line={"color": INK, "dash": "dot"})
    chart.add_scatter(
        x=estimates,
        y=[*range(len(names))],
        mode="markers",
        name="data sets",
        marker={"color": INK, "size": 6},
        error_x={"type": "data", "array": bars, "color": INK, "thickness": 1, "width": 0},
        text=[f"{contrast.data[place]}: {signed(contrast.estimates[place])} {contrast.unit}" for place in order],
        hovertemplate="%{text}<extra></extra>",
    )
    place = len(names)
    _summary(chart, contrast.average, place, contrast.estimate, contrast.interval, contrast.verdict, contrast.unit)
    _summary(
        chart, "new data set", place + 1, None, contrast.prediction_interval, contrast.verdict_on_new, contrast.unit
    )
    if contrast.sensitivity is not None:
        weighted = contrast.sensitivity
        _summary(chart, "weighted", place + 2, weighted.estimate, weighted.interval, None, contrast.unit)
    chart.update_yaxes(
        tickmode="array",
        tickvals=[*range(len(rows))],
        ticktext=rows,
        range=[len(rows) - 0.4, -0.6],
        tickfont={"size": 10},
        showgrid=False,
    )
    return chart


def _summary(
    chart: go.Figure,
    name: str,
    row: int,
    estimate: float | None,
    interval: tuple[float, float] | None,
    verdict: Verdict | None,
    unit: str,
) -> None:
    """A line for an interval in the colour of its verdict, with a diamond at the estimate."""
    colour = INK if verdict is None else VERDICTS[verdict][0]
    text = f"{name}: {'' if estimate is None else f'{signed(estimate)} {unit}, '}{bounds(interval)}"
    text += "" if verdict is None else f", {verdict}"
    if interval is not None:
        chart.add_scatter(
            x=[*interval],
            y=[row, row],
            mode="lines",
            name=f"{name}, interval",
            line={"color": colour, "width": 5},
            text=[text, text],
            hovertemplate="%{text}<extra></extra>",
        )
    if estimate is not None:
        chart.add_scatter(
            x=[estimate],
            y=[row],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": "diamond", "size": 11},
            text=[text],
            hovertemplate="%{text}<extra></extra>",
        )


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"
