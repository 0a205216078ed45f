"""The log density of a Parzen estimator of Optuna at many points: to its bits, or quickly and to nine digits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from optuna.samplers._tpe import _truncnorm
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.probability_distributions import (
    _BatchedCategoricalDistributions,
    _BatchedTruncLogNormDistributions,
    _BatchedTruncNormDistributions,
)
from scipy.special import ndtr

Array = npt.NDArray[np.float64]

_ONE_THREAD = 2**18
"""Multiplications up to which OpenBLAS computes a matrix product in the calling thread: others train meanwhile."""


def log_density(estimator: _ParzenEstimator, points: Mapping[str, Array]) -> Array:
    """`[n]` the log density at n points; what `estimator.log_pdf` gives, by the same operations in the same order.

    That method stacks the continuous parameters into one array of points × kernels × parameters, and takes logarithms
    of every category's weight at every point. Parameters in steps, and points on the far side of a bound by rounding,
    are left to it.

    Args:
        estimator: A mixture of K kernels.
        points: `[n]` values of each parameter in the internal representation, by name.
    """
    mixture = estimator._mixture_distribution
    parts = [(points[name], part) for name, part in zip(estimator._search_space, mixture.distributions, strict=True)]
    total = np.zeros((len(parts[0][0]), len(mixture.weights)))
    continuous: Array | None = None
    for values, part in parts:
        if isinstance(part, _BatchedCategoricalDistributions):
            total += np.log(part.weights).T[values.astype(np.int64)]
            continue
        if not isinstance(part, _BatchedTruncNormDistributions | _BatchedTruncLogNormDistributions):
            return _by_optuna(estimator, points)
        x = np.log(values) if part.is_log else values
        if x.min() < part.adapted_low or x.max() > part.adapted_high:
            return _by_optuna(estimator, points)
        density = _log_truncated_normal(x, part)
        continuous = density if continuous is None else np.add(continuous, density, out=continuous)
    if continuous is not None:
        total += continuous
    total += np.log(mixture.weights)
    highest = total.max(axis=1)
    highest[np.isneginf(highest)] = 0
    total -= highest[:, None]
    with np.errstate(divide="ignore"):
        log_sum: Array = np.log(np.exp(total, out=total).sum(axis=1)) + highest
    return log_sum


def quick_log_density(estimator: _ParzenEstimator, points: Mapping[str, Array]) -> Array:
    """`[n]` the log density at n points to within 1e-9; where that is not quick, what `log_density` gives.

    The exponent of a kernel is a scalar product of what depends on the point (squares and values of its continuous
    parameters, indicators of its categories) and what depends on the kernel, so that a matrix product gives all.

    Args:
        estimator: A mixture of K kernels.
        points: `[n]` values of each parameter in the internal representation, by name.
    """
    mixture = estimator._mixture_distribution
    constant = np.log(mixture.weights)
    of_points: list[Array] = []
    of_kernels: list[Array] = []
    for name, part in zip(estimator._search_space, mixture.distributions, strict=True):
        if isinstance(part, _BatchedCategoricalDistributions):
            of_points.append(np.eye(part.weights.shape[1])[points[name].astype(np.int64)])
            of_kernels.append(np.log(part.weights).T)
            continue
        if not isinstance(part, _BatchedTruncNormDistributions | _BatchedTruncLogNormDistributions):
            return log_density(estimator, points)
        x = np.log(points[name]) if part.is_log else points[name]
        low, high = part.adapted_low, part.adapted_high
        if x.min() < low or x.max() > high:
            return log_density(estimator, points)
        # In units of the range and from its middle, so that differences of squares keep their digits.
        middle, scale = (low + high) / 2, high - low
        x, mean, precision = (x - middle) / scale, (part.mu - middle) / scale, (scale / part.sigma) ** 2
        of_points.append(np.stack([x * x, x], 1))
        of_kernels.append(np.stack([-0.5 * precision, mean * precision]))
        mass = ndtr((high - part.mu) / part.sigma) - ndtr((low - part.mu) / part.sigma)
        constant -= 0.5 * mean**2 * precision + np.log(part.sigma * mass) + _truncnorm._norm_pdf_logC
    left, right = np.concatenate(of_points, 1), np.concatenate(of_kernels)
    rows = max(1, _ONE_THREAD // right.size)
    density = np.empty(len(left))
    for first in range(0, len(left), rows):
        exponents = left[first : first + rows] @ right
        exponents += constant
        density[first : first + rows] = np.exp(exponents, out=exponents).sum(1)
    with np.errstate(divide="ignore"):
        return np.log(density, out=density)


def _log_truncated_normal(
    x: Array, kernels: _BatchedTruncNormDistributions | _BatchedTruncLogNormDistributions
) -> Array:
    """`[n, K]` log densities at n points between the bounds."""
    ends = ((end - kernels.mu) / kernels.sigma for end in (kernels.adapted_low, kernels.adapted_high))
    density: Array = x[:, None] - kernels.mu
    density /= kernels.sigma
    np.square(density, out=density)
    density *= -0.5
    density -= _truncnorm._norm_pdf_logC
    density -= _truncnorm._log_gauss_mass(*ends)
    density -= np.log(kernels.sigma)
    return density


def _by_optuna(estimator: _ParzenEstimator, points: Mapping[str, Array]) -> Array:
    density: Array = estimator.log_pdf(dict(points))
    return density
