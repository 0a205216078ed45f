"""From outcomes to objective values and feasibility."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import make_problem

from study.config import ConfigError, StudyConfig
from study.data.split import Part, Split
from study.objectives import Judge
from study.tasks import METRICS
from study.training import Outcome
from study.training.outcome import Replicate

quick = settings(deadline=None, derandomize=True, max_examples=200)


def judge(guess: float = 0.4, samples: int = 50, **options: Any) -> Judge:
    return Judge(StudyConfig(**{"sparsity": "near_zero"} | options), guess, 1 / samples)


def outcome(*accuracies: float, diverged: int = 0, **scores: float) -> Outcome:
    """One replicate an accuracy, the first `diverged` of them diverged."""
    return Outcome(
        tuple(
            Replicate(
                diverged=number < diverged,
                scores={"accuracy": value, "balanced_accuracy": value / 2, "near_zero": 0.3 + number / 10, **scores},
            )
            for number, value in enumerate(accuracies)
        )
    )


def test_front() -> None:
    front = judge()
    assert front.metric_names == ["accuracy", "near_zero"]
    assert front.values(outcome(0.7, 0.9)) == pytest.approx([0.8, 0.35])
    assert front.reference_point == [0.4, 0.0]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_score_sparsity_and_floor_are_those_of_the_clamped_network(metric: str) -> None:
    scores = {"clamped_accuracy": 0.6, "clamped_balanced_accuracy": 0.6, "clamped_zeros": 0.7}
    clamped = judge(metric=metric, sparsity="clamped_zeros")
    assert clamped.metric_names == [f"clamped_{metric}", "clamped_zeros"]
    assert clamped.values(outcome(0.2, 0.9, **scores)) == pytest.approx([0.6, 0.7])
    assert clamped.constraint(outcome(0.2, 0.9, **scores)) == pytest.approx(0.42 - 0.6)
    assert clamped.constraint(outcome(0.99, 0.99, **scores | {f"clamped_{metric}": 0.41})) == pytest.approx(0.01)
    assert clamped.reference_point == [0.4, 0.0]


def test_under_cross_validation_each_seed_is_judged_by_its_mean_over_folds() -> None:
    folds = [uneven(), uneven(2), uneven(4)]
    alone = [Judge.of(StudyConfig(sparsity="near_zero"), fold) for fold in folds]
    judged = Judge.of(StudyConfig(sparsity="near_zero", cv=3), *folds)
    assert judged.floor == pytest.approx(sum(each.floor for each in alone) / 3)
    assert judged.step == min(each.step for each in alone) / 3  # one more right sample moves the mean by so much
    least = judged.least_score
    assert judged.constraint(outcome(least - 0.2, least, least + 0.2, 0.99, 0.99, 0.99)) <= 0
    assert judged.constraint(outcome(least - 0.3, least, least + 0.2, 0.99, 0.99, 0.99)) == pytest.approx(0.1 / 3)
    assert judged.constraint(outcome(0.99, 0.99, 0.99, least, least, least - 0.3)) == pytest.approx(0.1)
    assert judged.values(outcome(0.6, 0.7, 0.8))[0] == pytest.approx(0.7)


def test_front_of_another_metric_and_measure() -> None:
    front = judge(metric="balanced_accuracy", sparsity="gini")
    assert front.metric_names == ["balanced_accuracy", "gini"]
    assert front.values(outcome(0.7, 0.9, gini=0.6)) == pytest.approx([0.4, 0.6])


def test_weighted() -> None:
    weighted = judge(objective="weighted", sparsity_weight=0.5)
    assert weighted.metric_names == ["accuracy + 0.5 near_zero"]
    assert weighted.values(outcome(0.7, 0.9)) == pytest.approx([0.8 + 0.5 * 0.35])
    assert weighted.reference_point == [0.4]


def test_accuracy_alone() -> None:
    alone = judge(objective="accuracy")
    assert alone.metric_names == ["accuracy"]
    assert alone.values(outcome(0.7, 0.9)) == pytest.approx([0.8])
    assert alone.reference_point == [0.4]


@pytest.mark.parametrize("objective", ["front", "weighted", "accuracy"])
@pytest.mark.parametrize("diverged", [1, 2])
def test_a_diverged_trial_has_the_values_of_a_constant_guess(objective: str, diverged: int) -> None:
    """However good its other replicates are, and finite whatever the diverged ones say."""
    broken = outcome(math.nan, 0.99, diverged=diverged)
    judged = judge(objective=objective).values(broken)
    assert judged == ([0.4, 0.0] if objective == "front" else [0.4])


@pytest.mark.parametrize("options", [{}, {"min_accuracy": 0.6}, {"min_accuracy": 0.4}, {"metric": "balanced_accuracy"}])
def test_a_diverged_trial_is_infeasible(options: dict[str, Any]) -> None:
    assert judge(**options).constraint(outcome(0.99, 0.99, diverged=1)) > 0


@pytest.mark.parametrize("floor", [0.0, 0.2, 0.38])
def test_a_diverged_trial_is_infeasible_also_where_the_floor_lies_below_a_constant_guess(floor: float) -> None:
    assert judge(min_accuracy=floor).constraint(outcome(0.99, 0.99, diverged=1)) > 0


def test_the_worst_replicate_decides() -> None:
    """The floor of 0.4 on 50 samples asks for 0.42."""
    assert judge().constraint(outcome(0.9, 0.41, 0.95)) == pytest.approx(0.01)
    assert judge().constraint(outcome(0.9, 0.43, 0.95)) == pytest.approx(-0.01)
    assert judge().constraint(outcome(0.9, 0.9)) == pytest.approx(-0.48)
    assert judge(metric="balanced_accuracy").constraint(outcome(0.9, 0.7)) == pytest.approx(0.07)


@quick
@given(samples=st.integers(2, 200_000), data=st.data())
def test_one_sample_above_the_floor_is_exactly_feasible(samples: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, samples - 1))
    # As training counts it: the mean of zeros and ones in float64.
    accuracy = float(torch.tensor((right + 1) / samples, dtype=torch.float64))
    for strict in (judge(guess=right / samples, samples=samples), judge(samples=samples, min_accuracy=right / samples)):
        assert strict.floor == right / samples
        assert strict.constraint(outcome(9.0, accuracy)) == 0.0
        assert strict.constraint(outcome(9.0, strict.floor)) > 0.0
        assert strict.constraint(outcome(9.0, (right + 2) / samples)) < 0.0
        assert strict.constraint(outcome(9.0, max(0, right - 1) / samples)) > 0.0


def test_the_floor_is_the_majority_class_or_what_was_asked_for() -> None:
    assert judge().floor == 0.4
    assert judge(min_accuracy=0.7).floor == 0.7
    assert judge(min_accuracy=0.0).floor == 0.0


def uneven(without: int = 0) -> Split:
    """Three classes; the training part's largest is 1, that of the validation part, without some rows, is 0."""
    problem = make_problem(classes=3)
    training = Part(problem.training.x[:10], torch.tensor([1] * 6 + [0, 0, 0, 2]))
    rows = 8 - without
    validation = Part(problem.validation.x[:rows], torch.tensor([0, 0, 0, 0, 1, 1, 1, 2][:rows]))
    return Split(training, validation, problem.test, problem.classes, problem.features)


