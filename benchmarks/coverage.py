"""Whether a comparison's intervals hold what was planted, and its verdicts call no null.

    python -m benchmarks.coverage

Each contrast of each claim goes through its own estimator, choice on validation included, and equal counts give no
interval, as in a comparison. What it should find is the mean over replicates that share nothing, from other random
numbers.

Replicates of a real comparison divide the same samples anew, so that their contrasts are correlated. Nadeau and Bengio
(2003, section 3) put that correlation at ρ = n_test/(n_test + n_train), and the factor 1/k + n_test/n_train follows
from it: whoever judges the interval has to plant it, no more and no less. A contrast that chooses, or takes the
largest of many, correlates less than the outcomes that it is made of, so the outcomes' correlation is calibrated
contrast by contrast until the contrasts correlate by ρ. With the outcomes themselves correlated by ρ, the
intervals of such contrasts are too wide: `outcomes` counts that. Whether real replicates have this ρ, no simulation
can tell.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from benchmarks.planted import Array, Outcomes
from search_spaces.design import Design
from study.comparison.claims import CLAIMS, LEVEL, ClaimContrast
from study.comparison.verdicts import shows_spread
from study.intervals import corrected_interval

NOMINAL = 0.95
RATIO = 1.0 / 3.0
RHO = RATIO / (1.0 + RATIO)
_AT_ONCE, _REPLICATES = 500, 10
_TRUTH_SEED, _CALIBRATION_SEED = 2**40, 2**41


@dataclass(frozen=True)
class Coverage:
    """How one contrast fared.

    Attributes:
        claim: The claim's number.
        name: What is estimated.
        truth: What was planted.
        spread: Standard deviation of the contrast over independent replicates.
        common: Correlation of two replicates' outcomes by which the contrasts correlate by ρ.
        judged: Share of data sets in which there is an interval: equal counts have none.
        covered: Share of these intervals, 95 % each, that hold the truth.
    """

    claim: int
    name: str
    truth: float
    spread: float
    common: float
    judged: float
    covered: float


@dataclass(frozen=True)
class Trial:
    """How all contrasts fared together.

    Attributes:
        seeds: Replicates.
        data_sets: Simulated data sets.
        null: Whether all cells were worth the same.
        outcomes: Whether the outcomes, and not the contrasts, correlated by ρ.
        contrasts: One a contrast.
        family_missed: Share of data sets in which any simultaneous interval misses its truth; nominal: 5 %.
        family_called: Share of data sets in which any verdict calls a contrast that was moved to the edge of its region
            of practical equivalence, on the side where a call is an error; nominal: at most 5 %.
    """

    seeds: int
    data_sets: int
    null: bool
    outcomes: bool
    contrasts: tuple[Coverage, ...]
    family_missed: float
    family_called: float


def parts() -> list[tuple[int, ClaimContrast]]:
    """Every contrast with its claim's number."""
    return [(claim.id, part) for claim in CLAIMS for part in claim.contrasts]


@dataclass(frozen=True)
class Known:
    """What is known of a contrast before the simulation.

    Attributes:
        truth: Its mean over independent replicates.
        spread: Its standard deviation.
        common: Correlation of outcomes by which two of its values correlate by ρ.
    """

    truth: float
    spread: float
    common: float


