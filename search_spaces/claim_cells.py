"""The cells that each claim reads, by the claim's number; importing this module loads no torch.

A comparison trains the cells of the claims that it was asked for. What claims share is trained once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from reluctant.errors import ReluctantError

if TYPE_CHECKING:
    from search_spaces.design import Arm, Design

USUAL_CLAIMS = tuple(range(1, 13))
"""The claims of a comparison that was asked for none in particular, and of all until version 0.1."""

RATE_FACTOR = 10.0
"""By which a learning rate is too high."""
DEEP = (10, 20)
"""Hidden layers of deep networks."""
SMALL_BIAS = 0.1
SMOOTH = ("gelu", "silu", "mish")
CENTRED = ("tanh", "elu")
NORMALIZED = ("relu", "elu", "gelu", "tanh", "sigmoid")
"""The activations that are compared with and without normalization."""
WIDENING = (0.25, 1.0, 4.0)
"""Widths over the usual one."""
INPUT_ORDERS = 10
"""In how many orders the inputs come where the data drift."""
L1_DOSES = (0.0003, 0.001, 0.003, 0.01)
"""Of the penalty on activations, half a decade apart, around the 0.001 of Glorot et al. 2011."""
L2_DOSES = (0.0003, 0.001, 0.003, 0.01)
CURVES_FOR = (14, 26)
"""The claims that read learning curves."""

_OF_PERCEPTRONS = {
    **dict.fromkeys((16, 18, 19), "it is about ten hidden layers or more"),
    **dict.fromkeys(
        (21, 23, 25, 26, 27), "its doses of a penalty, summed over units, are those of layers without channels"
    ),
    17: "it compares kinds of normalization of hidden layers",
    22: "it is about the width of hidden layers",
    24: "it puts the inputs in other orders, and convolutions rely on theirs",
}
"""Claims whose cells the reduced design of convolutional networks does not have, and why."""
_NARROWEST, _WIDEST, _FEWEST_EPOCHS, _FEWEST_COLUMNS = 4, 2048, 2, 2


class ClaimError(ReluctantError, ValueError):
    """Claims that there are not."""


def _sparsity_and_dropout(design: Design) -> list[Arm]:
    dropped = [arm for name in design.dropped for arm in design.over_dropouts(name)]
    return [*dropped, *_initializations(design)]


def _initializations(design: Design) -> list[Arm]:
    return [arm for name in design.initialized for arm in design.over_initializations(name)]


def _deepest(design: Design) -> list[Arm]:
    return [(design.cell(name, depth=design.depths[-1]),) for name in ("relu", "tanh", "sigmoid")]


def _every_activation(design: Design) -> list[Arm]:
    others = [design.arm(name) for name in design.activations if name not in (design.linear, "leaky_relu")]
    return [*others, *design.over_slopes()]


def over_activations(design: Design, normalization: str) -> list[Arm]:
    """The arms of several activations in the usual network with a normalization, or `none`."""
    return [design.arm(name, normalization=normalization) for name in NORMALIZED]


def rates_too_high(design: Design) -> Arm:
    """ReLU's usual network at ten times each learning rate, in their order."""
    return tuple(design.cell("relu", learning_rate=round(RATE_FACTOR * rate, 9)) for rate in design.learning_rates)


def penalized(design: Design, activation: str) -> list[Arm]:
    """The arms of an activation over the doses of the L1 penalty, none first."""
    return [design.arm(activation), *(design.arm(activation, l1=dose) for dose in L1_DOSES)]


def as_many_slopes(design: Design) -> list[Arm]:
    """Leaky ReLU's arms over slopes above 0, as many as there are doses of the L1 penalty."""
    return [*design.over_slopes()[1 : 1 + len(L1_DOSES)]]


def squared_penalized(design: Design) -> list[Arm]:
    """ReLU's arms over the doses of the penalty on squares."""
    return [design.arm("relu", l2=dose) for dose in L2_DOSES]


def widened(design: Design) -> list[Arm]:
    """ReLU's arms over widths."""
    return [design.arm("relu", width=width) for width in widths(design.width)]


def shuffled(design: Design) -> Arm:
    """The arm of ReLU's usual network with shuffled targets."""
    return design.arm("relu", shuffled_targets=True)


def drifting(design: Design, slope: float) -> Arm:
    """The arm of leaky ReLU with a slope, where the inputs come in one order after another; slope 0 is ReLU."""
    return design.arm("leaky_relu", negative_slope=slope, input_orders=INPUT_ORDERS)


def widths(usual: int) -> list[int]:
    """Narrow, usual and wide."""
    return [round(factor * usual) for factor in WIDENING]


def arms_of_claims(design: Design) -> list[Arm]:
    """The arms of the claims beside the usual ones whose learning rates are tuned."""
    arms = [arm for claim in design.claims if claim not in USUAL_CLAIMS for arm in ARMS[claim](design)]
    tuned = [arm for arm in arms if tuple(cell.learning_rate for cell in arm) == design.learning_rates]
    return [arm for arm in tuned if not arm[0].shuffled_targets]  # at the rates of other targets


def _self_normalizing(design: Design) -> list[Arm]:
    return [
        arm
        for depth in DEEP
        for arm in (design.arm("selu", depth=depth, initialization="lecun_normal"), design.arm("relu", depth=depth))
    ]


def _deep_initializations(design: Design) -> list[Arm]:
    depths = (design.depths[0], *DEEP)
    return [arm for depth in depths for arm in design.over_initializations("relu", depth=depth)]


