"""The verdicts of a comparison: a table, and each estimate with its interval against what counts as no difference."""

from __future__ import annotations

from collections.abc import Sequence

from study.comparison.verdicts import Evidence, Finding
from study.report.palette import INK, RECOMMENDED
from study.report.plot import Panel, Section, figure

VERDICTS = {
    "supported": ("#2f9e44", "circle"),
    "refuted": (RECOMMENDED, "x"),
    "no practical difference": (INK, "square"),
    "undecided": ("#dd8800", "diamond-open"),
}
"""Colour and marker of each verdict."""
_ROW, _AROUND = 54, 70


def verdicts(findings: Sequence[Finding], level: float) -> Section:
    """Every claim with its verdict, and every estimate behind it.

    Args:
        findings: One a claim.
        level: Confidence level of each interval.
    """
    groups: dict[tuple[str, tuple[float, float]], list[tuple[Finding, Evidence]]] = {}
    for finding in findings:
        for evidence in finding.evidence:
            if evidence.estimate is not None:
                groups.setdefault((evidence.unit, evidence.rope), []).append((finding, evidence))
    panels = [_forest(f"verdicts-{number}", *key, members) for number, (key, members) in enumerate(groups.items())]
    return Section(
        "verdicts",
        "Twelve claims",
        f"The shaded band is what counts as no practical difference. An interval wholly outside it decides for or "
        f"against the claim, one wholly inside says that the difference does not matter, any other leaves it open. "
        f"Each interval holds with {100 * level:.2f} %, all of them together with 95 %. Green circles support their "
        "claim, red crosses refute it, grey squares make no practical difference, open diamonds are undecided.",
        tuple(panels),
        tuple(_row(finding) for finding in findings),
    )


def _row(finding: Finding) -> dict[str, str]:
    return {
        "": str(finding.id),
        "claim": finding.statement + (" (an association)" if finding.association else ""),
        "verdict": finding.verdict,
        "estimate": _number(finding.estimate, finding.unit),
        "interval": "one seed: none" if finding.interval is None else _range(finding.interval),
        "no difference": _range(finding.rope),
        "what would change it": finding.change,
        "read on": finding.read_on,
        "class": finding.verdict,
    }


def _forest(
    identifier: str, unit: str, rope: tuple[float, float], members: Sequence[tuple[Finding, Evidence]]
) -> Panel:
    made = figure(unit, "", height=_AROUND + _ROW * len(members), showlegend=False)
    if rope[0] < rope[1]:
        made.add_vrect(*rope, fillcolor=INK, opacity=0.18, line_width=0, layer="below")
    else:
        made.add_vline(rope[0], line={"color": INK, "dash": "dot"})
    names = [f"{finding.id}. {_wrapped(evidence.name)}" for finding, evidence in members]
    for verdict, (colour, symbol) in VERDICTS.items():
        chosen = [(n, e) for n, (_, e) in zip(names, members, strict=True) if e.verdict == verdict]
        if chosen:
            lows = [0.0 if e.interval is None else (e.estimate or 0.0) - e.interval[0] for _, e in chosen]
            highs = [0.0 if e.interval is None else e.interval[1] - (e.estimate or 0.0) for _, e in chosen]
            made.add_scatter(
                x=[e.estimate for _, e in chosen],
                y=[n for n, _ in chosen],
                mode="markers",
                name=verdict,
                marker={"color": colour, "symbol": symbol, "size": 11},
                error_x={"type": "data", "array": highs, "arrayminus": lows, "color": colour, "thickness": 2},
                text=[
                    f"{_number(e.estimate, unit)} [{'none' if e.interval is None else _range(e.interval)}]"
                    for _, e in chosen
                ],
                hovertemplate="%{text}<extra></extra>",
            )
    made.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], tickfont={"size": 11}, range=[-0.6, len(names) - 0.4]
    )
    return Panel(identifier, made)


def _wrapped(text: str, width: int = 30) -> str:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{word} "
    return "<br>".join(line.strip() for line in lines if line)


def _number(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{value:+.2f} {unit}"


def _range(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:+.2f} … {bounds[1]:+.2f}"
