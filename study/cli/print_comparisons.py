"""Verdicts of comparisons on stdout: as lines, as a table of several data sets, as JSON or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from study.cli.console import print_rows
from study.cli.machine_text import json_text
from study.comparison.across_data_sets import (
    AcrossDataSets,
    ClaimAcrossDataSets,
    ContrastAcrossDataSets,
    compare_data_sets,
)
from study.comparison.in_short import in_short
from study.comparison.method import method
from study.comparison.summary import ComparisonSummary
from study.comparison.verdicts import ClaimVerdict, ContrastEstimate
from study.wording import signed, signed_range


def print_comparisons(comparisons: Sequence[ComparisonSummary], form: str) -> None:
    """Prints verdicts on stdout: of each comparison, and of all together where there are several."""
    several = compare_data_sets(comparisons) if len(comparisons) > 1 else None
    if form == "json":
        print(json_text(as_json(comparisons, several)))
    elif form == "csv":
        print_rows([row for comparison in comparisons for row in _rows(comparison)], "csv")
    else:
        for comparison in comparisons:
            print("\n".join(_lines(comparison)))
        if several is not None:
            _print_several(comparisons, several)


def as_json(comparisons: Sequence[ComparisonSummary], several: AcrossDataSets | None) -> dict[str, Any]:
    """What `--format json` prints."""
    return {
        "claims": [
            {"study": comparison.name, "data": comparison.data}
            | finding.as_dict()
            | {"with_evidence": _with_evidence(comparison, finding)}
            for comparison in comparisons
            for finding in comparison.verdicts
        ],
        "studies": [
            {
                "study": comparison.name,
                "data": comparison.data,
                "seeds": comparison.seeds,
                "streams": comparison.streams,
                "epochs": comparison.epochs,
                "patience": comparison.patience,
                "answer": in_short(comparison),
                "test_over_training": comparison.ratio,
                "variance": comparison.variance,
                "learning_rates": list(comparison.rates),
                "chosen_at_lowest_rate": comparison.at_edges[0],
                "chosen_at_highest_rate": comparison.at_edges[1],
                "method": method(comparison),
                "reduced": comparison.reduced or None,
                "level": comparison.level,
                "timed_on": comparison.machine,
            }
            for comparison in comparisons
        ],
        "together": None if several is None else asdict(several),
    }


def _rows(comparison: ComparisonSummary) -> list[dict[str, Any]]:
    return [
        {
            "study": comparison.name,
            "data": comparison.data,
            "id": finding.id,
            "statement": finding.statement,
            "estimate": finding.estimate,
            "low": None if finding.interval is None else finding.interval[0],
            "high": None if finding.interval is None else finding.interval[1],
            "plain_low": None if finding.plain_interval is None else finding.plain_interval[0],
            "plain_high": None if finding.plain_interval is None else finding.plain_interval[1],
            "p": finding.p,
            "unit": finding.unit,
            "rope_low": finding.rope[0],
            "rope_high": finding.rope[1],
            "verdict": finding.verdict,
            "estimated": finding.deciding.name,
            "change": finding.change,
            "source": finding.source,
        }
        for finding in comparison.verdicts
    ]


def _lines(comparison: ComparisonSummary) -> list[str]:
    """A comparison as a person reads it."""
    lines = [
        f"{comparison.data}: {comparison.seeds_text}, {comparison.epochs_text}{_reduced(comparison)}",
        "",
        *in_short(comparison),
        "",
        *method(comparison),
        *([f"{comparison.failed} cells could not be trained, and are missing below"] if comparison.failed else []),
        "",
    ]
    for finding in comparison.verdicts:
        association = " (an association)" if finding.association else ""
        lines.append(f"{finding.id:>2}  {finding.statement}{association}: {finding.verdict_text.upper()}")
        others = [evidence for evidence in finding.estimates if evidence is not finding.deciding]
        lines += [f"    {_evidence(evidence)}" for evidence in (finding.deciding, *others)]
        together = None if comparison.with_evidence is None else comparison.with_evidence.claims.get(finding.id)
        lines += [f"    {together.line}"] if together else []
        lines.append(f"    would change it: {finding.change}")
        lines += [f"    assumes: {finding.assumption}"] if finding.assumption else []
        lines.append(f"    source: {finding.source}")
    return [*lines, ""]


def _with_evidence(comparison: ComparisonSummary, finding: ClaimVerdict) -> dict[str, Any] | None:
    found = None if comparison.with_evidence is None else comparison.with_evidence.claims.get(finding.id)
    return None if found is None else found.as_dict()


def _reduced(comparison: ComparisonSummary) -> str:
    return "; reduced design" if comparison.reduced else ""


def _evidence(evidence: ContrastEstimate) -> str:
    if evidence.estimate is None:
        return f"{evidence.name}: no value"
    interval = "no interval"
    if evidence.interval is not None and evidence.plain_interval is not None:
        interval = f"{signed_range(evidence.plain_interval)}; {signed_range(evidence.interval)}"
    least, most = evidence.rope
    rope = f"±{most:g}" if least == -most and most else f"{least:g}" if least == most else f"{least:g} … {most:g}"
    role = "" if evidence.decides else " (it does not decide the claim)"
    value = f"{signed(evidence.estimate)} {evidence.unit}"
    return f"{evidence.name}: {value} ({interval}), ROPE {rope}: {evidence.verdict}{role}"


def _print_several(comparisons: Sequence[ComparisonSummary], several: AcrossDataSets) -> None:
    rows = [
        {
            "": str(finding.id),
            "claim": finding.statement,
            **{comparison.data: comparison.verdicts[place].verdict for comparison in comparisons},
        }
        for place, finding in enumerate(comparisons[0].verdicts)
    ]
    print_rows(rows, "table", table=rows)
    print(
        f"\nover {len(several.data)} data sets, each counting once: on average, against the ROPE's edges (Holm, 5 %), "
        "and on a new data set, by its 95 % prediction interval"
    )
    for claim in several.claims:
        print("\n".join(claim_across_lines(claim)))
    ranking = several.ranking
    if ranking is None:
        return
    print(
        f"\nmean rank by test {several.metric}, 1 is best (Friedman p = {ranking.friedman_p:.3g}; "
        f"ranks less than {ranking.critical_difference:.2f} apart are not told apart)"
    )
    ranks = [
        {"activation": name, "rank": f"{rank:.2f}"}
        | dict(zip(several.data, [f"{100 * a:.2f}" for a in row], strict=True))
        for name, rank, row in zip(ranking.activations, ranking.ranks, ranking.accuracies, strict=True)
    ]
    print_rows(ranks, "table", table=ranks)


def claim_across_lines(claim: ClaimAcrossDataSets) -> list[str]:
    """A claim over several data sets as a person reads it."""
    association = " (an association)" if claim.association else ""
    lines = [
        f"{claim.id:>2}  {claim.statement}{association}: on average {claim.verdict_text.upper()}; on a new data set, "
        f"most likely: {claim.verdict_on_new}"
    ]
    lines += [line for each in claim.contrasts for line in _contrast_across(each)]
    return [*lines, f"    would change it on average: {claim.judged.change}"]


def _contrast_across(contrast: ContrastAcrossDataSets) -> list[str]:
    role = "" if contrast.decides else " (it does not decide the claim)"
    if contrast.estimate is None or contrast.shares is None:
        return [f"    {contrast.name}: no value{role}"]
    (below, _, above), weighted = contrast.shares, contrast.sensitivity
    others = [
        f"{len(contrast.data)} data sets, {100 * below:.0f} % below the ROPE and {100 * above:.0f} % above",
        *(
            []
            if contrast.leave_one_out is None
            else [f"without any one of them {signed_range(contrast.leave_one_out)}"]
        ),
        *([] if weighted is None else [f"weighted {signed(weighted.estimate)} ({signed_range(weighted.interval)})"]),
    ]
    return [
        f"    {contrast.name}: {contrast.average} {signed(contrast.estimate)} {contrast.unit} "
        f"({_or_none(contrast.interval)}), prediction {_or_none(contrast.prediction_interval)}{role}",
        f"    {'; '.join(others)}",
    ]


def _or_none(interval: tuple[float, float] | None) -> str:
    return "no interval" if interval is None else signed_range(interval)
