"""Reference models: trained in steps, they are what scikit-learn trains at once."""

from __future__ import annotations

import numpy as np
import pytest
from problems import make_problem
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from study.tasks import reference_models
from study.tasks.reference_models import boosted_trees, logistic_regression


def test_logistic_regression_converges_to_what_one_call_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    split = make_problem(rows=300)
    x, y = split.training.x.numpy().astype("float64"), split.training.y.numpy()
    monkeypatch.setattr(reference_models, "_ITERATIONS_AT_ONCE", 5)
    steps = [model.coef_.copy() for model in logistic_regression(x, y, 0)]
    assert len(steps) > 1
    whole = LogisticRegression(max_iter=2000).fit(x, y)
    np.testing.assert_allclose(steps[-1], whole.coef_, atol=2e-2)


@pytest.mark.parametrize("rows", [90, 10_100])
def test_boosted_trees_are_those_of_one_call(rows: int) -> None:
    """Above 10,000 rows a part is held back for early stopping."""
    split = make_problem(rows=rows, features=3, classes=2)
    x, y = split.training.x.numpy(), split.training.y.numpy()
    *_, model = boosted_trees(x, y, 7)
    whole = HistGradientBoostingClassifier(random_state=7).fit(x, y)
    assert model.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(model.predict_proba(x), whole.predict_proba(x))
