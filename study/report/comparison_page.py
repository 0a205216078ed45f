"""The report of a comparison: the verdicts, and the cells behind them."""

from __future__ import annotations

from statistics import fmean

from study.comparison.related import siblings
from study.comparison.summary import Comparison, find_answers
from study.records.open_study import OpenStudy
from study.report.comparison_figures import designs
from study.report.page import Page
from study.report.palette import MARKS
from study.report.plot import CURVES, Panel, Section, band, figure
from study.report.provenance import facts
from study.report.ranking_figures import ranks
from study.report.verdict_figures import VERDICTS, verdicts


def comparison_page(study: OpenStudy) -> Page:
    """Everything that the report of a comparison says.

    Raises:
        KindError: The study is a search.
        NoResultsError: Cells are still to be trained.
    """
    found = find_answers(study)
    seeds = f"{found.seeds} seeds, each with a split of its own" if found.seeds > 1 else "one seed"
    return Page(
        name=study.name,
        title=f"Does the folklore on activations hold on {found.data}?",
        subtitle=f"Comparison {study.name}: {seeds}, {found.epochs} epochs.",
        answer=answer(found),
        sections=[verdicts(found.findings, found.level), *designs(found), *_together(study, found), curves(study)],
        facts=facts(study),
    )


def _together(study: OpenStudy, found: Comparison) -> list[Section]:
    """What the comparisons of the database that differ in their data alone say together, where there are others."""
    section = ranks([found, *siblings(study)])
    return [] if section is None else [section]


def curves(study: OpenStudy) -> Section:
    """How the usual network of each activation learned."""
    design = study.comparison.design
    numbers = {name: design.cells.index(design.cell(name)) for name in design.activations}
    rows = study.storage.learning_curves(study.study_id, numbers=list(numbers.values()))
    panels = []
    for curve, label, factor in CURVES:
        made = figure("epoch", label)
        for name, number in numbers.items():
            points = [
                [factor * value for value in r["points"]] for r in rows if (r["number"], r["name"]) == (number, curve)
            ]
            if points:
                band(made, name, MARKS[name].colour, [[*map(fmean, zip(*points, strict=True))]])
        panels.append(Panel(f"curves-{curve.replace('_', '-')}", made))
    return Section(
        "curves",
        "Learning",
        "Validation accuracy and training loss of each activation's usual network after each epoch, means over seeds. "
        "A curve that still rises at its end asks for more epochs.",
        tuple(panels),
    )


def answer(found: Comparison) -> list[str]:
    """The verdicts in a line each, and the best activation."""
    best = max(found.accuracy_by_activation, key=lambda cell: cell.accuracy)
    interval = ""
    if best.interval is not None:
        interval = f" (95 % interval {100 * best.interval[0]:.2f} to {100 * best.interval[1]:.2f})"
    lines = [f"The most accurate on the test part is {best.activation}: {100 * best.accuracy:.2f} %{interval}."]
    for verdict in VERDICTS:
        claims = [f"{finding.statement} ({finding.id})" for finding in found.findings if finding.verdict == verdict]
        if claims:
            lines.append(f"{verdict.capitalize()}: {'; '.join(claims)}.")
    if found.seeds == 1:
        lines.append("One seed gives no interval, so nothing is decided: compare with --seeds 10.")
    return lines
