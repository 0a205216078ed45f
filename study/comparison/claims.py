"""The claims about activations: what each says, by which contrasts it is judged, and what counts as no difference.

Regions of practical equivalence, doses and levels stand here and in `search_spaces.claim_cells` before anything is run.
"""

from __future__ import annotations

import math

from search_spaces.claim_cells import USUAL_CLAIMS
from search_spaces.design import Design
from study.comparison import contrasts
from study.comparison.claim import DEEPEST, Average, Claim, ClaimContrast, accuracy, share
from study.comparison.claims_on_penalties import CLAIMS_ON_PENALTIES
from study.comparison.claims_on_training import CLAIMS_ON_TRAINING
from study.intervals import FAMILY_ERROR, Region

__all__ = ["CLAIMS", "LEVEL", "Average", "Claim", "ClaimContrast", "claims_of", "level_of"]

_SHARE = (0.0, 100.0)
_HALF_A_DECADE = Region((-0.5, 0.5), above=False)
_WITHIN = Region((0.0, 0.0), domain=(-50.0, 20.0))
_SOME = Region((0.0, 1.0), limit=99.0, domain=_SHARE)
_TENTH = Region((-10.0, 10.0), domain=(-100.0, math.inf))

_USUAL: tuple[Claim, ...] = (
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
        source="Glorot et al. 2011",
    ),
    Claim(
        2,
        "leaky ReLU is an overall improvement",
        "test",
        (ClaimContrast("accuracy, leaky ReLU - ReLU", contrasts.leaky_minus_relu, "pp", accuracy(above=True)),),
        source="Maas et al. 2013",
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
                accuracy(above=False),
                skewed=True,
            ),
            ClaimContrast(
                "accuracy, PReLU - best slope",
                contrasts.prelu_minus_best_slope,
                "pp",
                accuracy(above=True),
                equal_suffices=True,
            ),
        ),
        source="He et al. 2015; Xu et al. 2015",
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
                accuracy(above=True),
            ),
        ),
        association=True,
        source="Glorot et al. 2011",
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
                accuracy(above=False),
            ),
            ClaimContrast(
                "accuracy gained by dropout, ReLU",
                contrasts.relu_gain,
                "pp",
                accuracy(above=False),
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
                share(above=False),
                "share",
                equal_suffices=True,
            ),
            ClaimContrast(
                "saturated outputs, tanh - linear", contrasts.tanh_saturation, "pp", share(above=True), "share"
            ),
        ),
    ),
    Claim(
        8,
        "sigmoid can be sparse",
        "test",
        (
            ClaimContrast(
                "near-zero outputs, sigmoid - linear", contrasts.sigmoid_near_zero, "pp", share(above=True), "share"
            ),
            ClaimContrast(
                "removable units, sigmoid - linear", contrasts.sigmoid_removable, "pp", share(above=True), "share"
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
        source="Clevert et al. 2016",
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
                accuracy(above=True),
            ),
        ),
        source="He et al. 2015",
    ),
    Claim(
        11,
        "tanh and sigmoid make gradients vanish",
        "validation part, before training",
        (
            ClaimContrast(
                f"log10 of gradient norm first/last layer {DEEPEST}, tanh - ReLU",
                contrasts.tanh_vanishing,
                "decades",
                _HALF_A_DECADE,
                "gradient",
            ),
            ClaimContrast(
                f"log10 of gradient norm first/last layer {DEEPEST}, sigmoid - ReLU",
                contrasts.sigmoid_vanishing,
                "decades",
                _HALF_A_DECADE,
                "gradient",
            ),
        ),
        source="Glorot and Bengio 2010",
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
                accuracy(above=False),
                equal_suffices=True,
            ),
        ),
    ),
)

CLAIMS: tuple[Claim, ...] = tuple(
    sorted((*_USUAL, *CLAIMS_ON_TRAINING, *CLAIMS_ON_PENALTIES), key=lambda claim: claim.id)
)
"""All claims, by their numbers; a number that is missing here is none yet."""


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
