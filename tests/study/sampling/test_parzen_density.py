"""The density is Optuna's own, to the bit or to nine digits, and the candidates that are chosen by it are the same."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator

from study.sampling import candidates, parzen_density
from study.sampling.parzen_density import log_density, quick_log_density

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


@pytest.mark.parametrize(
    "space", [CONTINUOUS, STEPS, {"one": CONTINUOUS["dropout"]}, {"one": CONTINUOUS["activation"]}]
)
@pytest.mark.parametrize("kernels", [0, 1, 7, 1000])
def test_the_quick_density_is_right_to_nine_digits(space: dict[str, BaseDistribution], kernels: int) -> None:
    rng = np.random.RandomState(kernels)
    observed = points(space, kernels, rng)
    if kernels == 1000 and "dropout" in space:
        observed["dropout"][:500] = 0.3 + rng.rand(500) * 1e-3  # the narrowest kernels
    estimator = _ParzenEstimator(observed, space, candidates._PARZEN)
    drawn = points(space, 193, rng)
    assert np.abs(quick_log_density(estimator, drawn) - estimator.log_pdf(drawn)).max() < 1e-10


@pytest.mark.parametrize("space", [CONTINUOUS, STEPS, {"one": CONTINUOUS["activation"]}])
def test_the_same_candidates_are_chosen_as_by_the_density_of_optuna(
    space: dict[str, BaseDistribution], monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen() -> list[dict[str, object]]:
        rng = np.random.RandomState(1)
        good, bad = (np.stack(list(points(space, count, rng).values()), 1) for count in (20, 200))
        group = candidates.Group(space, slice(0, len(space)), good, bad, 64, rng, equal_weights=True)
        found = []
        for place in range(64):
            found.append(group.choose(place))
            values = [distribution.to_internal_repr(found[-1][name]) for name, distribution in space.items()]
            group.avoid(np.array(values, dtype=float))
        return found

    quick = chosen()
    monkeypatch.setattr(candidates, "quick_log_density", lambda estimator, drawn: estimator.log_pdf(drawn))
    monkeypatch.setattr(candidates, "_CLOSE", 0.0)
    assert quick == chosen()


def test_candidates_too_close_for_the_quick_density_are_compared_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    space, rng, quick = {"dropout": CONTINUOUS["dropout"]}, np.random.RandomState(0), candidates.quick_log_density
    good, bad = rng.rand(5, 1) / 2, rng.rand(30, 1) / 2
    group = candidates.Group(space, slice(0, 1), good, bad, 8, rng, equal_weights=True)
    close = group._candidates["dropout"][:24]
    close[:] = 0.3 + 1e-9 * np.arange(24)
    others = _ParzenEstimator({"dropout": bad[:, 0]}, space, candidates._PARZEN)
    exact = group._better.log_pdf({"dropout": close}) - others.log_pdf({"dropout": close})
    group._log_better[:24] = group._better.log_pdf({"dropout": close})
    for seed in range(3):
        noise = 1e-7 * np.random.RandomState(seed).rand(24)
        monkeypatch.setattr(candidates, "quick_log_density", lambda *given, noise=noise: quick(*given) + noise)
        group._best = {}
        assert group.choose(0) == {"dropout": close[np.argmax(exact)]}
