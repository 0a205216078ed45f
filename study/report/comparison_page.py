"""The report of a comparison: its verdicts, and the cells that they are read from."""

from __future__ import annotations

from statistics import fmean

from study.comparison.related import related_comparisons
from study.comparison.summary import ComparisonSummary, summarize
from study.records.open_study import OpenStudy
from study.report.comparison_figures import designs
from study.report.page import Page
from study.report.palette import MARKS
from study.report.plot import CURVES, Panel, Section, band, figure
from study.report.provenance import provenance
from study.report.ranking_figures import ranks
from study.report.verdict_figures import VERDICTS, verdicts


def comparison_page(study: OpenStudy) -> Page:
    """Everything that the report of a comparison says.

    Raises:
        KindError: The study is a search.
        NoResultsError: Cells are still to be trained.
    """
    summary = summarize(study)
    seeds = f"{summary.seeds} seeds, each with a split of its own" if summary.seeds > 1 else "one seed"
    return Page(
        name=study.name,
        title=f"Does the folklore on activations hold on {summary.data}?",
        subtitle=f"Comparison {study.name}: {seeds}, {summary.epochs} epochs.",
        answer=answer(summary),
        sections=[*comparison_sections(summary), *_across_data_sets(study, summary), curves(study)],
        facts=provenance(study),
    )


def comparison_sections(summary: ComparisonSummary) -> list[Section]:
    """The figures that the report and the dashboard show of a comparison, the verdicts first."""
    return [verdicts(summary.verdicts, summary.level), *designs(summary)]


def _across_data_sets(study: OpenStudy, summary: ComparisonSummary) -> list[Section]:
    """The section on all comparisons of the database that differ in their data alone, where there are others."""
    section = ranks([summary, *related_comparisons(study)])
    return [] if section is None else [section]


def curves(study: OpenStudy) -> Section:
    """Learning curves of the usual network of each activation."""
    design = study.comparison.design
    numbers = {name: design.cells.index(design.cell(name)) for name in design.activations}
    rows = study.storage.learning_curves(study.study_id, numbers=list(numbers.values()))
    panels = []
    for curve, label, factor in CURVES:
        chart = figure("epoch", label)
        for name, number in numbers.items():
            points = [
                [factor * value for value in r["points"]] for r in rows if (r["number"], r["name"]) == (number, curve)
            ]
            if points:
                band(chart, name, MARKS[name].colour, [[*map(fmean, zip(*points, strict=True))]])
        panels.append(Panel(f"curves-{curve.replace('_', '-')}", chart))
    return Section(
        "curves",
        "Learning",
        "Validation accuracy and training loss of each activation's usual network after each epoch, means over seeds. "
        "A curve that still rises at its end asks for more epochs.",
        tuple(panels),
    )


def answer(summary: ComparisonSummary) -> list[str]:
    """The verdicts in a line each, and the best activation."""
    best = max(summary.accuracy_by_activation, key=lambda cell: cell.accuracy)
    interval = ""
    if best.interval is not None:
        interval = f" (95 % interval {100 * best.interval[0]:.2f} to {100 * best.interval[1]:.2f})"
    lines = [f"The most accurate on the test part is {best.activation}: {100 * best.accuracy:.2f} %{interval}."]
    for verdict in VERDICTS:
        claims = [f"{claim.statement} ({claim.id})" for claim in summary.verdicts if claim.verdict == verdict]
        if claims:
            lines.append(f"{verdict.capitalize()}: {'; '.join(claims)}.")
    if summary.seeds == 1:
        lines.append("One seed gives no interval, so nothing is decided: compare with --seeds 10.")
    return lines
