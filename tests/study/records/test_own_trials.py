"""Own trials: which they are, and what is read of them."""

from __future__ import annotations

import math
import statistics

import pytest
from optuna.trial import TrialState, create_trial
from trials import IDENTITY, SPACE, finished, own, own_trial

from search_spaces import Hyperparameters
from study.config import StudyConfig
from study.records.attributes import BY_SEED
from study.records.own_trials import own_trials


def test_only_finished_trials_that_the_study_trained_are_its_own() -> None:
    stranger = create_trial(values=[1.0, 1.0])
    copied = finished(2, [1.0, 1.0, 1.0], 1.0, identity="fed321")
    waiting = create_trial(state=TrialState.WAITING)
    assert [trial.number for trial in own(stranger, copied, waiting, finished(1, [0.9, 0.9], 0.2))] == [1]


def test_what_is_read() -> None:
    params = {"activation": "prelu", "negative_slope": 0.3, "width": 32, "depth": 3, "learning_rate": 0.01}
    trial = own_trial(5, [0.9, 0.8], 0.2, **params)
    assert (trial.number, trial.params, trial.values) == (5, params, (pytest.approx(0.85), 0.2))
    assert trial.hyperparameters == Hyperparameters(
        activation="prelu", negative_slope=0.3, learning_rate=0.01, hidden=(32, 32, 32)
    )
    assert (trial.scores, trial.sparsity, trial.dead, trial.test_score) == ((0.9, 0.8), 0.2, 0.0, None)
    assert trial.by_seed["accuracy"] == [0.9, 0.8]


def test_a_trial_of_a_study_of_clamped_networks_has_both_scores() -> None:
    trial = finished(5, [0.9, 0.8], 0.2, activation="relu")
    by_seed = trial.system_attrs[BY_SEED]
    by_seed["clamped_accuracy"], by_seed["clamped_balanced_accuracy"] = [0.85, 0.75], [0.6, 0.5]
    by_seed["balanced_accuracy"] = [0.7, 0.7]
    trial.user_attrs["clamped_zeros"] = 0.4
    for metric, judged, plain in (("accuracy", (0.85, 0.75), 0.85), ("balanced_accuracy", (0.6, 0.5), 0.7)):
        config = StudyConfig(metric=metric)
        (read,) = own_trials([trial], config=config, space=SPACE, identity=IDENTITY)
        assert (read.scores, read.sparsity) == (judged, 0.4)
        assert read.plain_score == pytest.approx(plain)
    (read,) = own(trial)
    assert (read.scores, read.plain_score, read.sparsity) == ((0.9, 0.8), pytest.approx(0.85), 0.2)


def test_feasible_trials_violate_no_constraint() -> None:
    assert own_trial(0, [0.9], 0.1, constraint=0.0).feasible
    assert not own_trial(0, [0.9], 0.1, constraint=1e-9).feasible


def test_a_diverged_trial_is_not_sparse() -> None:
    trial = own_trial(0, [0.1, 0.9], 0.8, diverged=True)
    assert trial.diverged
    assert trial.sparsity == 0.0


def test_differences_are_paired() -> None:
    ours, theirs = own_trial(1, [0.90, 0.80, 0.85], 0.1), own_trial(2, [0.89, 0.78, 0.85], 0.1)
    mean, error = ours.difference(theirs)
    assert mean == pytest.approx(0.01)
    assert error == pytest.approx(statistics.stdev([0.01, 0.02, 0.0]) / math.sqrt(3))
    assert ours.standard_error == pytest.approx(statistics.stdev([0.9, 0.8, 0.85]) / math.sqrt(3))


def test_one_seed_has_no_standard_error() -> None:
    one, other = own_trial(0, [0.9], 0.5), own_trial(1, [0.95], 0.1)
    assert one.standard_error is None
    assert one.difference(other) == (pytest.approx(-0.05), None)
