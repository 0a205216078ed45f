"""The claims over several data sets, each a single observation: on average, and on a data set that is not among them.

The primary estimate of a contrast is the unweighted mean over data sets, or the median where a contrast is skewed. It
is judged against the edges of the region of practical equivalence: outside it (a minimum-effect test) or inside (two
one-sided tests), by the same rule as on one data set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from study.comparison.averages import AVERAGES, leave_one_out
from study.comparison.claim_verdicts import deciding_index, manipulated, verdict_text
from study.comparison.claims import CLAIMS, Average, Claim, ClaimContrast
from study.comparison.heterogeneity import Predictive, Weighted, paule_mandel, predictive
from study.comparison.on_average import judge_on_average, on_average, with_values
from study.comparison.ranks import Ranking, rank
from study.comparison.set_estimates import SetEstimate, SetEstimates, values_of, variances_of
from study.comparison.summary import ComparisonSummary
from study.comparison.verdicts import PLAIN_LEVEL, ContrastEstimate
from study.comparison.what_would_change import what_would_change_across
from study.intervals import FAMILY_ERROR, Array, Verdict

Interval = tuple[float, float]


@dataclass(frozen=True)
class ContrastAcrossDataSets:
    """One contrast over data sets.

    Attributes:
        name: What is estimated.
        unit: Unit of all estimates.
        rope: Region of practical equivalence.
        decides: Whether the claim is judged by it.
        data: The data sets that have an estimate.
        estimates: Their estimates.
        standard_errors: The standard errors of these; None where unknown.
        average: What the average is: the unweighted mean, or the median.
        estimate: The average; None where no data set has an estimate.
        interval: Its 95 % interval; None where there are too few data sets.
        error: The smallest error at which it would be decided.
        verdict: The verdict about the average, at the error that Holm's procedure grants the claim.
        prediction_interval: In it lies the effect on a new data set, with 95 %; None for a single data set.
        verdict_on_new: The verdict about a new data set, by that interval.
        shares: Shares of the estimates below, inside and above the region.
        leave_one_out: Smallest and largest average with one data set left out.
        sensitivity: The mean weighted by variances; None where no variance is known.
        change: What would change the verdict about the average, in a line.
    """

    name: str
    unit: str
    rope: Interval
    decides: bool
    data: tuple[str, ...]
    estimates: tuple[float, ...]
    standard_errors: tuple[float | None, ...]
    average: Average
    estimate: float | None
    interval: Interval | None
    error: float
    verdict: Verdict
    prediction_interval: Interval | None
    verdict_on_new: Verdict
    shares: tuple[float, float, float] | None
    leave_one_out: Interval | None
    sensitivity: Weighted | None
    change: str

    @property
    def plain_interval(self) -> Interval | None:
        """The interval of this contrast alone, as `judge_claims` calls it."""
        return self.interval


@dataclass(frozen=True)
class ClaimAcrossDataSets:
    """What several data sets say to one claim.

    Attributes:
        id: The claim's number.
        statement: What it says.
        association: Whether the comparisons show no more than an association.
        p: The smallest error, over all claims, at which it would be decided about the average (Holm).
        verdict: The verdict on average.
        excluded: What it is not on average, where undecided: "supported" or "refuted"; None where it may be either.
        verdict_on_new: The verdict about a new data set.
        deciding: The place of the contrast that decides on average.
        contrasts: All its contrasts.
    """

    id: int
    statement: str
    association: bool
    p: float
    verdict: Verdict
    excluded: Verdict | None
    verdict_on_new: Verdict
    deciding: int
    contrasts: tuple[ContrastAcrossDataSets, ...]

    @property
    def judged(self) -> ContrastAcrossDataSets:
        """The contrast that decides on average."""
        return self.contrasts[self.deciding]

    @property
    def verdict_text(self) -> str:
        """The verdict on average, with what is ruled out where it is undecided."""
        return verdict_text(self.verdict, self.excluded)


@dataclass(frozen=True)
class AcrossDataSets:
    """Estimates over several data sets.

    Attributes:
        data: Names of the data sets.
        claims: The claims that are read on data.
        ranking: Ranks of the activations, each at the learning rate and slope that validation chooses; None where
            the claims leave fewer than two to rank.
        metric: What they are ranked by, on the test part; several names where the data sets have several tasks.
    """

    data: tuple[str, ...]
    claims: tuple[ClaimAcrossDataSets, ...]
    ranking: Ranking | None
    metric: str


def compare_data_sets(comparisons: Sequence[ComparisonSummary]) -> AcrossDataSets:
    """Combines finished comparisons of different data.

    Args:
        comparisons: At least two comparisons.
    """
    return AcrossDataSets(
        data=tuple(comparison.data for comparison in comparisons),
        claims=judge_across({comparison.data: estimates_of(comparison) for comparison in comparisons}),
        ranking=rank(comparisons),
        metric=" or ".join(dict.fromkeys(comparison.metric.name for comparison in comparisons)),
    )


def estimates_of(comparison: ComparisonSummary) -> dict[str, list[SetEstimate | None]]:
    """The estimates of a comparison's contrasts, as `judge_across` takes them, with the errors that their seeds show.

    An error of a data set's own interval that is larger, to be on the safe side, would not be that here: what the data
    sets differ by beyond their errors is how far their effects differ.
    """
    return {verdict.statement: [_over_seeds(each) for each in verdict.estimates] for verdict in comparison.verdicts}


def _over_seeds(contrast: ContrastEstimate) -> SetEstimate | None:
    if contrast.estimate is None:
        return None
    values = np.array(contrast.values)
    has_error = contrast.standard_error is not None
    return SetEstimate(contrast.estimate, float(values.std(ddof=1)) / math.sqrt(len(values)) if has_error else None)


def judge_across(
    sets: Mapping[str, SetEstimates], claims: Sequence[Claim] = CLAIMS, *, error: float = FAMILY_ERROR
) -> tuple[ClaimAcrossDataSets, ...]:
    """The verdicts over data sets, claim by claim, by Holm's procedure over the claims.

    The clock's claims are left out: times do not depend on data.

    Args:
        sets: The estimates of each data set, by its name; what a data set lacks, it does not count for.
        claims: The claims.
        error: The error over all claims.
    """
    verdicts = []
    for judged in judge_on_average(sets, claims, error=error):
        claim, found = judged.claim, _contrasts(judged.claim, sets, judged.granted)
        new = [each.verdict_on_new for each in found]
        took = manipulated(claim, [each.prediction_interval for each in found])
        verdicts.append(
            ClaimAcrossDataSets(
                id=claim.id,
                statement=claim.statement,
                association=claim.association,
                p=judged.p,
                verdict=judged.verdict,
                excluded=judged.excluded,
                verdict_on_new=new[deciding_index(claim, new)] if took else "undecided",
                deciding=judged.deciding,
                contrasts=found,
            )
        )
    return tuple(verdicts)


def distribution_of_new(estimates: Sequence[SetEstimate]) -> Predictive:
    """What at least two data sets say of the effect on a new one."""
    return predictive(values_of(estimates), variances_of(estimates))


def _contrasts(claim: Claim, sets: Mapping[str, SetEstimates], error: float) -> tuple[ContrastAcrossDataSets, ...]:
    return tuple(_contrast(part, with_values(sets, claim, place), error) for place, part in enumerate(claim.contrasts))


def _contrast(part: ClaimContrast, there: Mapping[str, SetEstimate], error: float) -> ContrastAcrossDataSets:
    """One contrast over the data sets that have an estimate."""
    known, region = [*there.values()], part.region
    values, variances, several = values_of(known), variances_of(known), len(there) > 1
    found, least, most = on_average(part, values, error), *region.rope
    prediction = region.within(distribution_of_new(known).interval(PLAIN_LEVEL)) if several else None
    return ContrastAcrossDataSets(
        name=part.name,
        unit=part.unit,
        rope=region.rope,
        decides=part.decides,
        data=tuple(there),
        estimates=tuple(values.tolist()),
        standard_errors=tuple(each.standard_error for each in known),
        average=part.average,
        estimate=found.estimate,
        interval=found.plain_interval,
        error=found.error,
        verdict=found.verdict,
        prediction_interval=prediction,
        verdict_on_new=region.verdict(prediction),
        shares=_shares(values, least, most) if there else None,
        leave_one_out=leave_one_out(values, AVERAGES[part.average]) if several else None,
        sensitivity=paule_mandel(values, variances, PLAIN_LEVEL) if several else None,
        change=what_would_change_across(part, values, variances, found.judged, error),
    )


def _shares(values: Array, least: float, most: float) -> tuple[float, float, float]:
    below, above = float((values < least).mean()), float((values > most).mean())
    return below, 1.0 - below - above, above
