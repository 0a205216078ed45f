"""Sparsity and health of one layer's activations, in eval mode on held-out samples.

Every function takes `a`, `[N, F]` activations, one row a sample. Sparsity is over live units, so that a dead
or collapsed unit earns nothing; a sample whose live units are all 0 counts as not sparse where a ratio of
norms has no value.
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

NEAR_ZERO = 0.01
DORMANT = 0.01
ENERGY = 0.99


def live_units(a: Tensor) -> Tensor:
    """`[F]` bool: E|aᵢ| > 0.01 × the layer's mean of E|a| (the complement of dormant, Sokar et al. 2023, eq. 1)."""
    strength = a.abs().mean(0)
    return strength > DORMANT * strength.mean()


def zeros(a: Tensor) -> float:
    """Share of activations that are exactly 0."""
    return _Magnitudes(a).zeros()


def near_zero(a: Tensor) -> float:
    """Share of activations with |a| ≤ 0.01 × the layer's root mean square; the same for every scale of `a`."""
    return _Magnitudes(a).near_zero()


def hoyer(a: Tensor) -> float:
    """(√n − ‖a‖₁/‖a‖₂)/(√n − 1), mean over samples (Hoyer 2004, section 3.1); 0 where n = 1."""
    return _Magnitudes(a).hoyer()


def gini(a: Tensor) -> float:
    """1 − 2 Σₖ (|a|₍ₖ₎/‖a‖₁)(n − k + ½)/n, mean over samples (Hurley and Rickard 2009, table I)."""
    return _Magnitudes(a).gini()


def removable(a: Tensor) -> float:
    """Largest share of a sample's units, smallest first, that holds at most 1 % of ‖a‖₂²; mean over samples."""
    return _Magnitudes(a).removable()


def treves_rolls(a: Tensor) -> tuple[float, float]:
    """(1 − ⟨r⟩²/⟨r²⟩)/(1 − 1/n) with r = |a| (Treves and Rolls 1991; Vinje and Gallant 2000).

    Returns:
        Population sparseness (over units, mean over samples) and lifetime sparseness (over samples, mean over
        units); rows or units that are all 0 are left out, and 0 stands where none is left.
    """
    magnitudes = _Magnitudes(a)
    return magnitudes.population(), magnitudes.lifetime()


def layer_measures(a: Tensor, saturated: Tensor) -> dict[str, float]:
    """Every measure of one layer.

    Args:
        a: `[N, F]` activations.
        saturated: `[N, F]` bool, where the activation function is flat.

    Returns:
        The sparsity measures over live units, `treves_rolls_population` and `_lifetime` over live units,
        `raw_zeros` over all units, and the shares `dead`, `dormant`, `live` of units and `saturation` of outputs.
    """
    live = live_units(a)
    measures = {
        "raw_zeros": zeros(a),
        "dead": float((a == 0).all(0).double().mean()),
        "dormant": float((~live).double().mean()),
        "live": float(live.double().mean()),
        "saturation": float(saturated.double().mean()),
    }
    if not bool(live.any()):
        return measures | dict.fromkeys(_Magnitudes(a[:, :1]).measures(), 0.0)
    return measures | _Magnitudes(a[:, live]).measures()


class _Magnitudes:
    """|a| of one layer, and the sums that several measures share, in float64.

    Squares of float32 would overflow, or vanish, long before a network does. numpy sorts rows several times faster
    than torch.
    """

    def __init__(self, a: Tensor) -> None:
        r = a.abs().cpu().numpy()
        self._samples, self._units = r.shape
        self._sorted = np.sort(r, axis=1).astype(np.float64)
        self._l1 = self._sorted.sum(1)
        self._energy = np.cumsum(self._sorted * self._sorted, axis=1)
        self._total = self._energy[:, -1]
        self._unit_sums = r.sum(0, dtype=np.float64)
        self._unit_squares = np.square(r, dtype=np.float64).sum(0)

    def measures(self) -> dict[str, float]:
        return {
            "zeros": self.zeros(),
            "near_zero": self.near_zero(),
            "hoyer": self.hoyer(),
            "gini": self.gini(),
            "removable": self.removable(),
            "treves_rolls_population": self.population(),
            "treves_rolls_lifetime": self.lifetime(),
        }

    def zeros(self) -> float:
        return 1.0 - np.count_nonzero(self._sorted) / self._sorted.size

    def near_zero(self) -> float:
        rms = math.sqrt(self._total.mean() / self._units)
        return np.count_nonzero(self._sorted <= NEAR_ZERO * rms) / self._sorted.size

    def hoyer(self) -> float:
        n = self._units
        if n < 2:
            return 0.0
        ratio = np.divide(self._l1, np.sqrt(self._total), out=np.full(self._samples, n**0.5), where=self._total > 0)
        return float(np.mean((n**0.5 - ratio) / (n**0.5 - 1)))

    def gini(self) -> float:
        n = self._units
        weights = (n - np.arange(1, n + 1) + 0.5) / n
        share = np.divide(self._sorted @ weights, self._l1, out=np.full(self._samples, 0.5), where=self._l1 > 0)
        return float(np.mean(1.0 - 2.0 * share))

    def removable(self) -> float:
        held = self._energy <= ((1.0 - ENERGY) * self._total)[:, None]
        return np.count_nonzero(held[self._total > 0]) / held.size

    def population(self) -> float:
        return _treves_rolls(self._l1, self._total, self._units)

    def lifetime(self) -> float:
        return _treves_rolls(self._unit_sums, self._unit_squares, self._samples)


def _treves_rolls(sums: np.ndarray, squares: np.ndarray, n: int) -> float:
    used = squares > 0
    if n < 2 or not used.any():
        return 0.0
    ratio = (sums[used] / n) ** 2 / (squares[used] / n)
    return float(np.mean((1.0 - ratio) / (1.0 - 1.0 / n)))
