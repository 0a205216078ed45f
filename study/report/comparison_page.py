"""The report of a comparison: its verdicts, and the cells that they are read from."""

from __future__ import annotations

from statistics import fmean

from search_spaces.design import LINEAR
from study.comparison.method import method
from study.comparison.related import related_comparisons
from study.comparison.summary import ComparisonSummary, summarize
from study.records.open_study import OpenStudy
from study.report.captions import seeds_that_diverged
from study.report.comparison_figures import designs
from study.report.page import Page
from study.report.palette import MARKS
from study.report.plot import LOSS_CURVE, Panel, Section, band, figure, learning_curves
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
    return Page(
        name=study.name,
        title=f"Does the folklore on activations hold on {summary.data}?",
        subtitle=f"Comparison {study.name}: {summary.seeds_text}, {summary.epochs} epochs.",
        answer=answer(summary),
        sections=[*comparison_sections(summary), *_across_data_sets(study, summary), curves(study)],
        facts=provenance(study),
    )


def comparison_sections(summary: ComparisonSummary) -> list[Section]:
    """The figures that the report and the dashboard show of a comparison, the verdicts first."""
    return [verdicts(summary.verdicts, summary.level, method(summary)), *designs(summary)]


def _across_data_sets(study: OpenStudy, summary: ComparisonSummary) -> list[Section]:
    """The section on all comparisons of the database that differ in their data alone, where there are others."""
    section = ranks([summary, *related_comparisons(study)])
    return [] if section is None else [section]


def curves(study: OpenStudy) -> Section:
    """Learning curves of the usual network of each activation."""
    design = study.comparison.design
    numbers = {name: design.cells.index(design.cell(name)) for name in design.activations}
    rows = study.storage.learning_curves(study.study_id, numbers=list(numbers.values()))
    panels, curves_of, task = [], {}, study.problem.task
    for curve, label, factor in learning_curves(task):
        chart = figure("epoch", label)
        for name, number in numbers.items():
            points = [
                [factor * value for value in r["points"]] for r in rows if (r["number"], r["name"]) == (number, curve)
            ]
            curves_of[name] = len(points)
            if points:
                band(chart, name, MARKS[name].colour, [[*map(fmean, zip(*points, strict=True))]])
        panels.append(Panel(f"curves-{curve.replace('_', '-')}", chart))
    return Section(
        "curves",
        "Learning",
        f"Validation {task.metrics[0].name} of each activation's usual network after each epoch, and its training loss "
        f"in each, means over seeds; {LOSS_CURVE} (the usual network has dropout {design.dropouts[0]:g}). A validation "
        "curve that still rises at its end asks for more epochs."
        f"{seeds_that_diverged(curves_of, study.problem.replicates)}",
        tuple(panels),
    )


def answer(summary: ComparisonSummary) -> list[str]:
    """The most accurate activation, and the verdicts in a line each."""
    lines = [_most_accurate(summary)]
    if summary.failed:
        lines.append(f"Cells that could not be trained, and that no figure has: {summary.failed}.")
    for verdict in VERDICTS:
        claims = [f"{claim.statement} ({claim.id})" for claim in summary.verdicts if claim.verdict == verdict]
        if claims:
            lines.append(f"{verdict.capitalize()}: {'; '.join(claims)}.")
    if summary.seeds == 1:
        lines.append("One seed gives no interval, so nothing is decided: compare with --seeds 10.")
    return lines


def _most_accurate(summary: ComparisonSummary) -> str:
    """The activation that did best on the test part, without an interval, which would ignore that it was picked.

    The linear network is what activations are compared with, and cannot be the answer.
    """
    candidates = [cell for cell in summary.accuracy_by_activation if cell.activation != LINEAR]
    best = max(candidates, key=lambda cell: cell.accuracy)
    of_metric = "" if summary.metric.name == "accuracy" else f" {summary.metric.name}"
    text = (
        f"The most accurate on the test part is {best.activation}: {100 * best.accuracy:.2f} %{of_metric}. It is "
        f"picked from {len(candidates)} activations by that very score, so expect a little less on new data; what can "
        "be told apart is in the verdicts."
    )
    linear = [cell.accuracy for cell in summary.accuracy_by_activation if cell.activation == LINEAR]
    if linear and linear[0] >= best.accuracy:
        text += f" The linear network, which is no candidate, reaches {100 * linear[0]:.2f} %."
    return text
