"""Models of scikit-learn by which a search's networks are judged from outside: a linear one, and boosted trees."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_ROUNDS, _ROUNDS_AT_ONCE = 100, 5
"""Rounds of boosting, scikit-learn's default, and how many of them are made between two looks at the clock."""
_ITERATIONS, _ITERATIONS_AT_ONCE = 2000, 50


@dataclass(frozen=True, kw_only=True)
class ReferenceModel:
    """A model that a task's networks are compared with, trained on the same inputs.

    Attributes:
        name: Name under which its scores are stored.
        text: Its name for a reader.
        train: From `[N, F]` inputs, `[N]` targets and a seed: yields the model as it is trained step by step, so that
            training can be stopped between two steps; the last one is the trained model.
    """

    name: str
    text: str
    train: Callable[[Any, Any, int], Iterator[Any]]


def logistic_regression(x: Any, y: Any, seed: int) -> Iterator[Any]:
    """scikit-learn's `LogisticRegression` with its defaults (L2, C = 1), until it has converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(warm_start=True, max_iter=_ITERATIONS_AT_ONCE, random_state=seed)
    for _ in range(_ITERATIONS // _ITERATIONS_AT_ONCE):
        with warnings.catch_warnings():
            # Training goes on from where these few iterations ended.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x, y)
        yield model
        if max(model.n_iter_) < _ITERATIONS_AT_ONCE:
            return


def boosted_trees(x: Any, y: Any, seed: int) -> Iterator[Any]:
    """scikit-learn's `HistGradientBoostingClassifier` with its defaults.

    From 10,000 samples on they hold a tenth of the training part back to stop early.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _boosted(HistGradientBoostingClassifier(warm_start=True, random_state=seed), x, y)


def ridge_regression(x: Any, y: Any, seed: int) -> Iterator[Any]:
    """scikit-learn's `Ridge` with its defaults (L2, α = 1)."""
    from sklearn.linear_model import Ridge

    yield Ridge(random_state=seed).fit(x, y)


def boosted_regression_trees(x: Any, y: Any, seed: int) -> Iterator[Any]:
    """scikit-learn's `HistGradientBoostingRegressor` with its defaults, as `boosted_trees`."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return _boosted(HistGradientBoostingRegressor(warm_start=True, random_state=seed), x, y)


def _boosted(model: Any, x: Any, y: Any) -> Iterator[Any]:
    """A model of boosted trees with more and more rounds."""
    for rounds in range(_ROUNDS_AT_ONCE, _ROUNDS + 1, _ROUNDS_AT_ONCE):
        model.set_params(max_iter=rounds).fit(x, y)
        yield model
        if model.n_iter_ < rounds:
            return


RIDGE_REGRESSION = ReferenceModel(name="ridge_regression", text="ridge regression", train=ridge_regression)
LOGISTIC_REGRESSION = ReferenceModel(name="logistic_regression", text="logistic regression", train=logistic_regression)
BOOSTED_TREES = ReferenceModel(name="boosted_trees", text="gradient boosting", train=boosted_trees)
BOOSTED_REGRESSION_TREES = ReferenceModel(
    name="boosted_trees", text="gradient boosting", train=boosted_regression_trees
)
