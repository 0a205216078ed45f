"""What can be computed about objections to the evidence: other regions, weights, families, halves, sizes of data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from study.comparison.across_data_sets import ClaimAcrossDataSets
from study.comparison.claim import Claim, accuracy
from study.comparison.evidence import Evidence
from study.comparison.evidence_verdicts import claims_about, rows_of, verdicts_of
from study.comparison.on_average import judge_on_average
from study.comparison.robustness import alternate_halves, random_halves, slope_on_rows
from study.comparison.set_estimates import SetEstimates
from study.intervals import Verdict
from study.tasks import CLASSIFICATION

_SPLITS, _SMALL = 100, 500
_REGIONS = (0.25, 1.0)
Verdicts = dict[int, Verdict]


def objections(evidence: Evidence, path: Path) -> str:
    """A table of computations on the classification sets, one row each.

    Args:
        evidence: The evidence.
        path: Its file, which counts networks too.
    """
    claims, sets = claims_about(CLASSIFICATION), evidence.counted(CLASSIFICATION.name)
    judged, rows = verdicts_of(evidence, CLASSIFICATION), rows_of(evidence, CLASSIFICATION)
    entries = json.loads(path.read_text(encoding="utf-8"))["data_sets"]
    found = {claim.id: claim.verdict for claim in judged}
    large = {name: each for name, each in sets.items() if rows[name] >= _SMALL}
    table = [
        (f"only the {len(large)} data sets of {_SMALL} rows or more", _changes(found, _verdicts(large, claims))),
        *(
            (
                f"±{half:g} points of accuracy as the ROPE, not ±0.5",
                _changes(found, _verdicts(sets, _wider(claims, half))),
            )
            for half in _REGIONS
        ),
        ("each claim alone at 95 %, without Holm's procedure", _changes(found, _alone(sets, claims))),
        ("the mean weighted by variances (95 %), in place of the average", _changes(found, _weighted(judged, claims))),
        ("every other data set by name, against the rest", _halved(sets, claims)),
        (f"{_SPLITS} random halves against the rest", _halved_at_random(sets, claims)),
        ("effect on log rows", _by_rows(judged, rows)),
        ("networks", _networks(entries)),
        ("learning rates chosen at the lowest and the highest of nine", _edges(entries)),
    ]
    lines = [f"| {name} | {text} |" for name, text in table]
    return "\n".join(["| computed anew with | what comes out |", "|---|---|", *lines])


def _verdicts(sets: Mapping[str, SetEstimates], claims: Sequence[Claim]) -> Verdicts:
    return {judged.claim.id: judged.verdict for judged in judge_on_average(sets, claims)}


def _alone(sets: Mapping[str, SetEstimates], claims: Sequence[Claim]) -> Verdicts:
    return {number: verdict for claim in claims for number, verdict in _verdicts(sets, [claim]).items()}


def _wider(claims: Sequence[Claim], half: float) -> list[Claim]:
    """The claims with another region of practical equivalence wherever it is half a point of accuracy."""
    usual = accuracy(above=True).rope
    return [
        replace(
            claim,
            contrasts=tuple(
                replace(part, region=replace(part.region, rope=(-half, half)))
                if part.kind == "score" and part.region.rope == usual
                else part
                for part in claim.contrasts
            ),
        )
        for claim in claims
    ]


def _weighted(judged: Sequence[ClaimAcrossDataSets], claims: Sequence[Claim]) -> Verdicts:
    """The verdicts of the deciding contrasts by their weighted means."""
    of = {claim.id: claim for claim in claims}
    return {
        claim.id: of[claim.id].contrasts[claim.deciding].region.verdict(claim.judged.sensitivity.interval)
        for claim in judged
        if claim.judged.sensitivity is not None
    }


def _changes(found: Verdicts, other: Verdicts) -> str:
    """Which verdicts differ, those that contradict each other first."""
    differing = [number for number in found if number in other and found[number] != other[number]]
    against = [number for number in differing if "undecided" not in (found[number], other[number])]
    if not differing:
        return f"all {len(found)} verdicts stay"
    texts = [f"{number}: {found[number]} → {other[number]}" for number in differing]
    return (
        f"{'; '.join(texts)}; {'none' if not against else f'{len(against)}'} of these the opposite or another decision"
    )


def _halved(sets: Mapping[str, SetEstimates], claims: Sequence[Claim]) -> str:
    halved = alternate_halves(sets, claims)
    decided = sum("undecided" not in (halved.first[n], halved.second[n]) for n in halved.first if n in halved.second)
    against = halved.contradicted
    return f"both decide {decided} of {len(halved.first)} claims, and contradict each other on {_list(against)}"


def _halved_at_random(sets: Mapping[str, SetEstimates], claims: Sequence[Claim]) -> str:
    drawn = [each.contradicted for each in random_halves(sets, _SPLITS, claims)]
    ever = sorted({number for each in drawn for number in each})
    return f"{sum(not each for each in drawn)} % without a contradiction; any contradiction at all on {_list(ever)}"


def _by_rows(judged: Sequence[ClaimAcrossDataSets], rows: Mapping[str, int]) -> str:
    """The claims whose deciding effect has a slope whose interval leaves 0 out."""
    texts, count = [], 0
    for claim in judged:
        slope = slope_on_rows(claim.judged.estimates, [rows[name] for name in claim.judged.data])
        if slope is None:
            continue
        count += 1
        low, high = slope.interval
        if low > 0 or high < 0 or claim.id == 2:
            texts.append(f"{claim.id}: {slope.estimate:+.2f} {claim.judged.unit} ({low:+.2f} … {high:+.2f})")
    text = "; ".join(texts).replace("-", "−")
    return f"for ten times the rows, claim 2 and those of {count} whose 95 % interval leaves out 0: {text}"


def _networks(entries: Sequence[Mapping[str, Any]]) -> str:
    total, diverged, failed = (sum(each[key] for each in entries) for key in ("networks", "diverged", "failed_cells"))
    return f"{total:,} trained on all data sets; {diverged:,} diverged, {failed:,} cells failed"


def _edges(entries: Sequence[Mapping[str, Any]]) -> str:
    low, high = np.mean([each["chosen_at_edges"] for each in entries], axis=0)
    return f"{100 * low:.1f} and {100 * high:.1f} % over all data sets"


def _list(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) if numbers else "none"
