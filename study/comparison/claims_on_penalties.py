"""Claims that are tested by intervening on activations, where they are asked for: L1 at fixed doses, the rate tuned."""

from __future__ import annotations

from search_spaces.claim_cells import L1_DOSES
from study.comparison import penalty_contrasts as contrasts
from study.comparison.claim import POINTS, Claim, ClaimContrast, accuracy, share
from study.intervals import Region

_NO_SUCH_ZEROS = "no dose comes within 10 points of these shares of zeros"

_SPARSITY_CARRIES = "that what an L1 penalty does to accuracy, it does by the zeros that it makes"

_MANIPULATED = ClaimContrast(
    f"zeros, L1 {L1_DOSES[-1]:g} - none",
    contrasts.zeros_by_the_largest_dose,
    "pp",
    Region((-10.0, 10.0), above=True, domain=POINTS),
    "share",
    decides=False,
    checks=True,
)
"""Whether the penalty made zeros, without which it says nothing about them."""

CLAIMS_ON_PENALTIES: tuple[Claim, ...] = (
    Claim(
        21,
        "squared ReLU has the best trade of sparsity and accuracy",
        "test",
        (
            ClaimContrast(
                "hypervolume of near-zero outputs and accuracy over L1 doses, squared ReLU - ReLU",
                contrasts.hypervolume_squared_minus_relu,
                "% of the square",
                Region((-1.0, 1.0), above=True, domain=POINTS),
                "share",
            ),
        ),
        source="Zhang et al. 2024, arXiv 2402.03804",
    ),
    Claim(
        23,
        "beyond about 70 % sparsity accuracy falls off",
        "test",
        (
            ClaimContrast(
                "accuracy, 70 % zeros - 50 %, by L1",
                contrasts.seventy_minus_fifty,
                "pp",
                accuracy(above=True),
                equal_suffices=True,
                without=_NO_SUCH_ZEROS,
            ),
            ClaimContrast(
                "accuracy, 90 % zeros - 50 %, by L1",
                contrasts.ninety_minus_fifty,
                "pp",
                accuracy(above=False),
                without=_NO_SUCH_ZEROS,
            ),
            ClaimContrast(
                "accuracy, 80 % zeros - 50 %, by L1",
                contrasts.eighty_minus_fifty,
                "pp",
                accuracy(above=False),
                decides=False,
                without=_NO_SUCH_ZEROS,
            ),
        ),
        source="arXiv 2605.17659",
    ),
    Claim(
        25,
        "an L1 penalty that makes ReLU sparser improves generalization",
        "test",
        (
            ClaimContrast(
                "accuracy for 10 pp more zeros, by L1",
                contrasts.score_on_zeros_by_l1,
                "pp",
                accuracy(above=True),
            ),
            _MANIPULATED,
            *(
                ClaimContrast(
                    f"accuracy, L1 {dose:g} - none",
                    contrasts.at_dose(number),
                    "pp",
                    accuracy(above=True),
                    decides=False,
                )
                for number, dose in enumerate(L1_DOSES)
            ),
        ),
        source="Glorot et al. 2011",
        assumption=_SPARSITY_CARRIES,
    ),
    Claim(
        26,
        "sparsity helps beyond shrinkage: L1 beats L2 on activations",
        "test",
        (
            ClaimContrast(
                "accuracy, L1 - L2 at equal training loss, mean over doses",
                contrasts.l1_minus_l2,
                "pp",
                accuracy(above=True),
                without="no two doses of the two penalties have equal training losses",
            ),
            _MANIPULATED,
        ),
        assumption=_SPARSITY_CARRIES,
    ),
    Claim(
        27,
        "sparsity outweighs the gradients of the negative side",
        "test",
        (
            ClaimContrast(
                "accuracy, ReLU at the best of four L1 doses - leaky ReLU at the best of four slopes",
                contrasts.penalized_minus_leaky,
                "pp",
                accuracy(above=True),
            ),
            ClaimContrast(
                "near-zero outputs of the same two",
                contrasts.penalized_minus_leaky_near_zero,
                "pp",
                share(above=True),
                "share",
                decides=False,
            ),
        ),
        assumption=_SPARSITY_CARRIES,
    ),
)
