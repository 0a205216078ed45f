"""What a claim about activations is: its contrasts, and what counts as no difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from search_spaces.design import Design
from study.comparison.cell_measures import SCORE, CellMeasures
from study.comparison.correlation import Kind
from study.intervals import Array, Region
from study.tasks import Metric

Average = Literal["mean", "median"]
ContrastFunction = Callable[[Design, CellMeasures], Array]
POINTS = (-100.0, 100.0)
DEEPEST = "at depth 10"


def accuracy(*, above: bool) -> Region:
    """Half a point of accuracy does not matter."""
    return Region((-0.5, 0.5), above=above, domain=POINTS)


def share(*, above: bool) -> Region:
    """Five points of a share do not matter."""
    return Region((-5.0, 5.0), above=above, domain=POINTS)


@dataclass(frozen=True)
class ClaimContrast:
    """One contrast of a claim.

    Attributes:
        name: What is estimated.
        compute: Computes it, one number a replicate; see `contrasts`.
        unit: Unit of the contrast.
        region: Region of practical equivalence, and the claim's side of it.
        kind: What is compared, which decides how far replicates are correlated. Scores count test samples: where all
            replicates count the same, there is no spread to judge by. Times are over processes, which share no data.
        equal_suffices: Whether no practical difference is as good as support: "no worse than".
        decides: Whether the claim is judged by it; else it is reported beside those that are.
        checks: Whether it checks the intervention: where its 95 % interval does not lie beyond its region, on the
            claim's side, nothing was manipulated, and the claim stays undecided.
        skewed: Whether it lies far on one side on a few data sets. Over data sets it is then judged by its median, as
            shares are.
        without: Why a replicate may have no value, where divergence is not the usual reason.
    """

    name: str
    compute: ContrastFunction
    unit: str
    region: Region
    kind: Kind = "score"
    equal_suffices: bool = False
    decides: bool = True
    checks: bool = False
    skewed: bool = False
    without: str = ""

    @property
    def average(self) -> Average:
        """What it is judged by over data sets."""
        return "median" if self.skewed or self.kind == "share" else "mean"

    def about(self, metric: Metric) -> ClaimContrast:
        """The contrast of a task whose first metric is another than accuracy: so named, within that metric's range."""
        if metric.name == SCORE:
            return self
        widest = 100.0 * (metric.best - metric.worst)
        region = self.region
        if self.region == accuracy(above=self.region.above):
            region = replace(region, domain=(-widest, widest))
        return replace(self, name=self.name.replace(SCORE, metric.name), region=region)

    def in_blocks(self, depth: int) -> ClaimContrast:
        """The contrast of convolutional networks, the deepest of which have so many blocks."""
        return replace(self, name=self.name.replace(DEEPEST, f"in networks of {depth} blocks"))


@dataclass(frozen=True)
class Claim:
    """A statement about activations.

    Attributes:
        id: The claim's number: by which it is asked for; it never changes.
        statement: What it says.
        read_on: Where its contrasts are read.
        contrasts: The contrasts that it is judged by, and those that are reported beside them.
        needs: Whether all of the contrasts have to support it, or any.
        association: Whether the design shows no more than an association.
        source: Who says so: a paper, or folklore.
        assumption: What its verdict takes for granted, and the design does not show; empty where there is nothing.
    """

    id: int
    statement: str
    read_on: str
    contrasts: tuple[ClaimContrast, ...]
    needs: Literal["all", "any"] = "all"
    association: bool = False
    source: str = "folklore"
    assumption: str = ""

    @property
    def deciding(self) -> tuple[int, ...]:
        """The places of the contrasts that it is judged by."""
        return tuple(place for place, contrast in enumerate(self.contrasts) if contrast.decides)

    @property
    def check(self) -> int | None:
        """The place of the contrast that checks the intervention; None where there is none."""
        return next((place for place, contrast in enumerate(self.contrasts) if contrast.checks), None)

    def about(self, metric: Metric) -> Claim:
        """The claim with contrasts of a task whose first metric this is."""
        return replace(self, contrasts=tuple(contrast.about(metric) for contrast in self.contrasts))

    def in_blocks(self, depth: int) -> Claim:
        """The claim about convolutional networks, the deepest of which have so many blocks."""
        return replace(self, contrasts=tuple(contrast.in_blocks(depth) for contrast in self.contrasts))
