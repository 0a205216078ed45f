"""How far verdicts over data sets depend on which data sets there are: halves of them, and their numbers of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from study.comparison.claims import CLAIMS, Claim
from study.comparison.on_average import judge_on_average
from study.comparison.set_estimates import SetEstimates
from study.comparison.verdicts import PLAIN_LEVEL
from study.intervals import Verdict


@dataclass(frozen=True)
class Halves:
    """The verdicts about the averages over two halves of the data sets.

    Attributes:
        first: Of the first half, by the number of the claim.
        second: Of the second half.
    """

    first: Mapping[int, Verdict]
    second: Mapping[int, Verdict]

    @property
    def contradicted(self) -> tuple[int, ...]:
        """The claims on which both halves decide, and not the same."""
        return contradicted(self.first, self.second)


def contradicted(first: Mapping[int, Verdict], second: Mapping[int, Verdict]) -> tuple[int, ...]:
    """The claims that both decide, and not the same.

    Args:
        first: Verdicts, by the number of the claim.
        second: Others.

    Example:
        >>> contradicted({1: "supported", 2: "supported"}, {1: "refuted", 2: "undecided"})
        (1,)
    """
    both = [number for number in first if number in second]
    return tuple(
        number
        for number in both
        if "undecided" not in (first[number], second[number]) and first[number] != second[number]
    )


@dataclass(frozen=True)
class Slope:
    """How an effect depends on the rows of data sets.

    Attributes:
        estimate: Change of the effect where a data set has ten times the rows, by least squares.
        interval: Its 95 % interval.
    """

    estimate: float
    interval: tuple[float, float]


def alternate_halves(sets: Mapping[str, SetEstimates], claims: Sequence[Claim] = CLAIMS) -> Halves:
    """The verdicts of every other data set in the order of their names, and of the others."""
    names = sorted(sets)
    return halves(sets, names[::2], claims)


def halves(sets: Mapping[str, SetEstimates], first: Sequence[str], claims: Sequence[Claim] = CLAIMS) -> Halves:
    """The verdicts of some data sets and of all others, each judged as if there were no more.

    Args:
        sets: The estimates of each data set.
        first: Names of the first half.
        claims: The claims.
    """
    left = {name: each for name, each in sets.items() if name not in first}
    return Halves(_verdicts({name: sets[name] for name in first}, claims), _verdicts(left, claims))


def random_halves(
    sets: Mapping[str, SetEstimates], splits: int, claims: Sequence[Claim] = CLAIMS, *, seed: int = 0
) -> list[Halves]:
    """The verdicts of halves that are drawn at random, again and again.

    Args:
        sets: The estimates of each data set.
        splits: How often they are drawn.
        claims: The claims.
        seed: Of the drawing.
    """
    rng, names = np.random.default_rng(seed), sorted(sets)
    return [halves(sets, rng.permutation(names)[::2].tolist(), claims) for _ in range(splits)]


def slope_on_rows(estimates: Sequence[float], rows: Sequence[int]) -> Slope | None:
    """How estimates of data sets depend on their rows; None for fewer than three numbers of rows.

    Args:
        estimates: An estimate of each data set.
        rows: Their rows.

    Example:
        >>> slope_on_rows([1.0, 2.0, 3.0], [100, 1000, 10_000]).estimate
        1.0
    """
    if len(set(rows)) < 3:
        return None
    found = stats.linregress(np.log10(rows), estimates)
    half = float(stats.t.ppf((1.0 + PLAIN_LEVEL) / 2.0, len(rows) - 2) * found.stderr)
    slope = float(found.slope)
    return Slope(slope, (slope - half, slope + half))


def _verdicts(sets: Mapping[str, SetEstimates], claims: Sequence[Claim]) -> dict[int, Verdict]:
    return {judged.claim.id: judged.verdict for judged in judge_on_average(sets, claims)}
