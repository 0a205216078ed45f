"""From the contrasts of a comparison to its verdicts, and what would change them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from search_spaces.design import Design
from study.comparison.cell_measures import Measured
from study.comparison.claims import CLAIMS, LEVEL, Claim, Part
from study.intervals import Array, Verdict, corrected_interval, half_width
from study.records.own_trials import NoResultsError

_MOST_SEEDS = 200
_SMALLEST_SPREAD = 1e-9


@dataclass(frozen=True)
class Evidence:
    """What one contrast of a claim came to.

    Attributes:
        name: What is estimated.
        estimate: Mean over replicates; None where no replicate has a value.
        interval: Simultaneous interval; None for fewer than two replicates, or where counts show no spread.
        unit: Of both.
        rope: Region of practical equivalence.
        verdict: Of this contrast alone.
        change: What would change it, in a line.
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
class Finding:
    """What a comparison says to one claim; estimate, interval and verdict are those of the deciding evidence.

    Attributes:
        id: The claim's number.
        statement: What it says.
        read_on: Where its contrasts are read.
        association: Whether it is no more than an association.
        deciding: The evidence that decides.
        evidence: All of it.
    """

    id: int
    statement: str
    read_on: str
    association: bool
    deciding: Evidence
    evidence: tuple[Evidence, ...]

    @property
    def estimate(self) -> float | None:
        """Of the deciding evidence."""
        return self.deciding.estimate

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the deciding evidence."""
        return self.deciding.interval

    @property
    def unit(self) -> str:
        """Of the deciding evidence."""
        return self.deciding.unit

    @property
    def rope(self) -> tuple[float, float]:
        """Region of practical equivalence of the deciding evidence."""
        return self.deciding.rope

    @property
    def verdict(self) -> Verdict:
        """Of the claim, and of the deciding evidence: they agree."""
        return self.deciding.verdict

    @property
    def change(self) -> str:
        """What would change the verdict."""
        return self.deciding.change

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, with the names that the command prints."""

        def row(evidence: Evidence) -> dict[str, Any]:
            return {
                "estimate": evidence.estimate,
                "interval": None if evidence.interval is None else list(evidence.interval),
                "unit": evidence.unit,
                "rope": list(evidence.rope),
                "verdict": evidence.verdict,
                "estimated": evidence.name,
                "change": evidence.change,
            }

        return {
            "id": self.id,
            "statement": self.statement,
            **row(self.deciding),
            "read_on": self.read_on,
            "association": self.association,
            "evidence": [row(evidence) | {"values": list(evidence.values)} for evidence in self.evidence],
        }


def find(design: Design, measured: Measured, ratio: float, *, level: float = LEVEL) -> tuple[Finding, ...]:
    """The findings of a comparison, claim by claim.

    Args:
        design: Its designs.
        measured: What its cells gave, `[R]`.
        ratio: n_test/n_train.
        level: Confidence level of each interval.
    """
    findings = []
    for claim in CLAIMS:
        evidence = tuple(weigh(part, _values(part, design, measured), ratio, level) for part in claim.parts)
        findings.append(
            Finding(
                claim.id,
                claim.statement,
                claim.read_on,
                claim.association,
                evidence[deciding(claim, evidence)],
                evidence,
            )
        )
    return tuple(findings)


def weigh(part: Part, values: Array, ratio: float, level: float) -> Evidence:
    """What the values of one contrast allow to be said.

    Args:
        part: The contrast.
        values: `[R]`, NaN where a replicate has none.
        ratio: n_test/n_train.
        level: Confidence level.
    """
    asked = len(values)
    values, ratio = values[~np.isnan(values)], 0.0 if part.timed else ratio
    estimate, interval = (float(values.mean()) if len(values) else None), None
    if len(values) > 1 and shows_spread(part, values):
        _, low, high = corrected_interval(values, ratio, level)
        least, most = part.region.domain
        interval = (max(least, float(low)), min(most, float(high)))
    verdict = part.region.verdict(interval)
    return Evidence(
        part.name,
        estimate,
        interval,
        part.unit,
        part.region.rope,
        verdict,
        _change(part, values, interval, verdict, ratio, level, asked),
        tuple(values.tolist()),
    )


def shows_spread(part: Part, values: Array) -> npt.NDArray[np.bool_]:
    """`[...]` whether the values of a contrast, `[..., R]`, have a spread to judge by; equal counts have none."""
    return np.asarray((np.ptp(values, axis=-1) >= _SMALLEST_SPREAD) | (not part.counted))


def deciding(claim: Claim, evidence: Sequence[Evidence]) -> int:
    """Which evidence decides: what a claim that needs all is refuted by, or left undecided by; or the reverse."""
    verdicts = [each.verdict for each in evidence]
    order: tuple[Verdict, ...] = ("refuted", "undecided", "no practical difference", "supported")
    if claim.needs == "any":
        order = ("supported", "undecided", "no practical difference", "refuted")
    elif set(verdicts) <= {"supported", "no practical difference"}:
        needed = [
            verdict
            for part, verdict in zip(claim.parts, verdicts, strict=True)
            if not (part.equal_suffices and verdict == "no practical difference")
        ]
        if "no practical difference" not in needed and "supported" in needed:
            return verdicts.index("supported")
    first = next(verdict for verdict in order if verdict in verdicts)
    return verdicts.index(first)


def _values(part: Part, design: Design, measured: Measured) -> Array:
    try:
        return part.contrast(design, measured)
    except NoResultsError:
        return np.empty(0)


def _change(
    part: Part,
    values: Array,
    interval: tuple[float, float] | None,
    verdict: Verdict,
    ratio: float,
    level: float,
    asked: int,
) -> str:
    """What would change a verdict, in a line; `asked` counts also the replicates that have no value."""
    if interval is None:
        if part.timed:
            return "the layers were not timed; `reluctant compare` times them"
        if not len(values):
            return "no replicate has a value: a cell that it reads failed or diverged"
        if len(values) > 1:
            return "all replicates count the same, which is no spread to judge by; more rows would show one"
        if asked > 1:
            return (
                f"{asked - 1} of {asked} replicates have no value, for they diverged; a lower --learning-rate may help"
            )
        return "one seed gives no interval; give more --seeds"
    (low, high), (least, most) = interval, part.region.rope
    if verdict == "no practical difference":
        return f"a ROPE that leaves out {low:+.3g} … {high:+.3g} {part.unit}"
    if verdict != "undecided":
        nearest = low if low > most else high
        return f"a ROPE that reaches {nearest:+.3g} {part.unit}"
    bounds = (least, most, part.region.limit)
    needed = min(abs(float(values.mean()) - bound) for bound in bounds)
    deviation = float(values.std(ddof=1))

    def width(replicates: int) -> float:
        return float(half_width(deviation, replicates, ratio, level))

    enough = _first(lambda count: width(count) < needed, len(values) + 1, _MOST_SEEDS)
    if enough is not None:
        what = "rounds of timing" if part.timed else "--seeds"
        return f"about {enough} {what}, where mean and spread stay as they are"
    floor = width(_MOST_SEEDS)
    times = math.inf if needed == 0 else (floor / needed) ** 2
    factor = f"{times:.0f}" if times >= 10 else f"{max(1.1, times):.1f}"
    more = f"about {factor} times the rows" if times < 1000 else "far more rows"
    return f"{more}: seeds alone leave ±{floor:.2g} {part.unit} on this much data"


def _first(holds: Callable[[int], bool], start: int, stop: int) -> int | None:
    return next((count for count in range(start, stop + 1) if holds(count)), None)
