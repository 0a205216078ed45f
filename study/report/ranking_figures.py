"""The ranks of activations over several data sets, and the verdicts on all of them."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from study.comparison.across_data_sets import AcrossDataSets, compare_data_sets
from study.comparison.ranks import Ranking
from study.comparison.summary import ComparisonSummary
from study.report.forest_figures import forests, verdict_row
from study.report.palette import MARKS
from study.report.plot import Panel, Section, figure

_ROW, _AROUND = 30, 90


def together(comparisons: Sequence[ComparisonSummary]) -> list[Section]:
    """The verdicts over several data sets, a forest plot of each contrast, and the ranks; none for one comparison."""
    if len(comparisons) < 2:
        return []
    combined = compare_data_sets(comparisons)
    count = len(combined.data)
    return [
        Section(
            "together",
            f"{len(combined.claims)} claims over {count} data sets",
            "Every data set counts once. On average: the unweighted mean, or for shares and skewed contrasts the "
            "median, against the edges of the region of practical equivalence, by Holm's procedure at 5 % over the "
            "claims. On a new data set: by the 95 % prediction interval, in which the effect on a data set that is not "
            "among these is to be expected.",
            (),
            tuple(verdict_row(claim) for claim in combined.claims),
        ),
        forests(combined.claims),
        *([] if combined.ranking is None else [_ranks(combined, combined.ranking)]),
    ]


def _ranks(combined: AcrossDataSets, ranking: Ranking) -> Section:
    return Section(
        "ranks",
        "Ranks of the activations",
        f"Mean rank of each activation by test {combined.metric} on {', '.join(combined.data)}, 1 being best. Two "
        "activations whose bars overlap, that is, whose ranks are less than "
        f"{ranking.critical_difference:.2f} apart, are not told apart at 5 % "
        f"(Nemenyi; Friedman's test of any difference: p = {ranking.friedman_p:.2g}).",
        (Panel("ranks-figure", _figure(ranking, combined.data)),),
    )


def _figure(ranking: Ranking, data: Sequence[str]) -> go.Figure:
    chart = figure("mean rank", "", height=_AROUND + _ROW * len(ranking.activations), showlegend=False)
    for name, rank, accuracies in zip(ranking.activations, ranking.ranks, ranking.accuracies, strict=True):
        each = "<br>".join(f"{each} {100 * a:.2f} %" for each, a in zip(data, accuracies, strict=True))
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
