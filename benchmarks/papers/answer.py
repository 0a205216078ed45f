"""`Answer`: what a paper reports, what came out here, and whether the two agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far from a paper's number ours may lie; it is set before the run.

    Attributes:
        within: Largest distance, in the unit of the number.
        reason: Why so much.
    """

    within: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One quantity of a paper beside ours.

    Attributes:
        paper: Authors and year.
        source: Table, figure or theorem, and how it was read.
        quantity: What is measured, with its unit.
        theirs: What they report: a number, or words where they state a direction.
        ours: The mean of `values`.
        values: One value a seed.
        passes: Whether ours agrees with theirs.
        rule: What was needed to pass, and why.
        differences: In which points the protocol differs from theirs.
    """

    paper: str
    source: str
    quantity: str
    theirs: float | str
    ours: float
    values: tuple[float, ...]
    passes: bool
    rule: str
    differences: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A paper's protocol beside ours: what all of its answers have in common.

    Example:
        >>> paper = Comparison(paper="A 2000", source="table 1", differences="none")
        >>> paper.near("error, %", 1.5, [1.7, 1.9], Tolerance(within=0.2, reason="two standard errors")).passes
        False
    """

    paper: str
    source: str
    differences: str

    def near(self, quantity: str, theirs: float, values: Sequence[float], tolerance: Tolerance) -> Answer:
        """An answer that passes where the mean lies near theirs."""
        passes = abs(fmean(values) - theirs) <= tolerance.within
        return self._answer(quantity, theirs, values, passes, f"within ±{tolerance.within:g}: {tolerance.reason}")

    def at_most(self, quantity: str, theirs: float, values: Sequence[float], reason: str) -> Answer:
        """An answer that passes where no seed lies above theirs, which is a bound."""
        return self._answer(quantity, theirs, values, max(values) <= theirs, f"at most theirs: {reason}")

    def above(self, quantity: str, theirs: float | str, values: Sequence[float], least: float, reason: str) -> Answer:
        """An answer that passes where every seed lies above a value."""
        rule = f"above {least:g} in every seed: {reason}"
        return self._answer(quantity, theirs, values, min(values) > least, rule)

    def _answer(self, quantity: str, theirs: float | str, values: Sequence[float], passes: bool, rule: str) -> Answer:
        shared: dict[str, Any] = {"paper": self.paper, "source": self.source, "differences": self.differences}
        ours = fmean(values)
        passes = passes and isfinite(ours)  # A seed that diverged agrees with nothing.
        return Answer(
            **shared, quantity=quantity, theirs=theirs, ours=ours, values=tuple(values), passes=passes, rule=rule
        )
