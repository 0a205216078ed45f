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
