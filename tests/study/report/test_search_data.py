"""What a report says that mattered, on trials of which it is known."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.trial import FrozenTrial
from trials import IDENTITY, finished

from study.report import search_data
from study.report.search_data import importances
from study.report.training_figures import importance


def planted(count: int) -> list[FrozenTrial]:
    """Trials whose high scores depend on the activation; dropout tells low scores apart, and decides the sparsity."""
    random = np.random.default_rng(0)
    trials = []
    for number in range(count):
        activation, dropout = random.choice(["relu", "tanh", "gelu"]), float(random.uniform(0, 0.6))
        score = {"relu": 0.9, "tanh": 0.8, "gelu": 0.7}[activation] + 0.05 * dropout
        trials.append(finished(number, [score], dropout, activation=str(activation), dropout=dropout))
    return trials


def test_what_mattered_is_a_decomposition_of_variance() -> None:
    """Guards against importances of low values, which is what PED-ANOVA makes of a target."""
    importance_of = importances(planted(120), IDENTITY, ["accuracy", "near_zero"])
    found = importance_of.shares
    assert found["accuracy"]["activation"].share > 0.9
    assert found["accuracy"]["dropout"].share < 0.1
    assert found["near_zero"]["dropout"].share > 0.9
    for each in found.values():
        assert sum(parameter.share for parameter in each.values()) <= 1 + 1e-9
        assert all(0 <= parameter.spread < 0.1 for parameter in each.values())
    section = importance(importance_of)
    assert "fitted to the 120 feasible trials" in section.sentence
    assert "functional ANOVA" in section.sentence
    for bars, objective in zip(section.panels[0].figure.data, ("accuracy", "near_zero"), strict=True):
        shares = dict(zip(bars.y, bars.x, strict=True))
        assert shares == pytest.approx({name: 100 * each.share for name, each in found[objective].items()})
        assert len(bars.error_x["array"]) == len(shares)


def test_infeasible_trials_have_no_say() -> None:
    trials = planted(60)
    odd = [finished(100 + k, [0.1], 0.9, constraint=1.0, activation="elu", dropout=0.6) for k in range(60)]
    names = ["accuracy", "near_zero"]
    assert importances([*trials, *odd], IDENTITY, names) == importances(trials, IDENTITY, names)


def test_a_forest_of_part_of_the_trials_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_data, "_MOST_IN_FOREST", 50)
    section = importance(importances(planted(60), IDENTITY, ["accuracy", "near_zero"]))
    assert "fitted to 30 of the 60 feasible trials" in section.sentence


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_trials_say_that_they_are(count: int) -> None:
    section = importance(importances(planted(count), IDENTITY, ["accuracy", "near_zero"]))
    assert section.panels == ()
    assert section.sentence.startswith(
        f"{count} feasible trials, or trials that are all alike, do not say what mattered"
    )
