"""The report of a comparison: its verdicts, and the cells that they are read from."""

from __future__ import annotations

from study.comparison.in_short import in_short
from study.comparison.method import method
from study.comparison.related import related_comparisons
from study.comparison.summary import ComparisonSummary
from study.comparison.with_evidence import summarize_with_evidence
from study.records.open_study import OpenStudy
from study.report.captions import seeds_that_diverged
from study.report.comparison_figures import designs
from study.report.page import Page
from study.report.palette import MARKS
from study.report.plot import LOSS_CURVE, Panel, Section, band, figure, learning_curves, mean_curve
from study.report.provenance import provenance
from study.report.ranking_figures import together
from study.report.verdict_figures import verdicts


def comparison_page(study: OpenStudy) -> Page:
    """Everything that the report of a comparison says.

    Raises:
        KindError: The study is a search.
        NoResultsError: Cells are still to be trained.
    """
    summary = summarize_with_evidence(study)
    return Page(
        name=study.name,
        title=f"Does the folklore on activations hold on {summary.data}?",
        subtitle=f"Comparison {study.name}: {summary.seeds_text}, {summary.epochs_text}.",
        answer=answer(summary),
        sections=[*comparison_sections(summary), *_across_data_sets(study, summary), curves(study)],
        facts=provenance(study),
    )


def comparison_sections(summary: ComparisonSummary) -> list[Section]:
    """The figures that the report and the dashboard show of a comparison, the verdicts first."""
    together = {} if summary.with_evidence is None else summary.with_evidence.claims
    return [verdicts(summary.verdicts, summary.level, method(summary), together), *designs(summary)]


def _across_data_sets(study: OpenStudy, summary: ComparisonSummary) -> list[Section]:
    """The sections on all comparisons of the database that differ in their data alone, where there are others."""
    return together([summary, *related_comparisons(study)])


def curves(study: OpenStudy) -> Section:
    """Learning curves of the usual network of each activation."""
    design = study.comparison.design
    usual = {name: design.cell(name) for name in design.activations}
    numbers = {name: design.cells.index(cell) for name, cell in usual.items() if cell in design.cells}
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
                band(chart, name, MARKS[name].colour, [mean_curve(points)])
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
    """The comparison in short, and what is missing in it."""
    failed = f"Cells that could not be trained, and that no figure has: {summary.failed}."
    return [*in_short(summary), *([failed] if summary.failed else [])]
