"""From the contrasts of a comparison to a verdict on each claim."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures
from study.comparison.claim_verdicts import deciding_index, error_where_manipulated, excluded, manipulated, verdict_text
from study.comparison.claims import LEVEL, Claim, ClaimContrast, claims_of, level_of
from study.comparison.correlation import Kind
from study.comparison.what_would_change import what_would_change
from study.intervals import FAMILY_ERROR, Array, Verdict, corrected_interval, error_at, holm, holm_errors
from study.records.own_trials import NoResultsError
from study.tasks import CLASSIFICATION, Task

PLAIN_LEVEL = 0.95
_SMALLEST_SPREAD = 1e-9


@dataclass(frozen=True)
class ContrastEstimate:
    """The estimate of one contrast of a claim.

    Attributes:
        name: What is estimated.
        estimate: Mean over replicates; None where no replicate has a value.
        interval: Simultaneous interval; None for fewer than two replicates, or where counts show no spread. Where the
            claim is decided by Holm's procedure alone, it ends at the bound of the region that it was decided against.
        plain_interval: 95 % interval of this contrast alone; None as above.
        unit: Unit of estimate and intervals.
        rope: Region of practical equivalence.
        verdict: Verdict of this contrast alone, at the error that Holm's procedure grants its claim.
        error: The smallest error at which the contrast would be decided; 1 without an interval.
        possible: The verdicts that it leaves possible, at that error.
        change: What would change the verdict, in a line.
        decides: Whether the claim is judged by it.
        values: The contrast in each replicate, or process of timing.
        standard_error: Of the estimate; None for fewer than two replicates, or where counts show no spread.
    """

    name: str
    estimate: float | None
    interval: tuple[float, float] | None
    plain_interval: tuple[float, float] | None
    unit: str
    rope: tuple[float, float]
    verdict: Verdict
    error: float
    change: str
    decides: bool
    values: tuple[float, ...]
    standard_error: float | None = None
    possible: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class ClaimVerdict:
    """What a comparison says to one claim; estimate, interval and verdict are those of the deciding contrast.

    Attributes:
        id: The claim's number.
        statement: What the claim says.
        read_on: Where its contrasts are read.
        association: Whether the comparison shows no more than an association.
        p: The smallest error, over all claims, at which it would be decided (Holm); at most 0.05 where it is.
        deciding: The estimate that decides.
        estimates: The estimates of all its contrasts.
        excluded: What an undecided claim is not: "supported" or "refuted"; None where it can be both, or is decided.
        source: Who says so: a paper, or folklore.
        assumption: What the verdict takes for granted; empty where there is nothing.
    """

    id: int
    statement: str
    read_on: str
    association: bool
    p: float
    deciding: ContrastEstimate
    estimates: tuple[ContrastEstimate, ...]
    source: str = "folklore"
    assumption: str = ""
    excluded: Verdict | None = None

    @property
    def verdict_text(self) -> str:
        """The verdict, with what is ruled out where it is undecided."""
        return verdict_text(self.verdict, self.excluded)

    @property
    def estimate(self) -> float | None:
        """Mean of the deciding contrast."""
        return self.deciding.estimate

    @property
    def interval(self) -> tuple[float, float] | None:
        """Simultaneous interval of the deciding contrast."""
        return self.deciding.interval

    @property
    def plain_interval(self) -> tuple[float, float] | None:
        """95 % interval of the deciding contrast alone."""
        return self.deciding.plain_interval

    @property
    def unit(self) -> str:
        """Unit of the deciding contrast."""
        return self.deciding.unit

    @property
    def rope(self) -> tuple[float, float]:
        """Region of practical equivalence of the deciding contrast."""
        return self.deciding.rope

    @property
    def verdict(self) -> Verdict:
        """Verdict of the claim, which is that of the deciding contrast."""
        return self.deciding.verdict

    @property
    def change(self) -> str:
        """What would change the verdict."""
        return self.deciding.change

    def as_dict(self) -> dict[str, Any]:
        """The verdict in a form that JSON holds, with the names that the command prints."""

        def row(estimate: ContrastEstimate) -> dict[str, Any]:
            return {
                "estimate": estimate.estimate,
                "interval": None if estimate.interval is None else list(estimate.interval),
                "plain_interval": None if estimate.plain_interval is None else list(estimate.plain_interval),
                "unit": estimate.unit,
                "rope": list(estimate.rope),
                "verdict": estimate.verdict,
                "estimated": estimate.name,
                "change": estimate.change,
            }

        return {
            "id": self.id,
            "statement": self.statement,
            **row(self.deciding),
            "excluded": self.excluded,
            "read_on": self.read_on,
            "association": self.association,
            "source": self.source,
            "assumption": self.assumption,
            "p": self.p,
            "evidence": [
                row(estimate)
                | {
                    "decides": estimate.decides,
                    "values": list(estimate.values),
                    "standard_error": estimate.standard_error,
                }
                for estimate in self.estimates
            ],
        }


def judge_claims(
    design: Design,
    measured: CellMeasures,
    ratio_of: Callable[[Kind], float],
    *,
    error: float = FAMILY_ERROR,
    task: Task = CLASSIFICATION,
) -> tuple[ClaimVerdict, ...]:
    """The verdicts of a comparison, claim by claim, by Holm's procedure over the claims that it was asked for.

    Args:
        design: Its designs.
        measured: The measures of its cells, `[R]`.
        ratio_of: What the correlation of replicates adds to the variance of a mean, ρ/(1 - ρ), by kind of contrast.
        error: The error over all claims.
        task: What was learned.
    """
    claims = [claim.about(task.metrics[0]) for claim in claims_of(design)]
    level = level_of(len(claims))
    values = [[_values(contrast, design, measured) for contrast in claim.contrasts] for claim in claims]

    def estimates(claim: Claim, columns: Sequence[Array], error: float) -> tuple[ContrastEstimate, ...]:
        return tuple(
            estimate_contrast(contrast, column, ratio_of(contrast.kind), error=error, level=level)
            for contrast, column in zip(claim.contrasts, columns, strict=True)
        )

    first = [estimates(claim, columns, error) for claim, columns in zip(claims, values, strict=True)]
    errors = [error_where_manipulated(claim, found) for claim, found in zip(claims, first, strict=True)]
    verdicts = []
    for claim, columns, granted, p in zip(claims, values, holm_errors(errors, error), holm(errors), strict=True):
        found = estimates(claim, columns, granted)
        place = deciding_index(claim, [each.verdict for each in found])
        if claim.check is not None and not manipulated(claim, [each.plain_interval for each in found]):
            found = (*found[:place], _not_manipulated(found[place], found[claim.check]), *found[place + 1 :])
        deciding = found[place]
        verdicts.append(
            ClaimVerdict(
                claim.id,
                claim.statement,
                claim.read_on,
                claim.association,
                p,
                deciding,
                found,
                source=claim.source,
                assumption=claim.assumption,
                excluded=excluded(claim, found, deciding.verdict),
            )
        )
    return tuple(verdicts)


def estimate_contrast(
    contrast: ClaimContrast, values: Array, ratio: float, *, error: float = 1.0 - LEVEL, level: float = LEVEL
) -> ContrastEstimate:
    """The estimate, intervals and verdict that the values of one contrast allow.

    Args:
        contrast: The contrast.
        values: `[R]`, NaN where a replicate has none.
        ratio: ρ/(1 - ρ); 0 for values that are independent.
        error: The error that the verdict may have.
        level: Confidence level of the simultaneous interval.
    """
    asked = len(values)
    values = values[~np.isnan(values)]
    estimate = float(values.mean()) if len(values) else None
    region = contrast.region
    interval = plain = judged = deviation = None
    smallest, verdict = 1.0, region.verdict(None)
    if estimate is not None and len(values) > 1 and shows_spread(contrast.kind, values):

        def at(level: float) -> tuple[float, float]:
            _, low, high = corrected_interval(values, ratio, level)
            least, most = region.domain
            return max(least, float(low)), min(most, float(high))

        plain, judged = at(PLAIN_LEVEL), at(1.0 - error)
        verdict = region.verdict(judged)
        interval = region.decided(at(level), verdict, estimate)
        deviation = float(values.std(ddof=1))
        smallest = error_at(region.distance(estimate), deviation, len(values), ratio)
    return ContrastEstimate(
        name=contrast.name,
        estimate=estimate,
        interval=interval,
        plain_interval=plain,
        unit=contrast.unit,
        rope=region.rope,
        verdict=verdict,
        error=smallest,
        change=what_would_change(contrast, values, judged, ratio=ratio, level=1.0 - error, asked=asked),
        decides=contrast.decides,
        values=tuple(values.tolist()),
        standard_error=None if deviation is None else deviation * math.sqrt(1.0 / len(values) + ratio),
        possible=region.possible(judged),
    )


def _not_manipulated(deciding: ContrastEstimate, check: ContrastEstimate) -> ContrastEstimate:
    """The deciding estimate of a claim whose intervention did not take, which therefore says nothing about it."""
    seen = "without a value"
    if check.estimate is not None:
        seen = f"{check.estimate:+.3g} {check.unit}"
        if check.plain_interval is not None:
            seen += " ({:+.3g} … {:+.3g})".format(*check.plain_interval)
    change = f"not manipulated: {check.name} is {seen}, and it needs to be above {check.rope[1]:g} for certain"
    return replace(deciding, verdict="undecided", change=change)


def shows_spread(kind: Kind, values: Array) -> npt.NDArray[np.bool_]:
    """`[...]` whether values of a kind of contrast, `[..., R]`, have a spread to judge by; equal counts have none."""
    return np.asarray((np.ptp(values, axis=-1) >= _SMALLEST_SPREAD) | (kind != "score"))


def _values(contrast: ClaimContrast, design: Design, measured: CellMeasures) -> Array:
    """`[R]` the values of a contrast; none where a cell that it reads has no results."""
    try:
        return contrast.compute(design, measured)
    except NoResultsError:
        return np.empty(0)
