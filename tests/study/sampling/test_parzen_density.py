"""The density is Optuna's own, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator

from study.sampling import candidates, parzen_density
from study.sampling.parzen_density import log_density

CONTINUOUS: dict[str, BaseDistribution] = {
    "activation": CategoricalDistribution(["relu", "elu", "tanh"]),
    "negative_slope": FloatDistribution(0.001, 0.7, log=True),
    "dropout": FloatDistribution(0.0, 0.6),
    "initialization": CategoricalDistribution(["a", "b"]),
    "learning_rate": FloatDistribution(1e-4, 1e-1, log=True),
}
STEPS: dict[str, BaseDistribution] = {"width": IntDistribution(8, 64, step=8), "dropout": FloatDistribution(0, 1)}


def points(space: dict[str, BaseDistribution], count: int, rng: np.random.RandomState) -> dict[str, np.ndarray]:
    return {
        name: np.array(
            [
                distribution.to_internal_repr(value)
                for value in (
                    rng.choice(distribution.choices, count)
                    if isinstance(distribution, CategoricalDistribution)
                    else rng.uniform(distribution.low, distribution.high, count)  # type: ignore[attr-defined]
                    if getattr(distribution, "step", None) is None
                    else rng.choice(np.arange(8, 65, 8), count)
                )
            ],
            dtype=float,
        )
        for name, distribution in space.items()
    }


@pytest.mark.parametrize("space", [CONTINUOUS, STEPS, {"one": CONTINUOUS["dropout"]}])
@pytest.mark.parametrize("kernels", [0, 1, 7, 300])
def test_it_is_that_of_optuna_to_the_bit(space: dict[str, BaseDistribution], kernels: int) -> None:
    rng = np.random.RandomState(kernels)
    estimator = _ParzenEstimator(points(space, kernels, rng), space, candidates._PARZEN)
    for count in (1, 24, 193):
        drawn = points(space, count, rng)
        assert np.array_equal(log_density(estimator, drawn), estimator.log_pdf(drawn))


def test_a_point_beyond_a_bound_is_left_to_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    space = {"dropout": CONTINUOUS["dropout"]}
    estimator = _ParzenEstimator({"dropout": np.array([0.1, 0.2])}, space, candidates._PARZEN)
    beyond = {"dropout": np.array([0.3, 0.6 + 1e-9])}
    found = log_density(estimator, beyond)
    assert np.array_equal(found, estimator.log_pdf(beyond))
    assert found[1] == -np.inf
    monkeypatch.setattr(parzen_density, "_by_optuna", lambda estimator, points: np.zeros(2))
    assert log_density(estimator, beyond).tolist() == [0, 0]
    assert np.isfinite(log_density(estimator, {"dropout": np.array([0.3, 0.6])})).all()
