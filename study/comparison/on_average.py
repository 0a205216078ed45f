"""Verdicts about averages over data sets: those of contrasts, and by Holm's procedure those of claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from study.comparison.averages import AVERAGES
from study.comparison.claim_verdicts import deciding_index, error_where_manipulated, excluded, manipulated
from study.comparison.claims import CLAIMS, Claim, ClaimContrast
from study.comparison.set_estimates import SetEstimate, SetEstimates, values_of
from study.comparison.verdicts import PLAIN_LEVEL
from study.intervals import FAMILY_ERROR, Array, Verdict, holm, holm_errors

Interval = tuple[float, float]


@dataclass(frozen=True)
class OnAverage:
    """The average of a contrast over data sets.

    Attributes:
        estimate: The average; None where no data set has an estimate.
        plain_interval: Its 95 % interval; None where there are too few data sets.
        judged: The interval at the error that was granted, by which it is judged; None as above.
        error: The smallest error at which it would be decided.
        verdict: The verdict by that interval.
        possible: The verdicts that it leaves possible.
    """

    estimate: float | None
    plain_interval: Interval | None
    judged: Interval | None
    error: float
    verdict: Verdict
    possible: tuple[Verdict, ...]


@dataclass(frozen=True)
class ClaimOnAverage:
    """A claim about the average over data sets.

    Attributes:
        claim: The claim.
        granted: The error that Holm's procedure grants it.
        p: The smallest error, over all claims, at which it would be decided (Holm).
        verdict: The verdict on average.
        excluded: What it is not, where it is undecided: "supported" or "refuted"; None where it may be either.
        deciding: The place of the contrast that decides.
    """

    claim: Claim
    granted: float
    p: float
    verdict: Verdict
    excluded: Verdict | None
    deciding: int


def judge_on_average(
    sets: Mapping[str, SetEstimates], claims: Sequence[Claim] = CLAIMS, *, error: float = FAMILY_ERROR
) -> tuple[ClaimOnAverage, ...]:
    """The verdicts about averages, claim by claim, of the claims that are read on data and have estimates.

    Args:
        sets: The estimates of each data set, by its name; what a data set lacks, it does not count for.
        claims: The claims.
        error: The error over all claims.
    """
    read_on_data = [claim for claim in claims if all(part.kind != "time" for part in claim.contrasts)]
    read_on_data = [claim for claim in read_on_data if any(claim.statement in each for each in sets.values())]
    values = [
        [values_of([*with_values(sets, claim, place).values()]) for place in range(len(claim.contrasts))]
        for claim in read_on_data
    ]
    first = [_all(claim, columns, error) for claim, columns in zip(read_on_data, values, strict=True)]
    errors = [error_where_manipulated(claim, found) for claim, found in zip(read_on_data, first, strict=True)]
    verdicts = []
    granted_errors, ps = holm_errors(errors, error), holm(errors)
    for claim, columns, granted, p in zip(read_on_data, values, granted_errors, ps, strict=True):
        found = _all(claim, columns, granted)
        place = deciding_index(claim, [each.verdict for each in found])
        verdict = found[place].verdict if manipulated(claim, [each.plain_interval for each in found]) else "undecided"
        verdicts.append(ClaimOnAverage(claim, granted, p, verdict, excluded(claim, found, verdict), place))
    return tuple(verdicts)


def with_values(sets: Mapping[str, SetEstimates], claim: Claim, place: int) -> dict[str, SetEstimate]:
    """The estimates of one contrast of a claim, by data set, of those that have one."""
    found = {name: each[claim.statement][place] for name, each in sets.items() if claim.statement in each}
    return {name: each for name, each in found.items() if each is not None}


def on_average(part: ClaimContrast, values: Array, error: float) -> OnAverage:
    """The average of a contrast over data sets.

    Args:
        part: The contrast.
        values: `[n]` its estimates.
        error: The error that the verdict may have.
    """
    average, region, several = AVERAGES[part.average], part.region, len(values) > 1
    judged = region.within(average.interval(values, 1.0 - error)) if several else None
    return OnAverage(
        estimate=average.of(values) if len(values) else None,
        plain_interval=region.within(average.interval(values, PLAIN_LEVEL)) if several else None,
        judged=judged,
        error=average.error(values, region) if several else 1.0,
        verdict=region.verdict(judged),
        possible=region.possible(judged),
    )


def _all(claim: Claim, columns: Sequence[Array], error: float) -> list[OnAverage]:
    return [on_average(part, values, error) for part, values in zip(claim.contrasts, columns, strict=True)]
