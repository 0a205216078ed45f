"""Whether estimates over data sets hold what was planted: their mean, and the effect on a new data set.

    python -m benchmarks.coverage_across

Effects of data sets are drawn about a planted mean with a planted heterogeneity τ, and estimated with errors that are
equal, or differ two hundredfold in variance, as those of tables of very different sizes do; standard errors are
themselves estimates. A wrong call is one that the mean, or a new data set, lies above the region of practical
equivalence, where the planted mean lies at the region's upper edge, or the new effect at most there; nominal is half of
5 %.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.planted import Array
from study.comparison.across_data_sets import distribution_of_new
from study.comparison.averages import AVERAGES
from study.comparison.set_estimates import SetEstimate

LEVEL = 0.95
COUNTS, TAUS, SEEDS = (6, 12, 26), (0.0, 0.5, 1.0, 2.0), 10
"""Numbers of data sets; heterogeneities, in the root mean square of the standard errors; replicates of each set."""
Sizes = Literal["equal", "different"]
_MEAN = 0.5


@dataclass(frozen=True)
class Case:
    """How one planted population fared.

    Attributes:
        data_sets: How many data sets each simulation has.
        tau: The standard deviation of their effects, in the root mean square of their standard errors.
        sizes: Whether the errors of all data sets are equal.
        simulations: How many there were.
        mean_covered: Share of 95 % intervals of the mean that hold the planted one.
        new_covered: Share of 95 % prediction intervals that hold the effect on a new data set.
        mean_called: Share in which the mean is called beyond the edge at which it lies; nominal 2.5 %.
        new_called: Share in which a new data set is called beyond the edge, and is not; nominal at most 2.5 %.
    """

    data_sets: int
    tau: float
    sizes: Sizes
    simulations: int
    mean_covered: float
    new_covered: float
    mean_called: float
    new_called: float


def errors_of(sizes: Sizes, count: int) -> Array:
    """`[count]` standard errors, whose mean square is 1."""
    variances = np.ones(count) if sizes == "equal" else np.geomspace(0.02, 4.0, count)
    errors: Array = np.sqrt(variances / variances.mean())
    return errors


def simulate(count: int, tau: float, sizes: Sizes, simulations: int, seed: int = 0) -> Case:
    """Simulates populations of data sets, and judges what is said of them."""
    rng = np.random.default_rng([seed, count, round(100 * tau), sizes == "equal"])
    errors, seen = errors_of(sizes, count), []
    for _ in range(simulations):
        effects = _MEAN + tau * rng.standard_normal(count + 1)
        values = effects[:count] + errors * rng.standard_normal(count)
        estimated = errors * np.sqrt(rng.chisquare(SEEDS - 1, count) / (SEEDS - 1))
        new, estimates = effects[count], [SetEstimate(*pair) for pair in zip(values, estimated, strict=True)]
        interval = AVERAGES["mean"].interval(values, LEVEL)
        assert interval is not None
        low, high = distribution_of_new(estimates).interval(LEVEL)
        seen.append(
            (interval[0] <= _MEAN <= interval[1], low <= new <= high, interval[0] > _MEAN, low > _MEAN and new <= _MEAN)
        )
    shares = np.array(seen, dtype=float).mean(0).tolist()
    return Case(count, tau, sizes, simulations, *shares)


def main() -> None:
    """Prints a line a case, and writes them to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=4_000)
    parser.add_argument("--output", default="benchmarks/coverage_across.json")
    options = parser.parse_args()
    kinds: tuple[Sizes, ...] = ("equal", "different")
    cases = []
    for count in COUNTS:
        for tau in TAUS:
            for sizes in kinds:
                cases.append(each := simulate(count, tau, sizes, options.simulations))
                print(
                    f"{count:>2} data sets, τ {tau}, {sizes} errors: mean {100 * each.mean_covered:.1f} %, new "
                    f"{100 * each.new_covered:.1f} %, wrongly called {100 * each.mean_called:.1f} and "
                    f"{100 * each.new_called:.1f} %",
                    flush=True,
                )
    Path(options.output).write_text(json.dumps([asdict(case) for case in cases], indent=1) + "\n")


if __name__ == "__main__":
    main()
