"""Advice from trials made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from scipy import stats
from trials import own_trial

from study.config import StudyConfig
from study.data.split import Part
from study.records.own_trials import OwnTrial
from study.search.advice import Advice, advice_rows, advise
from study.search.fresh_front import FreshFront, FreshTrial, fresh_front
from study.search.front import Front
from study.search.retraining import ResultsOnTest
from study.tasks import METRICS

CONFIG = StudyConfig(data="iris", seeds=2, sparsity="near_zero")
TEST = Part(torch.zeros(100, 1), torch.arange(100) % 4)


def searched(number: int, scores: tuple[float, ...], sparsity: float, **params: Any) -> OwnTrial:
    used = {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.0, **params}
    return own_trial(number, scores, sparsity, **used)


def rows(score: float, sparsity: float, *, validation: float | None = None) -> list[Mapping[str, float]]:
    """Ten fresh seeds around given means; validation as on test where nothing else is said."""
    steps = [0.002 * (step - 4.5) for step in range(10)]
    return [
        {
            "test_accuracy": score + step,
            "test_near_zero": sparsity,
            "validation": (score if validation is None else validation) + step,
            "validation_sparsity": sparsity,
        }
        for step in steps
    ]


def front_of(fresh: ResultsOnTest, members: list[OwnTrial], recommended: int) -> FreshFront:
    by_number = {member.number: member for member in members}
    found = Front(tuple(members), by_number[recommended], by_number.get(0))
    return fresh_front(found, fresh, fresh, CONFIG, TEST)


def advice_of(fresh: ResultsOnTest, members: list[OwnTrial], recommended: int) -> Advice:
    return advise(front_of(fresh, members, recommended), CONFIG)


BASELINE = searched(0, (0.90, 0.90), 0.3)
WINNER = searched(7, (0.94, 0.94), 0.4, activation="leaky_relu", negative_slope=0.1, dropout=0.2)
SPARSE = searched(9, (0.80, 0.80), 0.7, dropout=0.5)


def test_five_lines_say_what_survived() -> None:
    fresh = {0: rows(0.90, 0.3), 7: rows(0.92, 0.35), 9: rows(0.80, 0.7)}
    advice = advice_of(fresh, [WINNER, BASELINE, SPARSE], recommended=7)
    assert len(advice.lines) == 5
    assert advice.use == (
        "use trial 7: leaky_relu (slope 0.1), kaiming_normal, dropout 0.2, learning rate 0.001, layers 64 × 64"
    )
    assert advice.why.startswith(
        "why: chosen by 92.00 % validation accuracy with 35.0 % near_zero over 10 fresh seeds; "
    )
    assert "over 10 others 92.00 % test accuracy (91.57 … 92.43, ± 2.71 for a test part of 100 samples)" in advice.why
    assert "+2.00 pp (+2.00 … +2.00) against the baseline, trial 0, 5.0 pp more near_zero" in advice.why
    assert "of +4.00 pp validation accuracy that trial 7" in advice.survived
    assert "+2.00 pp on fresh ones (50%); of +10.0 pp near_zero, +5.0 pp (50%)" in advice.survived
    assert "against the best of the others, trial 0" in advice.cost
    assert advice.cost.endswith("; it is expected to lie 0.00 points below the truly best of the front")
    assert advice.close.startswith("too close to call: nothing")


def test_other_data_sets_have_a_line_where_any_are_known() -> None:
    front = front_of({0: rows(0.90, 0.3), 7: rows(0.92, 0.35)}, [WINNER, BASELINE], recommended=7)
    assert advise(front, CONFIG, "on 20 other data sets").lines[5:] == ("elsewhere: on 20 other data sets",)


def test_a_choice_that_does_not_hold_on_fresh_seeds_is_dropped() -> None:
    fresh = {0: rows(0.90, 0.3), 7: rows(0.85, 0.4), 9: rows(0.80, 0.7)}
    advice = advice_of(fresh, [WINNER, BASELINE, SPARSE], recommended=7)
    assert advice.use.startswith("use trial 0: relu")
    assert "it is the baseline itself" in advice.why
    assert "-5.00 pp on fresh ones (0%)" in advice.survived
    assert advice.survived.endswith("the choice is therefore another")


def test_the_choice_reads_validation_and_not_test() -> None:
    fresh = {0: rows(0.99, 0.3, validation=0.80), 7: rows(0.85, 0.4, validation=0.95)}
    front = front_of(fresh, [WINNER, BASELINE], recommended=7)
    assert front.recommended.searched.number == 7
    assert front.recommended.score == pytest.approx(0.85)


def test_a_baseline_off_the_front_is_not_said_to_be_on_it() -> None:
    """It is trained on fresh seeds with the front, and compared with it."""
    fresh = {0: rows(0.80, 0.1), 7: rows(0.92, 0.35)}
    found = fresh_front(Front((WINNER,), WINNER, BASELINE), fresh, fresh, CONFIG, TEST)
    advice = advise(found, CONFIG)
    assert (
        advice.close
        == "too close to call: nothing; all others that were trained on fresh seeds differ by more than 0.5 pp"
    )
    alone = fresh_front(Front((BASELINE,), BASELINE, BASELINE), fresh, fresh, CONFIG, TEST)
    assert advise(alone, CONFIG).close == "too close to call: nothing; no other trial was trained on fresh seeds"


def test_intervals_are_paired_t_intervals() -> None:
    front = front_of({0: rows(0.9, 0.3), 7: rows(0.92, 0.4)}, [WINNER, BASELINE], recommended=7)
    ours, theirs = (0.9, 0.93, 0.95), (0.88, 0.93, 0.90)
    first = FreshTrial(WINNER, WINNER, ours, (0.1,) * 3)
    second = FreshTrial(BASELINE, BASELINE, theirs, (0.1,) * 3)
    mean, interval = first.minus(second)
    expected = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert interval == pytest.approx((expected.low, expected.high))
    assert mean == pytest.approx(0.07 / 3)
    low, high = front.recommended.interval(METRICS["accuracy"])
    assert low < 0.92 < high


def test_what_is_within_half_a_point_is_too_close() -> None:
    fresh = {0: rows(0.918, 0.3), 7: rows(0.92, 0.35), 9: rows(0.80, 0.7)}
    advice = advice_of(fresh, [WINNER, BASELINE, SPARSE], recommended=7)
    assert advice.close == "too close to call: trial 0: the intervals of the difference reach into ±0.5 pp"


def test_what_the_networks_reach_as_trained_is_said_where_the_clamped_ones_are_judged() -> None:
    config = StudyConfig(data="iris", seeds=2)
    fresh = {
        number: [
            row
            | {"test_clamped_accuracy": row["test_accuracy"] - 0.003, "test_clamped_zeros": 0.4}
            | {"validation_as_trained": row["validation"]}
            for row in rows(score, 0.3)
        ]
        for number, score in ((0, 0.90), (7, 0.92))
    }
    front = fresh_front(Front((WINNER, BASELINE), WINNER, BASELINE), fresh, fresh, config, TEST)
    why = advise(front, config).why
    assert "over 10 others 91.70 % test clamped_accuracy" in why
    assert "as trained, small activations kept, accuracy is 92.00 %: setting them to 0 changes it by -0.30 pp" in why
    recommended = advice_rows(advise(front, config), config)[0]
    assert (recommended["test_clamped_accuracy"], recommended["test_accuracy"]) == pytest.approx((0.917, 0.92))
