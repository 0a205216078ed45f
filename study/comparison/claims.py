"""The twelve claims: what each says, by which contrasts it is judged, and what counts as no difference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from search_spaces.design import Design
from study.comparison import contrasts
from study.comparison.cell_measures import Measured
from study.intervals import FAMILY_ERROR, Array, Region

Contrast = Callable[[Design, Measured], Array]
_POINTS = (-100.0, 100.0)
_SHARE = (0.0, 100.0)


def _accuracy(*, above: bool) -> Region:
    return Region((-0.5, 0.5), above=above, domain=_POINTS)


def _share(*, above: bool) -> Region:
    return Region((-5.0, 5.0), above=above, domain=_POINTS)


_HALF_A_DECADE = Region((-0.5, 0.5), above=False)
_HALF_A_POINT = Region((-0.5, 0.5), above=False)
_TENTH = Region((-10.0, 10.0), domain=(-100.0, math.inf))


@dataclass(frozen=True)
class Part:
    """One contrast of a claim.

    Attributes:
        name: What is estimated.
        contrast: One number a replicate, see `contrasts`.
        unit: Of the contrast.
        region: Region of practical equivalence, and the claim's side of it.
        equal_suffices: Whether no practical difference is as good as support: "no worse than".
        timed: Whether the contrast is over timing rounds, which share no data, instead of replicates.
        counted: Whether it counts test samples: where all replicates count the same, there is no spread to judge by.
    """

    name: str
    contrast: Contrast
    unit: str
    region: Region
    equal_suffices: bool = False
    timed: bool = False
    counted: bool = False


@dataclass(frozen=True)
class Claim:
    """A statement about activations.

    Attributes:
        id: 1 to 12.
        statement: What it says.
        read_on: Where its contrasts are read.
        parts: What it needs.
        needs: Whether all of the parts have to support it, or any.
        association: Whether the design allows no more than an association.
    """

    id: int
    statement: str
    read_on: str
    parts: tuple[Part, ...]
    needs: Literal["all", "any"] = "all"
    association: bool = False


CLAIMS: tuple[Claim, ...] = (
    Claim(
        1,
        "ReLU layers are 50-90 % zero",
        "test, eval mode",
        (
            Part(
                "outermost hidden layer over all initializations: distance within 50-90 %",
                contrasts.zeros_margin,
                "pp",
                Region((0.0, 0.0), domain=(-50.0, 20.0)),
            ),
        ),
    ),
    Claim(
        2,
        "leaky ReLU is an overall improvement",
        "test",
        (Part("accuracy, leaky ReLU - ReLU", contrasts.leaky_minus_relu, "pp", _accuracy(above=True), counted=True),),
    ),
    Claim(
        3,
        "a mistuned slope hurts, and PReLU learns the slope",
        "test",
        (
            Part(
                "accuracy, worst slope - best slope",
                contrasts.worst_minus_best_slope,
                "pp",
                _accuracy(above=False),
                counted=True,
            ),
            Part(
                "accuracy, PReLU - best slope",
                contrasts.prelu_minus_best_slope,
                "pp",
                _accuracy(above=True),
                counted=True,
                equal_suffices=True,
            ),
        ),
    ),
    Claim(
        4,
        "dying ReLU affects a fraction of the units, not all",
        "test",
        (
            Part(
                "dead units of the layer with most, over initializations and depths",
                contrasts.most_dead,
                "%",
                Region((0.0, 1.0), limit=99.0, domain=_SHARE),
            ),
        ),
    ),
    Claim(
        5,
        "sparsity goes with better generalization",
        "training and validation",
        (
            Part(
                "generalization gap for 10 pp more near-zero outputs, within activations",
                contrasts.gap_on_sparsity,
                "pp",
                _accuracy(above=False),
                counted=True,
            ),
        ),
        association=True,
    ),
    Claim(
        6,
        "dropout on top of sparsity does not help",
        "test",
        (
            Part(
                "accuracy gained by dropout, ReLU - tanh",
                contrasts.relu_gain_minus_tanh_gain,
                "pp",
                _accuracy(above=False),
                counted=True,
            ),
            Part(
                "accuracy gained by dropout, ReLU",
                contrasts.relu_gain,
                "pp",
                _accuracy(above=False),
                counted=True,
                equal_suffices=True,
            ),
        ),
    ),
    Claim(
        7,
        "tanh is not sparse, it saturates",
        "test",
        (
            Part(
                "near-zero outputs, tanh - linear",
                contrasts.tanh_near_zero,
                "pp",
                _share(above=False),
                equal_suffices=True,
            ),
            Part("saturated outputs, tanh - linear", contrasts.tanh_saturation, "pp", _share(above=True)),
        ),
    ),
    Claim(
        8,
        "sigmoid can be sparse",
        "test",
        (
            Part("near-zero outputs, sigmoid - linear", contrasts.sigmoid_near_zero, "pp", _share(above=True)),
            Part("removable units, sigmoid - linear", contrasts.sigmoid_removable, "pp", _share(above=True)),
        ),
        needs="any",
    ),
    Claim(
        9,
        "ELU costs more than ReLU and leaky ReLU",
        "clock",
        (
            Part("forward + backward, ELU over ReLU", contrasts.elu_over_relu, "%", _TENTH, timed=True),
            Part(
                "forward + backward, ELU over leaky ReLU",
                contrasts.elu_over_leaky,
                "%",
                _TENTH,
                timed=True,
            ),
        ),
    ),
    Claim(
        10,
        "activation and initialization must match",
        "test",
        (
            Part(
                "accuracy, best initialization - worst, mean over activations",
                contrasts.mismatch_regret,
                "pp",
                _accuracy(above=True),
                counted=True,
            ),
        ),
    ),
    Claim(
        11,
        "tanh and sigmoid make gradients vanish",
        "validation part, before training",
        (
            Part(
                "log10 of gradient norm first/last layer at depth 10, tanh - ReLU",
                contrasts.tanh_vanishing,
                "decades",
                _HALF_A_DECADE,
            ),
            Part(
                "log10 of gradient norm first/last layer at depth 10, sigmoid - ReLU",
                contrasts.sigmoid_vanishing,
                "decades",
                _HALF_A_DECADE,
            ),
        ),
    ),
    Claim(
        12,
        "ReLU is good enough to try first",
        "test",
        (
            Part(
                "accuracy, best activation - ReLU",
                contrasts.best_minus_relu,
                "pp",
                _accuracy(above=False),
                counted=True,
            ),
        ),
    ),
)

LEVEL = 1.0 - FAMILY_ERROR / sum(len(claim.parts) for claim in CLAIMS)
"""Confidence level of each contrast, so that all intervals hold together with 95 % (Bonferroni)."""
