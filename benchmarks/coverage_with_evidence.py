"""Whether intervals with the evidence of other data sets hold, for planted users and for those unlike all others.

    python -m benchmarks.coverage_with_evidence

Effects of data sets are planted about a mean with a heterogeneity τ. Each simulated user has a data set more, with an
own estimate whose error is as large as those of the evidence or three times that, as a subsample's is; the interval
with the evidence is to hold this data set's effect. It is looked at for all users, and for the fifth whose effects lie
furthest from the mean.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from scipy import stats

from benchmarks.coverage_across import SEEDS, errors_of
from benchmarks.planted import Array
from study.comparison.posterior import posterior
from study.comparison.set_estimates import SetEstimate
from study.intervals import Region

Shape = Literal["normal", "t3"]
COUNT, TAUS, OWN_ERRORS = 26, (0.0, 0.5, 1.0, 2.0), (1.0, 3.0)
"""Data sets of the evidence; heterogeneities, and users' errors, in the root mean square of its standard errors."""
ROPE, OUTLYING = 0.5, 0.2
_QUANTILE = float(stats.t.ppf(0.975, SEEDS - 1))


@dataclass(frozen=True)
class Case:
    """How users of one planted population fared.

    Attributes:
        tau: The standard deviation of effects.
        shape: The distribution of effects.
        own_error: The standard error of the user's own estimate.
        users: How many there were.
        covered: Share of 95 % intervals with the evidence that hold the effect on the user's data.
        outlying_covered: The same share, of the fifth of users with the most outlying effects; None where all effects
            are equal.
        width: Mean width of these intervals over that of the intervals by the own data alone.
        called: Share with a verdict.
        wrongly_called: Share with a verdict that is wrong of the user's effect.
    """

    tau: float
    shape: Shape
    own_error: float
    users: int
    covered: float
    outlying_covered: float | None
    width: float
    called: float
    wrongly_called: float


def simulate(tau: float, shape: Shape, own_error: float, users: int, seed: int = 0) -> Case:
    """Simulates users, each with evidence of its own draws."""
    rng = np.random.default_rng([seed, round(100 * tau), shape == "t3", round(10 * own_error)])
    region, errors = Region((-ROPE, ROPE)), errors_of("different", COUNT)
    seen = [_user(rng, tau, shape, own_error, errors, region) for _ in range(users)]
    effects, held, widths, called, wrong = np.array(seen, dtype=float).T
    outlying = np.abs(effects) >= np.quantile(np.abs(effects), 1.0 - OUTLYING)
    unlike = float(held[outlying].mean()) if tau > 0 else None
    covered, width, with_verdict, wrongly = (float(each.mean()) for each in (held, widths, called, wrong))
    return Case(tau, shape, own_error, users, covered, unlike, width, with_verdict, wrongly)


def _user(
    rng: np.random.Generator, tau: float, shape: Shape, own_error: float, errors: Array, region: Region
) -> tuple[float, bool, float, bool, bool]:
    """A user's effect, whether the interval holds it, its width, whether there is a verdict, whether it is wrong."""
    count = len(errors) + 1
    draws = rng.standard_normal(count) if shape == "normal" else rng.standard_t(3, count) / np.sqrt(3.0)
    effects = tau * draws
    values = effects[:-1] + errors * rng.standard_normal(len(errors))
    estimated = errors * np.sqrt(rng.chisquare(SEEDS - 1, len(errors)) / (SEEDS - 1))
    others = [SetEstimate(*pair) for pair in zip(values, estimated, strict=True)]
    effect = float(effects[-1])
    own = SetEstimate(
        effect + own_error * float(rng.standard_normal()),
        own_error * float(np.sqrt(rng.chisquare(SEEDS - 1) / (SEEDS - 1))),
    )
    found = posterior(own, SEEDS - 1, others, region)
    assert found is not None
    assert own.standard_error is not None
    low, high = found.interval
    alone = 2.0 * _QUANTILE * own.standard_error
    called = found.verdict != "undecided"
    return (
        effect,
        low <= effect <= high,
        (high - low) / alone,
        called,
        called and found.verdict != _true(effect, region),
    )


def _true(effect: float, region: Region) -> str:
    return region.verdict((effect, effect))


def main() -> None:
    """Prints a line a case, and writes them to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--output", default="benchmarks/coverage_with_evidence.json")
    options = parser.parse_args()
    shapes: tuple[Shape, ...] = ("normal", "t3")
    cases = []
    for tau in TAUS:
        for shape in shapes if tau else shapes[:1]:
            for own_error in OWN_ERRORS:
                cases.append(each := simulate(tau, shape, own_error, options.users))
                unlike = "" if each.outlying_covered is None else f", outlying {100 * each.outlying_covered:.1f} %"
                print(
                    f"τ {tau}, {shape}, own error {own_error}: {100 * each.covered:.1f} %{unlike}, width "
                    f"{each.width:.2f}, called {100 * each.called:.1f} %, wrongly {100 * each.wrongly_called:.1f} %",
                    flush=True,
                )
    Path(options.output).write_text(json.dumps([asdict(case) for case in cases], indent=1) + "\n")


if __name__ == "__main__":
    main()
