"""How the verdicts on a claim's contrasts become one on the claim, whether on one data set or over many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Protocol

from study.comparison.claim import Claim
from study.intervals import Verdict

_ENDS: tuple[Verdict, ...] = ("supported", "refuted")


class Judged(Protocol):
    """What decides a claim: an estimate of each of its contrasts, on one data set or over many."""

    @property
    def estimate(self) -> float | None:
        """The estimate; None where there is none."""

    @property
    def plain_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of this contrast alone."""

    @property
    def verdict(self) -> Verdict:
        """The verdict of this contrast alone."""

    @property
    def error(self) -> float:
        """The smallest error at which the contrast would be decided."""

    @property
    def possible(self) -> tuple[Verdict, ...]:
        """The verdicts that it leaves possible, at the error that is granted to its claim."""


def error_of(claim: Claim, estimates: Sequence[Judged]) -> float:
    """The smallest error at which a claim would be decided, from those of its contrasts."""
    ends = {"all": "refuted", "any": "supported"}[claim.needs]
    errors, alone = [], []
    for place in claim.deciding:
        estimate, region = estimates[place], claim.contrasts[place].region
        errors.append(estimate.error)
        if estimate.estimate is not None and region.verdict((estimate.estimate, estimate.estimate)) == ends:
            alone.append(estimate.error)
    return min([max(errors), *alone])


def error_where_manipulated(claim: Claim, estimates: Sequence[Judged]) -> float:
    """As `error_of`; 1 where the claim intervenes on what did not change, so that it cannot be decided."""
    return error_of(claim, estimates) if _took(claim, estimates) else 1.0


def manipulated(claim: Claim, intervals: Sequence[tuple[float, float] | None]) -> bool:
    """Whether what a claim intervenes on did change, by the 95 % interval of its check; True where it has none.

    Args:
        claim: The claim.
        intervals: The interval of each of its contrasts; None where there is none.
    """
    if claim.check is None:
        return True
    region = claim.contrasts[claim.check].region
    return region.verdict(intervals[claim.check]) == "supported"


def deciding_index(claim: Claim, verdicts: Sequence[Verdict]) -> int:
    """The index of the contrast whose verdict is the claim's, from the verdicts of all its contrasts.

    A claim that needs all of its contrasts is decided by one that refutes it, or else leaves it undecided; a claim
    that needs any of them, by one that supports it, or else leaves it undecided.
    """
    verdicts = [verdicts[place] for place in claim.deciding]
    order: tuple[Verdict, ...] = ("refuted", "undecided", "no practical difference", "supported")
    if claim.needs == "any":
        order = ("supported", "undecided", "no practical difference", "refuted")
    elif set(verdicts) <= {"supported", "no practical difference"}:
        needed = [
            verdict
            for place, verdict in zip(claim.deciding, verdicts, strict=True)
            if not (claim.contrasts[place].equal_suffices and verdict == "no practical difference")
        ]
        if "no practical difference" not in needed and "supported" in needed:
            return claim.deciding[verdicts.index("supported")]
    first = next(verdict for verdict in order if verdict in verdicts)
    return claim.deciding[verdicts.index(first)]


def excluded(claim: Claim, estimates: Sequence[Judged], verdict: Verdict) -> Verdict | None:
    """What an undecided claim is not, whatever its contrasts come to within their intervals.

    Where no practical difference is as good as support, it counts as possible support.

    Args:
        claim: The claim.
        estimates: Its contrasts, in order.
        verdict: Its verdict.

    Returns:
        "supported" or "refuted"; None where it may be either, or is decided.
    """
    if verdict != "undecided" or not _took(claim, estimates):
        return None
    # Contrasts that do not decide are left as they are: nothing depends on them.
    choices = [each.possible if place in claim.deciding else (each.verdict,) for place, each in enumerate(estimates)]
    possible = {verdicts[deciding_index(claim, verdicts)] for verdicts in product(*choices)}
    if "no practical difference" in possible and all(claim.contrasts[place].equal_suffices for place in claim.deciding):
        possible.add("supported")
    return next((ruled_out for ruled_out in _ENDS if possible and ruled_out not in possible), None)


def _took(claim: Claim, estimates: Sequence[Judged]) -> bool:
    return manipulated(claim, [each.plain_interval for each in estimates])


def verdict_text(verdict: Verdict, excluded: Verdict | None) -> str:
    """A verdict as people read it.

    Example:
        >>> verdict_text("undecided", "refuted")
        'undecided, not refuted'
    """
    return f"{verdict}, not {excluded}" if excluded else verdict
