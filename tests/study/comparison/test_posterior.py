"""Own data and those of others: closed forms, who wins where they contradict each other, and how often it holds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from study.comparison.across_data_sets import distribution_of_new
from study.comparison.posterior import Posterior, posterior
from study.comparison.set_estimates import SetEstimate
from study.intervals import Region

REGION = Region((-0.5, 0.5))
OTHERS = [SetEstimate(value, 0.1) for value in (-0.4, -0.2, 0.0, 0.1, 0.2, 0.3, 0.4, 0.6)]


def judged(value: float, error: float, *, freedom: int = 9, region: Region = REGION) -> Posterior:
    found = posterior(SetEstimate(value, error), freedom, OTHERS, region)
    assert found is not None
    return found


def test_own_data_that_say_nothing_leave_the_prior() -> None:
    prior, found = distribution_of_new(OTHERS), judged(0.0, 1e4)
    low, high = prior.interval(0.95)
    wide = stats.t(3, prior.centre, (high - low) / 2)
    for probability, bound in ((found.below, -0.5), (1.0 - found.above, 0.5)):
        assert_allclose(probability, 0.8 * prior.below(bound) + 0.2 * wide.cdf(bound), atol=1e-3)
    assert_allclose(found.estimate, prior.centre, atol=0.01)
    assert (found.data_sets, found.contradicts) == (8, False)


def test_own_data_that_are_certain_say_all() -> None:
    found = judged(0.3, 1e-3)
    low, high = stats.t(9, 0.3, 1e-3).interval(0.95)
    assert_allclose((found.estimate, *found.interval), (0.3, low, high), atol=1e-4)
    assert (found.verdict, found.inside > 0.999) == ("no practical difference", True)


def test_a_normal_prior_and_a_normal_likelihood_are_weighted_by_their_precision() -> None:
    """Without the wide part, and where the spread over data sets is certain, this is the textbook's posterior."""
    values = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    many = [SetEstimate(float(value), 1e-6) for value in values]
    found = posterior(SetEstimate(1.0, 0.5), 10**6, many, REGION)
    assert found is not None
    precision = 1 + 1 / 0.25
    # The wide part, of twice the spread, moves the mean by its share of the prior's density there.
    assert_allclose(found.estimate, (1.0 / 0.25) / precision, atol=0.02)
    assert_allclose(np.subtract(*found.interval[::-1]), 2 * 1.96 / precision**0.5, atol=0.06)


def test_far_from_all_others_the_own_data_win_and_the_contradiction_is_said() -> None:
    near, far = judged(0.4, 0.2), judged(8.0, 0.2)
    assert (near.contradicts, far.contradicts) == (False, True)
    assert_allclose(far.estimate, 8.0, atol=0.1)
    assert (far.verdict, far.conflict < 0.02) == ("supported", True)
    assert_allclose(judged(1e9, 1e-3).estimate, 1e9)


@pytest.mark.parametrize("value", [-3.0, 0.0, 0.49, 2.0])
@pytest.mark.parametrize("error", [0.01, 0.3, 5.0])
def test_probabilities_add_to_one_and_the_interval_has_95_per_cent(value: float, error: float) -> None:
    found = judged(value, error)
    assert_allclose(found.below + found.inside + found.above, 1.0)
    assert min(found.below, found.inside, found.above) >= -1e-12
    low, high = found.interval
    beyond = judged(value, error, region=Region((low, high)))
    assert_allclose((beyond.below, beyond.above), (0.025, 0.025), atol=1e-4)


def test_a_share_stays_within_its_domain() -> None:
    region = Region((0.0, 1.0), limit=99.0, domain=(0.0, 100.0))
    found = posterior(SetEstimate(0.2, 2.0), 4, [SetEstimate(v, 1.0) for v in (0.0, 3.0, 10.0)], region)
    assert found is not None
    assert (0 <= found.interval[0] < found.interval[1] <= 100, found.below) == (True, 0.0)


def test_without_an_error_or_with_two_others_there_is_none() -> None:
    assert posterior(SetEstimate(0.1, None), 9, OTHERS, REGION) is None
    assert posterior(SetEstimate(0.1, 0.0), 9, OTHERS, REGION) is None
    assert posterior(SetEstimate(0.1, 0.1), 0, OTHERS, REGION) is None
    assert posterior(SetEstimate(0.1, 0.1), 9, OTHERS[:2], REGION) is None


def test_intervals_hold_the_effects_of_users_who_are_like_the_others_and_of_those_who_are_not() -> None:
    """Effects with a standard deviation of 0.4 over data sets, own errors of 0.5; every eighth user is an outlier."""
    rng, held = np.random.default_rng(5), {"like": [], "unlike": []}  # type: dict[str, list[bool]]
    for number in range(160):
        effects = rng.normal(0.2, 0.4, 20)
        others = [SetEstimate(float(rng.normal(effect, 0.3)), 0.3) for effect in effects]
        unlike = number % 8 == 7
        effect = 0.2 + (1.6 if unlike else rng.normal(0.0, 0.4))
        own = rng.normal(effect, 0.5 * 10**0.5, 10)
        found = posterior(SetEstimate(float(own.mean()), float(own.std(ddof=1)) / 10**0.5), 9, others, REGION)
        assert found is not None
        held["unlike" if unlike else "like"].append(found.interval[0] <= effect <= found.interval[1])
    assert np.mean(held["like"]) >= 0.91
    assert np.mean(held["unlike"]) >= 0.6