ARMS: Mapping[int, Callable[[Design], Sequence[Arm]]] = {
    1: lambda design: design.over_initializations("relu"),
    2: lambda design: design.over_slopes(),
    3: lambda design: [*design.over_slopes(), design.arm("prelu")],
    4: lambda design: [*design.over_initializations("relu"), *((cell,) for cell in design.deep_cells())],
    5: _sparsity_and_dropout,
    6: lambda design: [arm for name in ("relu", "tanh") for arm in design.over_dropouts(name)],
    7: lambda design: [design.arm("tanh"), design.arm(design.linear)],
    8: lambda design: [design.arm("sigmoid"), design.arm(design.linear)],
    9: lambda design: [],
    10: _initializations,
    11: _deepest,
    12: _every_activation,
    13: lambda design: [design.arm(name) for name in ("relu", *SMOOTH)],
    14: lambda design: [design.arm(name) for name in ("relu", *CENTRED)],
    15: lambda design: [design.arm("relu"), rates_too_high(design)],
    16: lambda design: [design.arm("relu", depth=DEEP[0], bias=bias) for bias in (0.0, SMALL_BIAS)],
    17: lambda design: [arm for kind in ("none", "batch", "layer") for arm in over_activations(design, kind)],
    18: _self_normalizing,
    19: _deep_initializations,
    20: lambda design: [design.arm("rrelu"), *design.over_slopes()[1:]],
    21: lambda design: [*penalized(design, "relu"), *penalized(design, "relu_squared")],
    22: lambda design: [*widened(design), shuffled(design)],
    23: lambda design: penalized(design, "relu"),
    24: lambda design: [design.arm("relu"), *(drifting(design, slope) for slope in design.slopes)],
    25: lambda design: penalized(design, "relu"),
    26: lambda design: [*penalized(design, "relu"), *squared_penalized(design)],
    27: lambda design: [*penalized(design, "relu"), *as_many_slopes(design)],
}
"""The arms that a claim reads; 9 reads the clock alone."""


def read_claims(text: str) -> tuple[int, ...]:
    """Numbers of claims from text: numbers and ranges with commas between them, or `all`; sorted, each once.

    Raises:
        ClaimError: It is something else, or there is no such claim.

    Example:
        >>> read_claims("1-3, 7")
        (1, 2, 3, 7)
    """
    if text.strip() == "all":
        return tuple(ARMS)
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() and len(end) < 5 for end in ends):
            raise ClaimError(_needed(f"{part.strip()!r} is no number and no range"))
        low, high = map(int, ends)
        if low > high:
            raise ClaimError(_needed(f"the range {part.strip()} runs backwards"))
        numbers += range(low, high + 1)
    return check_claims(numbers)


def check_claims(numbers: Sequence[int]) -> tuple[int, ...]:
    """Numbers of claims, sorted, each once.

    Raises:
        ClaimError: There is no such claim, or none is named.
    """
    unknown = [number for number in numbers if number not in ARMS]
    if unknown:
        raise ClaimError(_needed(f"there is no claim {', '.join(map(str, unknown[:5]))}"))
    if not numbers:
        raise ClaimError(_needed("no claim is named"))
    return tuple(sorted(set(numbers)))


def unmet(
    claim: int,
    *,
    width: int,
    epochs: int,
    convolutional: bool = False,
    normalization: str = "none",
    patience: int | None = None,
    columns: int | None = None,
) -> str | None:
    """What a claim needs that a comparison does not have, in words; None where it has all.

    Args:
        claim: Its number.
        width: Units of each hidden layer.
        epochs: Passes over the training part.
        convolutional: Whether the networks are convolutional.
        normalization: How hidden layers are normalized.
        patience: Of the budget.
        columns: Of the data, where they are known.

    Example:
        >>> unmet(22, width=2, epochs=30)
        'it needs layers of a fourth of the units and of four times as many, and there are 2; give --hidden 4 to 2048'
    """
    if convolutional and claim in _OF_PERCEPTRONS:
        return f"{_OF_PERCEPTRONS[claim]}; give --network mlp"
    if claim == 18 and normalization != "none":
        return f"it is about networks without normalization, and these have {normalization}; give --normalization none"
    if claim == 17 and normalization != "none":
        return f"it varies normalization itself, and --normalization is {normalization}; leave it out"
    if claim == 22 and not _NARROWEST <= width <= _WIDEST:
        return (
            f"it needs layers of a fourth of the units and of four times as many, and there are {width}; "
            f"give --hidden {_NARROWEST} to {_WIDEST}"
        )
    if claim in CURVES_FOR and epochs < _FEWEST_EPOCHS:
        return f"it reads the course of learning, and there is {epochs} epoch; give --epochs {_FEWEST_EPOCHS} or more"
    if claim == 24:
        return _unmet_by_drift(epochs, patience, columns)
    return None


def _unmet_by_drift(epochs: int, patience: int | None, columns: int | None) -> str | None:
    if epochs < INPUT_ORDERS:
        return (
            f"it needs an epoch for each of {INPUT_ORDERS} orders of the inputs, and there are {epochs}; "
            f"give --epochs {INPUT_ORDERS} or more"
        )
    if patience is not None:
        return f"each order of the inputs has its share of the epochs, and --patience is {patience}; leave it out"
    if columns is not None and columns < _FEWEST_COLUMNS:
        return f"it puts the inputs in other orders, and the data have {columns} column; give data with more"
    return None


def claims_text(numbers: Sequence[int]) -> str:
    """Numbers of claims as `read_claims` reads them.

    Example:
        >>> claims_text((1, 2, 3, 7, 9, 10))
        '1-3,7,9-10'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _needed(seen: str) -> str:
    return f"{seen}; there are the claims {claims_text(tuple(ARMS))}: give numbers and ranges, as in 1-3,7, or all"
