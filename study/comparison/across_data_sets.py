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
from study.comparison.claims import CLAIMS, Average, Claim, ClaimContrast
from study.comparison.heterogeneity import Predictive, Weighted, paule_mandel, predictive
from study.comparison.ranks import Ranking, rank
from study.comparison.summary import ComparisonSummary
from study.comparison.verdicts import PLAIN_LEVEL, deciding_index, error_where_manipulated, manipulated
from study.intervals import FAMILY_ERROR, Array, Verdict, holm, holm_errors

Interval = tuple[float, float]


@dataclass(frozen=True)
class SetEstimate:
    """The estimate of one contrast on one data set.

    Attributes:
        value: The estimate.
        standard_error: Its standard error; None where unknown.
    """

    value: float
    standard_error: float | None


SetEstimates = Mapping[str, Sequence[SetEstimate | None]]
"""The estimates on one data set: of each claim, by its statement, those of its contrasts in their order."""


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
        verdict_on_new: The verdict about a new data set.
        deciding: The place of the contrast that decides on average.
        contrasts: All its contrasts.
    """

    id: int
    statement: str
    association: bool
    p: float
    verdict: Verdict
    verdict_on_new: Verdict
    deciding: int
    contrasts: tuple[ContrastAcrossDataSets, ...]

    @property
    def judged(self) -> ContrastAcrossDataSets:
        """The contrast that decides on average."""
        return self.contrasts[self.deciding]


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


@dataclass(frozen=True)
class _New:
    """A contrast as the verdict about a new data set sees it."""

    estimate: float | None
    verdict: Verdict
    plain_interval: Interval | None
    error: float = 1.0


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
    """The estimates of a comparison's contrasts, as `judge_across` takes them."""
    return {
        verdict.statement: [
            None if each.estimate is None else SetEstimate(each.estimate, each.standard_error)
            for each in verdict.estimates
        ]
        for verdict in comparison.verdicts
    }


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
    read_on_data = [claim for claim in claims if all(part.kind != "time" for part in claim.contrasts)]
    read_on_data = [claim for claim in read_on_data if any(claim.statement in each for each in sets.values())]
    first = [_contrasts(claim, sets, error) for claim in read_on_data]
    errors = [error_where_manipulated(claim, found) for claim, found in zip(read_on_data, first, strict=True)]
    verdicts = []
    for claim, granted, p in zip(read_on_data, holm_errors(errors, error), holm(errors), strict=True):
        found = _contrasts(claim, sets, granted)
        place = deciding_index(claim, found)
        new = [_New(each.estimate, each.verdict_on_new, each.prediction_interval) for each in found]
        verdicts.append(
            ClaimAcrossDataSets(
                id=claim.id,
                statement=claim.statement,
                association=claim.association,
                p=p,
                verdict=found[place].verdict if manipulated(claim, found) else "undecided",
                verdict_on_new=new[deciding_index(claim, new)].verdict if manipulated(claim, new) else "undecided",
                deciding=place,
                contrasts=found,
            )
        )
    return tuple(verdicts)


def distribution_of_new(estimates: Sequence[SetEstimate]) -> Predictive:
    """What at least two data sets say of the effect on a new one."""
    return predictive(_values(estimates), _variances(estimates))


def _contrasts(claim: Claim, sets: Mapping[str, SetEstimates], error: float) -> tuple[ContrastAcrossDataSets, ...]:
    return tuple(
        _contrast(
            part,
            {name: each[claim.statement][place] for name, each in sets.items() if claim.statement in each},
            error,
        )
        for place, part in enumerate(claim.contrasts)
    )


def _contrast(part: ClaimContrast, found: Mapping[str, SetEstimate | None], error: float) -> ContrastAcrossDataSets:
    """One contrast over the data sets that have an estimate."""
    there = {name: each for name, each in found.items() if each is not None}
    values, average, region = _values([*there.values()]), AVERAGES[part.average], part.region
    several = len(there) > 1
    judged = average.interval(values, 1.0 - error) if several else None
    interval = average.interval(values, PLAIN_LEVEL) if several else None
    prediction = distribution_of_new([*there.values()]).interval(PLAIN_LEVEL) if several else None
    least, most = region.rope

    def within(bounds: Interval | None) -> Interval | None:
        low, high = region.domain
        return None if bounds is None else (min(high, max(low, bounds[0])), max(low, min(high, bounds[1])))

    return ContrastAcrossDataSets(
        name=part.name,
        unit=part.unit,
        rope=region.rope,
        decides=part.decides,
        data=tuple(there),
        estimates=tuple(values.tolist()),
        standard_errors=tuple(each.standard_error for each in there.values()),
        average=part.average,
        estimate=average.of(values) if there else None,
        interval=within(interval),
        error=average.error(values, region) if several else 1.0,
        verdict=region.verdict(within(judged)),
        prediction_interval=within(prediction),
        verdict_on_new=region.verdict(within(prediction)),
        shares=_shares(values, least, most) if there else None,
        leave_one_out=leave_one_out(values, average) if several else None,
        sensitivity=paule_mandel(values, _variances([*there.values()]), PLAIN_LEVEL) if several else None,
    )


def _shares(values: Array, least: float, most: float) -> tuple[float, float, float]:
    below, above = float((values < least).mean()), float((values > most).mean())
    return below, 1.0 - below - above, above


def _values(estimates: Sequence[SetEstimate]) -> Array:
    return np.array([each.value for each in estimates], dtype=float)


def _variances(estimates: Sequence[SetEstimate]) -> Array:
    errors = [math.nan if each.standard_error is None else each.standard_error for each in estimates]
    variances: Array = np.array(errors, dtype=float) ** 2
    return variances
