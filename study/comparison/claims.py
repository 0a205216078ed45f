"""The claims about activations: what each says, by which contrasts it is judged, and what counts as no difference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from search_spaces.claim_cells import USUAL_CLAIMS
from search_spaces.design import Design
from study.comparison import contrasts
from study.comparison.cell_measures import SCORE, CellMeasures
from study.comparison.correlation import Kind
from study.intervals import FAMILY_ERROR, Array, Region
from study.tasks import Metric

Average = Literal["mean", "median"]
ContrastFunction = Callable[[Design, CellMeasures], Array]
_POINTS = (-100.0, 100.0)
_SHARE = (0.0, 100.0)


def _accuracy(*, above: bool) -> Region:
    return Region((-0.5, 0.5), above=above, domain=_POINTS)


def _share(*, above: bool) -> Region:
    return Region((-5.0, 5.0), above=above, domain=_POINTS)


_HALF_A_DECADE = Region((-0.5, 0.5), above=False)
_WITHIN = Region((0.0, 0.0), domain=(-50.0, 20.0))
_SOME = Region((0.0, 1.0), limit=99.0, domain=_SHARE)
_TENTH = Region((-10.0, 10.0), domain=(-100.0, math.inf))
_DEEPEST = "at depth 10"


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
        skewed: Whether it lies far on one side on a few data sets. Over data sets it is then judged by its median, as
            shares are.
    """

    name: str
    compute: ContrastFunction
    unit: str
    region: Region
    kind: Kind = "score"
    equal_suffices: bool = False
    decides: bool = True
    skewed: bool = False

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
        if self.region == _accuracy(above=self.region.above):
            region = replace(region, domain=(-widest, widest))
        return replace(self, name=self.name.replace(SCORE, metric.name), region=region)

    def in_blocks(self, depth: int) -> ClaimContrast:
        """The contrast of convolutional networks, the deepest of which have so many blocks."""
        return replace(self, name=self.name.replace(_DEEPEST, f"in networks of {depth} blocks"))


@dataclass(frozen=True)
class Claim:
    """A statement about activations.

    Attributes:
        id: The claim's number: its place in `CLAIMS`, from 1.
        statement: What it says.
        read_on: Where its contrasts are read.
        contrasts: The contrasts that it is judged by, and those that are reported beside them.
        needs: Whether all of the contrasts have to support it, or any.
        association: Whether the design shows no more than an association.
    """

    id: int
    statement: str
    read_on: str
    contrasts: tuple[ClaimContrast, ...]
    needs: Literal["all", "any"] = "all"
    association: bool = False

    @property
    def deciding(self) -> tuple[int, ...]:
        """The places of the contrasts that it is judged by."""
        return tuple(place for place, contrast in enumerate(self.contrasts) if contrast.decides)

    def about(self, metric: Metric) -> Claim:
        """The claim with contrasts of a task whose first metric this is."""
        return replace(self, contrasts=tuple(contrast.about(metric) for contrast in self.contrasts))

    def in_blocks(self, depth: int) -> Claim:
        """The claim about convolutional networks, the deepest of which have so many blocks."""
        return replace(self, contrasts=tuple(contrast.in_blocks(depth) for contrast in self.contrasts))


