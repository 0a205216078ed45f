"""Whether a comparison's intervals hold what was planted, and its verdicts call no null.

    python -m benchmarks.coverage

Each contrast of each claim goes through its own estimator, choice on validation included, and equal counts give no
interval, as in a comparison. What it should find is the mean over replicates that share nothing, from other random
numbers.

Replicates of a real comparison divide the same samples anew, so that their contrasts may be correlated: by ρ as it was
measured (`benchmarks.correlation`), or as Nadeau and Bengio (2003, section 3) assume, ρ = n_test/(n_test + n_train).
Whoever judges an interval has to plant the ρ that it assumes, no more and no less. A contrast that chooses correlates
less than the outcomes that it is made of, so the outcomes' correlation is calibrated contrast by contrast until the
contrasts correlate by ρ. Whether real replicates have this ρ, no simulation can tell.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from benchmarks.planted import Array, Outcomes
from search_spaces.design import Design
from study.comparison.claims import LEVEL, Claim, ClaimContrast, claims_of
from study.comparison.correlation import variance_ratio
from study.comparison.verdicts import shows_spread
from study.config import Variance
from study.intervals import FAMILY_ERROR, corrected_interval

NOMINAL = 0.95
RATIO = 1.0 / 3.0
"""Size of the test part over that of the training part."""
CASES: tuple[tuple[Variance, tuple[int, ...]], ...] = (("measured", (5, 10, 20)), ("nadeau-bengio", (10,)))
"""Which correlations are planted and assumed, with how many seeds."""
FEWER_LEVELS: dict[str, Any] = {
    "learning_rates": (0.001, 0.003, 0.01),
    "slopes": (0.0, 0.1, 0.9),
    "initializations": ("kaiming_normal", "xavier_normal", "orthogonal"),
    "dropouts": (0.0, 0.2, 0.5),
    "depths": (2, 10),
}
"""Levels of the designs that are simulated: fewer than a comparison's, for speed."""
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
        variance: Which correlation of contrasts the intervals assume, and was planted.
        contrasts: One a contrast.
        family_missed: Share of data sets in which any simultaneous interval misses its truth; nominal: 5 % over the
            claims, of which some have two intervals.
        family_called: Share of data sets in which Holm's procedure calls any claim whose contrasts were moved to the
            edge of their regions of practical equivalence, on the side where a call is an error; nominal: at most 5 %.
    """

    seeds: int
    data_sets: int
    null: bool
    variance: Variance
    contrasts: tuple[Coverage, ...]
    family_missed: float
    family_called: float


def parts() -> list[tuple[int, ClaimContrast]]:
    """Every contrast of the usual claims with its claim's number."""
    return [(claim.id, part) for claim in claims_of(Design()) for part in claim.contrasts]


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


