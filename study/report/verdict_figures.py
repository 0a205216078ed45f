"""The verdicts of a comparison: a table, and each estimate with its interval against what counts as no difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from study.comparison.verdicts import ClaimVerdict, ContrastEstimate
from study.comparison.with_evidence import ClaimWithEvidence
from study.report.palette import INK, RECOMMENDED
from study.report.plot import Panel, Section, figure, wrapped
from study.wording import signed, signed_range

VERDICTS = {
    "supported": ("#2f9e44", "circle"),
    "refuted": (RECOMMENDED, "x"),
    "no practical difference": (INK, "square"),
    "undecided": ("#dd8800", "diamond-open"),
}
"""Colour and marker of each verdict."""
_ROW, _AROUND = 54, 70
_WIDTH = 30
"""Characters of a line of what is estimated."""


def verdicts(
    claims: Sequence[ClaimVerdict],
    level: float,
    method: Sequence[str],
    together: Mapping[int, ClaimWithEvidence] = MappingProxyType({}),
) -> Section:
    """Every claim with its verdict, and every estimate that it is read from.

    Args:
        claims: The verdicts, one a claim.
        level: Confidence level of each simultaneous interval.
        method: How they came about, in sentences without their full stops.
        together: The claims with the evidence of other data sets, by number, where there is any.
    """
    groups: dict[tuple[str, tuple[float, float]], list[tuple[ClaimVerdict, ContrastEstimate]]] = {}
    for claim in claims:
        for estimate in claim.estimates:
            if estimate.estimate is not None:
                groups.setdefault((estimate.unit, estimate.rope), []).append((claim, estimate))
    unknown = sum(estimate.estimate is None for claim in claims for estimate in claim.estimates)
    intervals = (
        "An interval wholly outside it decides for or against the claim, one wholly inside says that the difference "
        f"does not matter, any other leaves it open. Each interval has {100 * level:.2f} %, by which all claims share "
        "5 %; where Holm's procedure decides a claim by less, it ends at the band. The table has the 95 % interval of "
        "each contrast alone too."
        if any(estimate.interval is not None for claim in claims for estimate in claim.estimates)
        else "One seed gives no interval, so every claim is undecided."
    )
    panels = [_forest(f"verdicts-{number}", *key, members) for number, (key, members) in enumerate(groups.items())]
    assuming = any(claim.assumption for claim in claims)
    return Section(
        "verdicts",
        f"Verdicts on {len(claims)} claims",
        f"The shaded band is what counts as no practical difference. {intervals} Green circles support their claim, "
        "red crosses refute it, grey squares make no practical difference, open diamonds are undecided. "
        + _sentences(method)
        + (f" {unknown} of the estimates have no value, and no mark." if unknown else ""),
        tuple(panels),
        tuple(_row(claim, assuming=assuming) | _with_evidence(claim, together) for claim in claims),
    )


def _row(claim: ClaimVerdict, *, assuming: bool) -> dict[str, str]:
    """A claim as a row of the table, with what it assumes where any claim assumes something."""
    return {
        "": str(claim.id),
        "claim": claim.statement + (" (an association)" if claim.association else ""),
        "verdict": claim.verdict_text,
        "estimate": _number(claim.estimate, claim.unit),
        "95 % interval": "none" if claim.plain_interval is None else signed_range(claim.plain_interval),
        "simultaneous": "none" if claim.interval is None else signed_range(claim.interval),
        "no difference": signed_range(claim.rope),
        "what would change it": claim.change,
        **({"assumes": claim.assumption or "nothing more"} if assuming else {}),
        "read on": claim.read_on,
        "class": claim.verdict,
    }


def _with_evidence(claim: ClaimVerdict, together: Mapping[int, ClaimWithEvidence]) -> dict[str, str]:
    """A cell more, where any claim has it."""
    if not together:
        return {}
    found = together.get(claim.id)
    return {"with the evidence": "none" if found is None else f"{found.verdict}; {found.words}"}


def _forest(
    identifier: str, unit: str, rope: tuple[float, float], members: Sequence[tuple[ClaimVerdict, ContrastEstimate]]
) -> Panel:
    chart = figure(unit, "", height=_AROUND + _ROW * len(members), showlegend=False)
    if rope[0] < rope[1]:
        chart.add_vrect(*rope, fillcolor=INK, opacity=0.18, line_width=0, layer="below")
    else:
        chart.add_vline(rope[0], line={"color": INK, "dash": "dot"})
    names = [f"{claim.id}. {wrapped(estimate.name, _WIDTH)}" for claim, estimate in members]
    for verdict, (colour, symbol) in VERDICTS.items():
        chosen = [(n, e) for n, (_, e) in zip(names, members, strict=True) if e.verdict == verdict]
        if chosen:
            lows = [0.0 if e.interval is None else (e.estimate or 0.0) - e.interval[0] for _, e in chosen]
            highs = [0.0 if e.interval is None else e.interval[1] - (e.estimate or 0.0) for _, e in chosen]
            chart.add_scatter(
                x=[e.estimate for _, e in chosen],
                y=[n for n, _ in chosen],
                mode="markers",
                name=verdict,
                marker={"color": colour, "symbol": symbol, "size": 11},
                error_x={"type": "data", "array": highs, "arrayminus": lows, "color": colour, "thickness": 2},
                text=[
                    f"{_number(e.estimate, unit)} [{'none' if e.interval is None else signed_range(e.interval)}]"
                    + ("" if e.decides else ", does not decide")
                    for _, e in chosen
                ],
                hovertemplate="%{text}<extra></extra>",
            )
    chart.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], tickfont={"size": 11}, range=[-0.6, len(names) - 0.4]
    )
    return Panel(identifier, chart)


def _number(value: float | None, unit: str) -> str:
    return "none" if value is None else f"{signed(value)} {unit}"


def _sentences(texts: Sequence[str]) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in texts)
