"""How verdicts over data sets depend on which there are: what is planted in halves, and in rows, is found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from study.comparison.claims import CLAIMS
from study.comparison.evidence import Evidence, EvidenceSet
from study.comparison.evidence_verdicts import claims_about, rows_of, verdicts_of
from study.comparison.robustness import alternate_halves, halves, random_halves, slope_on_rows
from study.comparison.set_estimates import SetEstimate
from study.tasks import TASKS

LEAKY, BEST = CLAIMS[1], CLAIMS[11]
CLASSIFICATION, REGRESSION = TASKS["classification"], TASKS["regression"]
JITTER = (-0.02, -0.01, 0.0, 0.01, 0.02, 0.03)


def sets(of_first: float, of_second: float) -> dict[str, dict[str, list[SetEstimate | None]]]:
    """Twelve data sets, the first half of the alphabet beside the second; on claim 12 all say the same."""
    planted = [of_first + jitter for jitter in JITTER] + [of_second + jitter for jitter in JITTER]
    return {
        name: {
            LEAKY.statement: [SetEstimate(value, 0.1)],
            BEST.statement: [SetEstimate(value * 0.0 + place / 100, 0.1)],
        }
        for place, (name, value) in enumerate(zip("abcdefghijkl", planted, strict=True))
    }


def test_halves_that_decide_differently_contradict_each_other() -> None:
    found = halves(sets(2.0, -2.0), "abcdef")
    assert (found.first[2], found.second[2]) == ("supported", "refuted")
    assert (found.first[12], found.second[12]) == ("no practical difference", "no practical difference")
    assert found.contradicted == (2,)
    # Every other name: both halves have three of either kind.
    assert alternate_halves(sets(2.0, -2.0)).contradicted == ()
    assert alternate_halves(sets(2.0, -2.0)).first[2] == "undecided"
    # An undecided half contradicts nothing.
    wide = sets(2.0, 0.0) | {"l": sets(0.0, -20.0)["l"]}
    assert (halves(wide, "abcdef").first[2], halves(wide, "abcdef").second[2]) == ("supported", "undecided")
    assert halves(wide, "abcdef").contradicted == ()


def test_random_halves_differ_and_are_reproducible() -> None:
    planted = sets(2.0, -2.0)
    drawn = [each.first for each in random_halves(planted, 20, seed=1)]
    assert drawn == [each.first for each in random_halves(planted, 20, seed=1)]
    assert drawn != [each.first for each in random_halves(planted, 20, seed=2)]


def test_the_slope_on_rows_is_that_of_least_squares() -> None:
    rows, rng = [100, 200, 500, 1000, 2000, 2000], np.random.default_rng(0)
    values = (0.5 * np.log10(rows) + 0.1 * rng.standard_normal(6)).tolist()
    found = slope_on_rows(values, rows)
    assert found is not None
    known = stats.linregress(np.log10(rows), values)
    assert found.estimate == pytest.approx(known.slope)
    p_at_end = 2 * stats.t.sf((known.slope - found.interval[0]) / known.stderr, 4)
    assert p_at_end == pytest.approx(0.05)
    assert slope_on_rows([1.0, 2.0], [10, 20]) is None


def test_the_verdicts_of_the_evidence_are_those_of_one_task_by_its_own_metric() -> None:
    def entry(name: str, task: str, value: float, rows: int, group: str = "") -> EvidenceSet:
        return EvidenceSet(name, task, group or name, rows, (), {LEAKY.statement: [SetEstimate(value, 0.1)]})

    entries = [entry(f"c{n}", "classification", 2.0 + n / 10, 100 * (n + 1)) for n in range(6)]
    entries += [entry("c6", "classification", 2.0, 900, "c5"), *(entry(f"r{n}", "regression", 0.0, 50) for n in (0, 1))]
    entries[5] = entry("c5", "classification", 2.5, 600, "c5")
    evidence = Evidence("hash", tuple(entries), 9)
    (found,) = verdicts_of(evidence, CLASSIFICATION)
    assert (found.id, found.verdict, len(found.judged.data)) == (2, "supported", 6)
    (of_numbers,) = verdicts_of(evidence, REGRESSION)
    assert of_numbers.judged.name == "r2, leaky ReLU - ReLU"
    assert of_numbers.judged.estimate == 0.0
    assert rows_of(evidence, CLASSIFICATION)["c5 + c6"] == 750
    assert claims_about(REGRESSION)[1].contrasts[0].name == of_numbers.judged.name