def test_the_judge_of_a_split() -> None:
    """A constant guess knows the training part only."""
    by_accuracy = Judge.of(StudyConfig(), uneven())
    assert (by_accuracy.constant_guess, by_accuracy.step) == (3 / 8, 1 / 8)
    balanced = Judge.of(StudyConfig(metric="balanced_accuracy"), uneven())
    assert balanced.constant_guess == pytest.approx(1 / 3)


def test_the_floor_asks_for_what_one_sample_is_worth_under_balanced_accuracy() -> None:
    """The largest class has 4 of 8 samples, and one of them adds 1/4 to one of three shares, which is below 1/8."""
    y = uneven().validation.y
    right = torch.where(y == 1, y, 1)
    one_more = right.clone()
    one_more[0] = 0
    guess, reached = METRICS["balanced_accuracy"].compute(torch.stack([right, one_more]), y).tolist()
    config = StudyConfig(metric="balanced_accuracy", sparsity="near_zero")
    judged = Judge.of(config, uneven())
    assert reached - guess == pytest.approx(judged.step) == 1 / 12
    assert judged.constraint(outcome(1.0, 1.0, balanced_accuracy=reached)) == 0.0
    assert judged.constraint(outcome(1.0, 1.0, balanced_accuracy=guess)) > 0.0
    assert Judge.of(config, uneven(), weigh_samples=False).step == 1 / 8


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "choose --metric balanced_accuracy, or a lower --min-accuracy"),
        ({"min_accuracy": 0.99}, "choose a lower --min-accuracy"),
        ({"metric": "balanced_accuracy", "min_accuracy": 0.99}, "choose a lower --min-accuracy"),
    ],
)
def test_a_floor_that_nothing_can_beat_is_refused_with_a_remedy(options: dict[str, Any], named: str) -> None:
    part = Part(torch.zeros(20, 2), torch.zeros(20, dtype=torch.int64))
    split = Split(part, part, part, ("often", "rare"), ("a", "b"))
    with pytest.raises(ConfigError, match=named):
        Judge.of(StudyConfig(**options), split)


@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e12])
def test_an_error_is_judged_alike_in_every_unit(unit: float) -> None:
    of_errors = Judge(StudyConfig(metric="rmse", sparsity="near_zero"), 2.0 * unit, 0.0)

    def violation(*errors: float) -> float:
        scores = [{"rmse": error * unit, "near_zero": 0.0} for error in errors]
        return of_errors.constraint(Outcome(tuple(Replicate(diverged=False, scores=each) for each in scores)))

    assert violation(1.0, 1.999) < 0 < violation(1.0, 2.0)
    assert violation(1.0, 2.001) > 0
