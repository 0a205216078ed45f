"""The ranks of activations over several data sets, and each contrast on all of them."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from study.comparison.across_data_sets import AcrossDataSets, compare_data_sets
from study.comparison.summary import ComparisonSummary
from study.report.palette import MARKS
from study.report.plot import Panel, Section, figure

_ROW, _AROUND = 30, 90


def ranks(comparisons: Sequence[ComparisonSummary]) -> Section | None:
    """The critical-difference figure, and a table of contrasts; None for a single comparison."""
    if len(comparisons) < 2:
        return None
    combined = compare_data_sets(comparisons)
    return Section(
        "together",
        "All data sets together",
        f"Mean rank of each activation by test {combined.metric} on {', '.join(combined.data)}, 1 being best. Two "
        "activations whose bars overlap, that is, whose ranks are less than "
        f"{combined.ranking.critical_difference:.2f} apart, are not told apart at 5 % "
        f"(Nemenyi; Friedman's test of any difference: p = {combined.ranking.friedman_p:.2g}). "
        "Below, each contrast's mean on each data set; p is of a Wilcoxon signed-rank test after Holm's correction, "
        f"and {combined.smallest_p:.2g} is the smallest that {len(combined.data)} data sets can give before it.",
        (Panel("ranks-figure", _figure(combined)),),
        tuple(
            {
                "": str(across.id),
                "contrast": across.name,
                **{data: f"{mean:+.2f}" for data, mean in zip(combined.data, across.means, strict=True)},
                "median": f"{across.median:+.2f} {across.unit}",
                "p": f"{across.p:.2g}",
                "class": "",
            }
            for across in combined.contrasts
        ),
    )


def _figure(combined: AcrossDataSets) -> go.Figure:
    ranking = combined.ranking
    chart = figure("mean rank", "", height=_AROUND + _ROW * len(ranking.activations), showlegend=False)
    for name, rank, accuracies in zip(ranking.activations, ranking.ranks, ranking.accuracies, strict=True):
        each = "<br>".join(f"{data} {100 * a:.2f} %" for data, a in zip(combined.data, accuracies, strict=True))
        chart.add_scatter(
            x=[rank],
            y=[name],
            mode="markers",
            name=name,
            marker={"color": MARKS[name].colour, "symbol": MARKS[name].symbol, "size": 11},
            error_x={"type": "constant", "value": ranking.critical_difference / 2, "color": MARKS[name].colour},
            hovertext=[f"{name}: mean rank {rank:.2f}<br>{each}"],
            hoverinfo="text",
        )
    chart.update_yaxes(type="category", autorange="reversed")
    return chart