def know(design: Design, *, null: bool, variance: Variance, replicates: int = 250_000) -> list[Known]:
    """The truth of every contrast, and the correlation of outcomes to plant for it, from other random numbers."""
    values: list[list[Array]] = [[] for _ in parts()]
    for start in range(0, replicates, 20 * _AT_ONCE):
        measured = Outcomes(design, _AT_ONCE, 20, 0.0, _TRUTH_SEED + start, null).measured
        for column, (_, part) in zip(values, parts(), strict=True):
            column.append(part.compute(design, measured).ravel())
    joined = [np.concatenate(column) for column in values]
    commons = calibrate(design, null=null, variance=variance, data_sets=replicates // 5)
    return [Known(float(c.mean()), float(c.std()), common) for c, common in zip(joined, commons, strict=True)]


def calibrate(design: Design, *, null: bool, variance: Variance, data_sets: int) -> list[float]:
    """For every contrast the correlation of outcomes by which two of its values correlate by ρ."""

    def excess(common: float, part: ClaimContrast, wanted: float) -> float:
        values = []
        for start in range(0, data_sets, _AT_ONCE):
            count, seed = min(_AT_ONCE, data_sets - start), _CALIBRATION_SEED + start
            measured = Outcomes(design, count, _REPLICATES, common, seed, null).measured
            values.append(part.compute(design, measured))
        return _intraclass(np.concatenate(values)) - wanted

    commons = []
    for _, part in parts():
        ratio = variance_ratio(part.kind, variance, RATIO)
        wanted = ratio / (1.0 + ratio)
        commons.append(float(brentq(excess, 0.0, 0.99, args=(part, wanted), xtol=1e-3)) if wanted > 0 else 0.0)
    return commons


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
    variance: Variance,
    seed: int = 0,
) -> Trial:
    """Simulates comparisons and judges their intervals.

    Args:
        design: The designs.
        known: What `know` gave.
        seeds: Replicates of each.
        data_sets: How many comparisons.
        null: Whether all cells are worth the same.
        variance: Which correlation the intervals assume.
        seed: Decides all draws.
    """
    claims = claims_of(design)
    covered: list[list[Array]] = [[] for _ in known]
    missed, called = [], []
    for start in range(0, data_sets, _AT_ONCE):
        count = min(_AT_ONCE, data_sets - start)
        any_missed = np.zeros(count, dtype=bool)
        errors: list[Array] = []
        for column, (_, part), each in zip(covered, parts(), known, strict=True):
            measured = Outcomes(design, count, seeds, each.common, seed + start, null).measured
            values, ratio = part.compute(design, measured), variance_ratio(part.kind, variance, RATIO)
            judged = shows_spread(part.kind, values)
            _, low, high = corrected_interval(values, ratio, NOMINAL)
            column.append(((low <= each.truth) & (each.truth <= high))[judged])
            _, low, high = corrected_interval(values, ratio, LEVEL)
            any_missed |= judged & ((low > each.truth) | (high < each.truth))
            errors.append(np.where(judged, _error_at_the_edge(part, values, ratio, each.truth), 1.0))
        missed.append(any_missed)
        by_claim = iter(errors)
        of_claims = [_of_claim(claim, [next(by_claim) for _ in claim.contrasts]) for claim in claims]
        called.append(np.min(of_claims, 0) <= FAMILY_ERROR / len(claims))
    return Trial(
        seeds,
        data_sets,
        null,
        variance,
        tuple(
            Coverage(claim, part.name, each.truth, each.spread, each.common, len(held) / data_sets, float(held.mean()))
            for held, (claim, part), each in zip(map(np.concatenate, covered), parts(), known, strict=True)
        ),
        float(np.concatenate(missed).mean()),
        float(np.concatenate(called).mean()),
    )


def _error_at_the_edge(part: ClaimContrast, values: Array, ratio: float, truth: float) -> Array:
    """`[M]` the error at which a contrast whose truth lay at the edge would be called; 1 where it points elsewhere."""
    count = values.shape[-1]
    scale = values.std(axis=-1, ddof=1) * np.sqrt(1.0 / count + ratio)
    beyond = (values.mean(-1) - truth) * (1.0 if part.region.above else -1.0)
    error: Array = np.where(beyond > 0, 2.0 * stats.t.sf(beyond / np.maximum(scale, 1e-12), count - 1), 1.0)
    return error


def _of_claim(claim: Claim, errors: Sequence[Array]) -> Array:
    """`[M]` the error at which a claim would be called: that of all its contrasts, or of any."""
    deciding = [errors[place] for place in claim.deciding]
    found: Array = np.max(deciding, 0) if claim.needs == "all" else np.min(deciding, 0)
    return found


def margin(share: float, count: int) -> float:
    """Two standard errors of a share over so many simulations."""
    return 2.0 * math.sqrt(share * (1.0 - share) / count)


def main() -> None:
    """Prints a table, and writes it to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-sets", type=int, default=20_000)
    parser.add_argument("--replicates", type=int, default=250_000, help="independent ones, for the truth")
    parser.add_argument("--output", default="benchmarks/coverage.json")
    options = parser.parse_args()
    design, results = Design(**FEWER_LEVELS), []
    for null in (False, True):
        for variance, all_seeds in CASES:
            known = know(design, null=null, variance=variance, replicates=options.replicates)
            for seeds in all_seeds:
                trial = simulate(design, known, seeds=seeds, data_sets=options.data_sets, null=null, variance=variance)
                results.append(trial)
                effects = "no effects" if null else "effects"
                print(f"{effects}, {seeds} seeds, {trial.data_sets} data sets, ρ {variance}:")
                for each in trial.contrasts:
                    print(f"  {each.claim:>2} {each.name:<95} {each.truth:>8.3f} {100 * each.covered:6.2f} %")
                print(f"  any of {len(trial.contrasts)} intervals misses: {100 * trial.family_missed:.2f} %")
                print(
                    f"  any null at the edge is called: {100 * trial.family_called:.2f} % (nominal at most 5)",
                    flush=True,
                )
        Path(options.output).write_text(json.dumps([asdict(trial) for trial in results], indent=1) + "\n")


if __name__ == "__main__":
    main()