def know(design: Design, *, null: bool, replicates: int = 250_000) -> list[Known]:
    """The truth of every contrast, and the correlation of outcomes to plant for it, from other random numbers."""
    values: list[list[Array]] = [[] for _ in parts()]
    for start in range(0, replicates, 20 * _AT_ONCE):
        measured = Outcomes(design, _AT_ONCE, 20, 0.0, _TRUTH_SEED + start, null).measured
        for column, (_, part) in zip(values, parts(), strict=True):
            column.append(part.compute(design, measured).ravel())
    joined = [np.concatenate(column) for column in values]
    commons = calibrate(design, null=null, data_sets=replicates // 5)
    return [Known(float(c.mean()), float(c.std()), common) for c, common in zip(joined, commons, strict=True)]


def calibrate(design: Design, *, null: bool, data_sets: int) -> list[float]:
    """For every contrast the correlation of outcomes by which two of its values correlate by ρ."""

    def excess(common: float, part: ClaimContrast) -> float:
        values = []
        for start in range(0, data_sets, _AT_ONCE):
            count, seed = min(_AT_ONCE, data_sets - start), _CALIBRATION_SEED + start
            measured = Outcomes(design, count, _REPLICATES, common, seed, null).measured
            values.append(part.compute(design, measured))
        return _intraclass(np.concatenate(values)) - RHO

    return [0.0 if part.timed else float(brentq(excess, 0.0, 0.99, args=(part,), xtol=1e-3)) for _, part in parts()]


def _intraclass(values: Array) -> float:
    """Correlation of two columns of `[M, R]` (the analysis-of-variance estimate of Fisher)."""
    count = values.shape[1]
    between, within = count * values.mean(1).var(ddof=1), values.var(axis=1, ddof=1).mean()
    return float((between - within) / (between + (count - 1) * within))


def simulate(
    design: Design,
    known: Sequence[Known],
    *,
    seeds: int,
    data_sets: int,
    null: bool,
    seed: int = 0,
    outcomes: bool = False,
) -> Trial:
    """Simulates comparisons and judges their intervals.

    Args:
        design: The designs.
        known: What `know` gave.
        seeds: Replicates of each.
        data_sets: How many comparisons.
        null: Whether all cells are worth the same.
        seed: Decides all draws.
        outcomes: Whether the outcomes, and not the contrasts, correlate by ρ.
    """
    covered: list[list[Array]] = [[] for _ in known]
    missed, called = [], []
    for start in range(0, data_sets, _AT_ONCE):
        count = min(_AT_ONCE, data_sets - start)
        any_missed, any_called = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
        for column, (_, part), each in zip(covered, parts(), known, strict=True):
            common = RHO if outcomes and not part.timed else each.common
            measured = Outcomes(design, count, seeds, common, seed + start, null).measured
            values, ratio = part.compute(design, measured), 0.0 if part.timed else RATIO
            judged = shows_spread(part, values)
            _, low, high = corrected_interval(values, ratio, NOMINAL)
            column.append(((low <= each.truth) & (each.truth <= high))[judged])
            _, low, high = corrected_interval(values, ratio, LEVEL)
            any_missed |= judged & ((low > each.truth) | (high < each.truth))
            # As if the truth lay at the edge of the ROPE beyond which the claim would be supported.
            any_called |= judged & (low > each.truth if part.region.above else high < each.truth)
        missed.append(any_missed)
        called.append(any_called)
    return Trial(
        seeds,
        data_sets,
        null,
        outcomes,
        tuple(
            Coverage(claim, part.name, each.truth, each.spread, each.common, len(held) / data_sets, float(held.mean()))
            for held, (claim, part), each in zip(map(np.concatenate, covered), parts(), known, strict=True)
        ),
        float(np.concatenate(missed).mean()),
        float(np.concatenate(called).mean()),
    )


def margin(share: float, count: int) -> float:
    """Two standard errors of a share over so many simulations."""
    return 2.0 * math.sqrt(share * (1.0 - share) / count)


def main() -> None:
    """Prints a table, and writes it to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-sets", type=int, default=20_000)
    parser.add_argument("--output", default="benchmarks/coverage.json")
    options = parser.parse_args()
    design, results = Design(), []
    for null in (False, True):
        known = know(design, null=null)
        for seeds, outcomes in ((5, False), (10, False), (20, False), (10, True)):
            trial = simulate(design, known, seeds=seeds, data_sets=options.data_sets, null=null, outcomes=outcomes)
            results.append(trial)
            what = "outcomes" if outcomes else "contrasts"
            print(f"{'no effects' if null else 'effects'}, {seeds} seeds, {trial.data_sets} data sets, {what} by ρ:")
            for each in trial.contrasts:
                print(f"  {each.claim:>2} {each.name:<76} {each.truth:>8.3f} {100 * each.covered:6.2f} %")
            print(f"  any of {len(trial.contrasts)} intervals misses: {100 * trial.family_missed:.2f} % (nominal 5)")
            print(
                f"  any null at the edge is called: {100 * trial.family_called:.2f} % (nominal at most 5)", flush=True
            )
    Path(options.output).write_text(json.dumps([asdict(trial) for trial in results], indent=1) + "\n")


if __name__ == "__main__":
    main()
