"""Verdicts over data sets, against Student's test, the sign test and order statistics by SciPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from comparisons import comparison
from scipy import stats

from study.comparison.across_data_sets import compare_data_sets, estimates_of, judge_across
from study.comparison.averages import Mean, Median
from study.comparison.claims import CLAIMS, Claim, ClaimContrast
from study.comparison.set_estimates import SetEstimate
from study.intervals import Region

EFFECTS = (0.4, 0.9, 1.3, -0.2, 0.7)
COMPARISONS = [comparison(name, (0.9, 0.8, 0.85, 1.0), effect) for name, effect in zip("abcde", EFFECTS, strict=True)]


def claim(number: int, *regions: Region, skewed: bool = False) -> Claim:
    parts = [
        ClaimContrast(f"part {n}", lambda *_: np.empty(0), "pp", region, skewed=skewed)
        for n, region in enumerate(regions)
    ]
    return Claim(number, f"claim {number}", "test", tuple(parts))


def sets_of(columns: dict[str, list[float]], error: float | None = 0.1) -> dict[str, dict[str, list[SetEstimate]]]:
    count = len(next(iter(columns.values())))
    return {
        f"set {place}": {name: [SetEstimate(values[place], error)] for name, values in columns.items()}
        for place in range(count)
    }


def test_the_mean_has_students_interval_and_counts_each_data_set_once() -> None:
    several = compare_data_sets(COMPARISONS)
    assert several.data == ("a", "b", "c", "d", "e")
    # The clock does not depend on data.
    assert {claim.id for claim in several.claims} == {claim.id for claim in CLAIMS} - {9}
    contrast = next(claim for claim in several.claims if claim.id == 2).contrasts[0]
    known = stats.ttest_1samp(EFFECTS, 0.0).confidence_interval(0.95)
    assert contrast.estimate == pytest.approx(np.mean(EFFECTS))
    assert contrast.interval == pytest.approx((known.low, known.high))
    assert contrast.error == pytest.approx(stats.ttest_1samp(EFFECTS, 0.5).pvalue)
    assert contrast.shares == pytest.approx((0.0, 2 / 5, 3 / 5))
    assert contrast.leave_one_out == pytest.approx((np.mean((0.4, 0.9, -0.2, 0.7)), np.mean((0.4, 0.9, 1.3, 0.7))))
    # Two values a data set, 0.1 away from their mean: independent here, whatever the data set's own interval takes.
    assert contrast.standard_errors == pytest.approx([0.1 * np.sqrt(2) * np.sqrt(1 / 2)] * 5)


def test_skewed_contrasts_and_shares_are_judged_by_their_median() -> None:
    claims = {claim.id: claim for claim in compare_data_sets(COMPARISONS).claims}
    assert [part.average for part in claims[3].contrasts] == ["median", "mean"]
    assert {part.average for number in (1, 4, 7, 8) for part in claims[number].contrasts} == {"median"}
    assert claims[3].contrasts[0].estimate == pytest.approx(np.median(EFFECTS))
    # Five values give no interval of 95 %: 2 / 2^5 is more than 0.05.
    assert claims[3].contrasts[0].interval is None
    assert claims[3].contrasts[0].verdict == "undecided"


def test_the_median_leaves_a_bound_out_where_the_sign_test_rejects_it() -> None:
    values = np.random.default_rng(3).exponential(2.0, 17)
    low, high = Median().interval(values, 0.95) or (np.nan, np.nan)
    for bound in (low - 1e-9, low + 1e-9, high - 1e-9, high + 1e-9):
        p = stats.binomtest(int((values > bound).sum()), 17).pvalue
        assert (p < 0.05) == (not low <= bound <= high)
        region = Region((bound - 50.0, bound)) if bound < np.median(values) else Region((bound, bound + 50.0))
        assert Median().error(values, region) == pytest.approx(p)


@pytest.mark.parametrize("average", [Mean(), Median()])
@pytest.mark.parametrize("centre", [-1.0, -0.3, 0.2, 0.6, 1.1])
def test_the_error_of_an_average_is_that_at_which_its_interval_decides(average: Mean | Median, centre: float) -> None:
    values, region = centre + np.random.default_rng(5).normal(0.0, 0.4, 20), Region((-0.5, 0.5))
    error = average.error(values, region)
    if error < 0.99:
        assert region.verdict(average.interval(values, 1.0 - 1.001 * error)) != "undecided"
        assert region.verdict(average.interval(values, 1.0 - 0.999 * error)) == "undecided"


def test_holms_procedure_shares_the_error_over_claims() -> None:
    """A mean just beyond the region is decided alone, and not among ten claims of which nothing is known."""
    clear, region = [0.74, 0.78, 0.7, 0.81, 0.69, 0.55, 0.72], Region((-0.5, 0.5))
    assert 0.0005 < Mean().error(np.array(clear), region) < 0.005
    noise = np.random.default_rng(1).normal(0.0, 5.0, (20, 7)).tolist()
    alone = judge_across(sets_of({"claim 1": clear}), [claim(1, region)])
    among = judge_across(
        sets_of({f"claim {n}": clear if n == 1 else noise[n - 2] for n in range(1, 21)}),
        [claim(n, region) for n in range(1, 21)],
    )
    assert alone[0].verdict == "supported"
    assert among[0].verdict == ("supported" if alone[0].p <= 0.05 / 20 else "undecided")
    assert among[0].p == pytest.approx(min(1.0, 20 * alone[0].p))


def test_on_average_and_on_a_new_data_set_are_two_questions() -> None:
    """A mean beyond the region for certain, of effects that differ so much that a new one may lie anywhere."""
    values = (1.0 + 1.5 * np.sin(np.arange(60))).tolist()
    found = judge_across(sets_of({"claim 1": values}), [claim(1, Region((-0.5, 0.5)))])[0]
    assert (found.verdict, found.verdict_on_new) == ("supported", "undecided")
    alike = judge_across(sets_of({"claim 1": [1.0 + 0.01 * n for n in range(6)]}), [claim(1, Region((-0.5, 0.5)))])[0]
    assert (alike.verdict, alike.verdict_on_new) == ("supported", "supported")


def test_a_claim_needs_all_its_contrasts_on_average() -> None:
    both = claim(1, Region((-0.5, 0.5)), Region((-0.5, 0.5)))
    sets = {f"{n}": {"claim 1": [SetEstimate(2.0 + 0.01 * n, 0.1), SetEstimate(0.0 + 0.01 * n, 0.1)]} for n in range(8)}
    found = judge_across(sets, [both])[0]
    assert (found.verdict, found.judged.name) == ("no practical difference", "part 1")


def test_a_data_set_without_an_estimate_counts_for_the_others_alone() -> None:
    sets = sets_of({"claim 1": [0.1, 0.2, 0.3], "claim 2": [1.0, 2.0, 3.0]})
    sets["set 0"] = {"claim 1": [None], "claim 2": sets["set 0"]["claim 2"]}  # type: ignore[list-item]
    sets["set 1"] = {"claim 2": sets["set 1"]["claim 2"]}
    first, second = judge_across(sets, [claim(1, Region((-0.5, 0.5))), claim(2, Region((-0.5, 0.5)))])
    assert (first.judged.data, second.judged.data) == (("set 2",), ("set 0", "set 1", "set 2"))
    assert (first.judged.estimate, first.judged.interval, first.verdict) == (0.3, None, "undecided")
    assert second.judged.estimate == pytest.approx(2.0)


def test_intervals_end_where_their_contrast_ends() -> None:
    wide = [claim(1, replace(Region((0.0, 1.0)), limit=99.0, domain=(0.0, 100.0)))]
    contrast = judge_across(sets_of({"claim 1": [0.0, 60.0, 100.0]}), wide)[0].judged
    assert contrast.interval == contrast.prediction_interval == (0.0, 100.0)


def test_estimates_are_those_of_the_comparison_with_the_errors_that_its_seeds_show() -> None:
    found = estimates_of(COMPARISONS[0])
    assert [*found] == [claim.statement for claim in CLAIMS]
    values = np.array(COMPARISONS[0].verdicts[1].estimates[0].values)
    error = values.std(ddof=1) / len(values) ** 0.5
    assert found[CLAIMS[1].statement][0] == SetEstimate(pytest.approx(0.4), pytest.approx(error))  # type: ignore[arg-type]
    assert error == pytest.approx(0.1)
