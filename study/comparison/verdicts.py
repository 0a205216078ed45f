"""From the contrasts of a comparison to a verdict on each claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures
from study.comparison.claims import CLAIMS, LEVEL, Claim, ClaimContrast
from study.comparison.what_would_change import what_would_change
from study.intervals import Array, Verdict, corrected_interval
from study.records.own_trials import NoResultsError
from study.tasks import CLASSIFICATION, Task

_SMALLEST_SPREAD = 1e-9


@dataclass(frozen=True)
class ContrastEstimate:
    """The estimate of one contrast of a claim.

    Attributes:
        name: What is estimated.
        estimate: Mean over replicates; None where no replicate has a value.
        interval: Simultaneous interval; None for fewer than two replicates, or where counts show no spread.
        unit: Unit of estimate and interval.
        rope: Region of practical equivalence.
        verdict: Verdict of this contrast alone.
        change: What would change the verdict, in a line.
        values: The contrast in each replicate, or timing round.
    """

    name: str
    estimate: float | None
    interval: tuple[float, float] | None
    unit: str
    rope: tuple[float, float]
    verdict: Verdict
    change: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class ClaimVerdict:
    """What a comparison says to one claim; estimate, interval and verdict are those of the deciding contrast.

    Attributes:
        id: The claim's number.
        statement: What the claim says.
        read_on: Where its contrasts are read.
        association: Whether the comparison shows no more than an association.
        deciding: The estimate that decides.
        estimates: The estimates of all its contrasts.
    """

    id: int
    statement: str
    read_on: str
    association: bool
    deciding: ContrastEstimate
    estimates: tuple[ContrastEstimate, ...]

    @property
    def estimate(self) -> float | None:
        """Mean of the deciding contrast."""
        return self.deciding.estimate

    @property
    def interval(self) -> tuple[float, float] | None:
        """Interval of the deciding contrast."""
        return self.deciding.interval

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
            "read_on": self.read_on,
            "association": self.association,
            "evidence": [row(estimate) | {"values": list(estimate.values)} for estimate in self.estimates],
        }


def judge_claims(
    design: Design, measured: CellMeasures, ratio: float, *, level: float = LEVEL, task: Task = CLASSIFICATION
) -> tuple[ClaimVerdict, ...]:
    """The verdicts of a comparison, claim by claim.

    Args:
        design: Its designs.
        measured: The measures of its cells, `[R]`.
        ratio: n_test/n_train.
        level: Confidence level of each interval.
        task: What was learned.
    """
    verdicts = []
    for claim in (claim.about(task.metrics[0]) for claim in CLAIMS):
        estimates = tuple(
            estimate_contrast(contrast, _values(contrast, design, measured), ratio, level)
            for contrast in claim.contrasts
        )
        deciding = estimates[deciding_index(claim, estimates)]
        verdicts.append(ClaimVerdict(claim.id, claim.statement, claim.read_on, claim.association, deciding, estimates))
    return tuple(verdicts)


def estimate_contrast(contrast: ClaimContrast, values: Array, ratio: float, level: float) -> ContrastEstimate:
    """The estimate, interval and verdict that the values of one contrast allow.

    Args:
        contrast: The contrast.
        values: `[R]`, NaN where a replicate has none.
        ratio: n_test/n_train.
        level: Confidence level.
    """
    asked = len(values)
    values, ratio = values[~np.isnan(values)], 0.0 if contrast.timed else ratio
    estimate, interval = (float(values.mean()) if len(values) else None), None
    if len(values) > 1 and shows_spread(contrast, values):
        _, low, high = corrected_interval(values, ratio, level)
        least, most = contrast.region.domain
        interval = (max(least, float(low)), min(most, float(high)))
    return ContrastEstimate(
        contrast.name,
        estimate,
        interval,
        contrast.unit,
        contrast.region.rope,
        contrast.region.verdict(interval),
        what_would_change(contrast, values, interval, ratio=ratio, level=level, asked=asked),
        tuple(values.tolist()),
    )


def shows_spread(contrast: ClaimContrast, values: Array) -> npt.NDArray[np.bool_]:
    """`[...]` whether the values of a contrast, `[..., R]`, have a spread to judge by; equal counts have none."""
    return np.asarray((np.ptp(values, axis=-1) >= _SMALLEST_SPREAD) | (not contrast.counted))


def deciding_index(claim: Claim, estimates: Sequence[ContrastEstimate]) -> int:
    """The index of the contrast whose verdict is the claim's.

    A claim that needs all of its contrasts is decided by one that refutes it, or else leaves it undecided; a claim
    that needs any of them, by one that supports it, or else leaves it undecided.
    """
    verdicts = [each.verdict for each in estimates]
    order: tuple[Verdict, ...] = ("refuted", "undecided", "no practical difference", "supported")
    if claim.needs == "any":
        order = ("supported", "undecided", "no practical difference", "refuted")
    elif set(verdicts) <= {"supported", "no practical difference"}:
        needed = [
            verdict
            for contrast, verdict in zip(claim.contrasts, verdicts, strict=True)
            if not (contrast.equal_suffices and verdict == "no practical difference")
        ]
        if "no practical difference" not in needed and "supported" in needed:
            return verdicts.index("supported")
    first = next(verdict for verdict in order if verdict in verdicts)
    return verdicts.index(first)


def _values(contrast: ClaimContrast, design: Design, measured: CellMeasures) -> Array:
    """`[R]` the values of a contrast; none where a cell that it reads has no results."""
    try:
        return contrast.compute(design, measured)
    except NoResultsError:
        return np.empty(0)
