"""A trial in words names every hyperparameter that has an effect, the same in advice, report and dashboard."""

from __future__ import annotations

from typing import Any

import pytest
from trials import CONFIG, own_trial

from search_spaces import ACTIVATIONS, Hyperparameters
from study.report.dashboard_figures import advice_note
from study.report.search_data import SearchData
from study.report.search_page import answer
from study.search.description import describe, settings
from study.search.front import Front
from study.wording import markdown

EVERYTHING: dict[str, Any] = {
    "activation": "prelu",
    "negative_slope": 0.3,
    "initialization": "orthogonal",
    "dropout": 0.2,
    "learning_rate": 0.004,
    "weight_decay": 0.00002,
    "width": 32,
    "depth": 3,
}


def test_words_name_every_value() -> None:
    used = own_trial(3, [0.9, 0.9], 0.2, **EVERYTHING).hyperparameters
    assert describe(used) == (
        "prelu (slope 0.3), orthogonal, dropout 0.2, learning rate 0.004, weight decay 2e-05, layers 32 × 32 × 32"
    )


def test_an_l1_penalty_is_named() -> None:
    assert "l1 0.001" in describe(Hyperparameters(l1=0.001))
    assert "l1" not in describe(Hyperparameters())
    assert "l2 0.01" in describe(Hyperparameters(l2=0.01))


def test_biases_are_named_where_they_start_elsewhere_than_at_zero() -> None:
    assert describe(Hyperparameters(bias=-0.1)).endswith("biases from -0.1")
    assert settings(Hyperparameters(bias=0.1))["bias"] == 0.1
    assert "bias" not in settings(Hyperparameters())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_slope_is_named_where_there_is_one(activation: str) -> None:
    used = Hyperparameters(activation=activation, negative_slope=0.17)
    has_one = ACTIVATIONS[activation].slope != "none"
    assert ("slope 0.17" in describe(used)) == has_one
    assert ("negative_slope" in settings(used)) == has_one


@pytest.mark.parametrize("activation", ["prelu", "leaky_relu"])
def test_report_and_dashboard_name_what_the_recommended_trial_needs(activation: str) -> None:
    """Guards against a recommended PReLU without its slope, and a note without learning rate, width and depth."""
    recommended = own_trial(3, [0.9, 0.92], 0.2, **{**EVERYTHING, "activation": activation})
    baseline = own_trial(0, [0.8, 0.82], 0.3, activation="relu", initialization="kaiming_normal", dropout=0.0)
    front = Front((recommended,), recommended, baseline)
    data = SearchData(CONFIG, front, (baseline, recommended))
    words = describe(recommended.hyperparameters)
    sentence, _, against, *_ = answer(CONFIG, front)
    assert sentence == f"Use {words} (trial 3)."
    assert describe(baseline.hyperparameters) in against
    assert advice_note(data).startswith(f"**Use trial 3**: {markdown(words)}: validation accuracy 91.00 %")
    assert data.hover(recommended).replace("<br>", " ").startswith(f"trial 3: {words} accuracy 91.00 %")