CLAIMS: tuple[Claim, ...] = (
    Claim(
        1,
        "ReLU layers are 50-90 % zero",
        "test, eval mode",
        (
            ClaimContrast(
                "share of zeros over the layers of the usual network: distance within 50-90 %",
                contrasts.zeros_margin,
                "pp",
                _WITHIN,
                "share",
            ),
            ClaimContrast(
                "the same for the outermost layer over all initializations",
                contrasts.outermost_zeros_margin,
                "pp",
                _WITHIN,
                "share",
                decides=False,
            ),
        ),
    ),
    Claim(
        2,
        "leaky ReLU is an overall improvement",
        "test",
        (ClaimContrast("accuracy, leaky ReLU - ReLU", contrasts.leaky_minus_relu, "pp", _accuracy(above=True)),),
    ),
    Claim(
        3,
        "a mistuned slope hurts, and PReLU learns the slope",
        "test",
        (
            ClaimContrast(
                "accuracy, worst slope - best slope",
                contrasts.worst_minus_best_slope,
                "pp",
                _accuracy(above=False),
                skewed=True,
            ),
            ClaimContrast(
                "accuracy, PReLU - best slope",
                contrasts.prelu_minus_best_slope,
                "pp",
                _accuracy(above=True),
                equal_suffices=True,
            ),
        ),
    ),
    Claim(
        4,
        "dying ReLU affects a fraction of the units, not all",
        "test",
        (
            ClaimContrast("dead units over the layers of the usual network", contrasts.dead_units, "%", _SOME, "share"),
            ClaimContrast(
                "dead units of the layer with most, over initializations and depths",
                contrasts.most_dead,
                "%",
                _SOME,
                "share",
                decides=False,
            ),
        ),
    ),
    Claim(
        5,
        "sparsity goes with better generalization",
        "test",
        (
            ClaimContrast(
                "accuracy for 10 pp more near-zero outputs, within activations",
                contrasts.score_on_sparsity,
                "pp",
                _accuracy(above=True),
            ),
        ),
        association=True,
    ),
    Claim(
        6,
        "dropout on top of sparsity does not help",
        "test",
        (
            ClaimContrast(
                "accuracy gained by dropout, ReLU - tanh",
                contrasts.relu_gain_minus_tanh_gain,
                "pp",
                _accuracy(above=False),
            ),
            ClaimContrast(
                "accuracy gained by dropout, ReLU",
                contrasts.relu_gain,
                "pp",
                _accuracy(above=False),
                equal_suffices=True,
            ),
        ),
    ),
    Claim(
        7,
        "tanh is not sparse, it saturates",
        "test",
        (
            ClaimContrast(
                "near-zero outputs, tanh - linear",
                contrasts.tanh_near_zero,
                "pp",
                _share(above=False),
                "share",
                equal_suffices=True,
            ),
            ClaimContrast(
                "saturated outputs, tanh - linear", contrasts.tanh_saturation, "pp", _share(above=True), "share"
            ),
        ),
    ),
    Claim(
        8,
        "sigmoid can be sparse",
        "test",
        (
            ClaimContrast(
                "near-zero outputs, sigmoid - linear", contrasts.sigmoid_near_zero, "pp", _share(above=True), "share"
            ),
            ClaimContrast(
                "removable units, sigmoid - linear", contrasts.sigmoid_removable, "pp", _share(above=True), "share"
            ),
        ),
        needs="any",
    ),
    Claim(
        9,
        "ELU costs more than ReLU and leaky ReLU",
        "clock",
        (
            ClaimContrast("forward + backward, ELU over ReLU", contrasts.elu_over_relu, "%", _TENTH, "time"),
            ClaimContrast(
                "forward + backward, ELU over leaky ReLU",
                contrasts.elu_over_leaky,
                "%",
                _TENTH,
                "time",
            ),
        ),
    ),
    Claim(
        10,
        "activation and initialization must match",
        "test",
        (
            ClaimContrast(
                "accuracy, each activation's best initialization - the commonly best, mean over activations",
                contrasts.own_minus_common_initialization,
                "pp",
                _accuracy(above=True),
            ),
        ),
    ),
    Claim(
        11,
        "tanh and sigmoid make gradients vanish",
        "validation part, before training",
        (
            ClaimContrast(
                f"log10 of gradient norm first/last layer {_DEEPEST}, tanh - ReLU",
                contrasts.tanh_vanishing,
                "decades",
                _HALF_A_DECADE,
                "gradient",
            ),
            ClaimContrast(
                f"log10 of gradient norm first/last layer {_DEEPEST}, sigmoid - ReLU",
                contrasts.sigmoid_vanishing,
                "decades",
                _HALF_A_DECADE,
                "gradient",
            ),
        ),
    ),
    Claim(
        12,
        "ReLU is good enough to try first",
        "test",
        (
            ClaimContrast(
                "accuracy, best activation - ReLU",
                contrasts.best_minus_relu,
                "pp",
                _accuracy(above=False),
            ),
        ),
    ),
)


def claims_of(design: Design) -> tuple[Claim, ...]:
    """The claims that a comparison was asked for, over which its verdicts are judged."""
    claims = tuple(claim for claim in CLAIMS if claim.id in design.claims)
    return tuple(claim.in_blocks(design.depths[-1]) for claim in claims) if design.channels else claims


def level_of(claims: int) -> float:
    """Confidence level of each simultaneous interval where so many claims are judged.

    Example:
        >>> round(level_of(12), 4)
        0.9958
    """
    return 1.0 - FAMILY_ERROR / claims


LEVEL = level_of(len(USUAL_CLAIMS))
"""That of the usual claims: they share the error (Bonferroni).

Of the contrasts of one claim, each may have all of its share: a claim that needs all of them is wrongly supported only
where each of them is (intersection-union; Berger 1982), and of two contrasts either can err on one side of its interval
alone."""
