"""Sparsity and health of one layer's activations, in eval mode on held-out samples.

Every function takes `a`, `[N, F]` activations, one row a sample. Sparsity is over live units, so that a dead
or collapsed unit earns nothing; a sample whose live units are all 0 counts as not sparse where a ratio of
norms has no value.
"""

from __future__ import annotations

import numpy as np
import torch
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
    return float((a == 0).double().mean())


def near_zero(a: Tensor) -> float:
    """Share of activations with |a| ≤ 0.01 × the layer's root mean square; the same for every scale of `a`."""
    magnitudes = a.abs().double()  # squares of float32 would overflow, or vanish, long before these
    rms = magnitudes.square().mean().sqrt()
    return float((magnitudes <= NEAR_ZERO * rms).double().mean())


def hoyer(a: Tensor) -> float:
    """(√n − ‖a‖₁/‖a‖₂)/(√n − 1), mean over samples (Hoyer 2004, section 3.1); 0 where n = 1."""
    n = a.shape[1]
    if n < 2:
        return 0.0
    magnitudes = a.abs().double()
    l1, l2 = magnitudes.sum(1), magnitudes.square().sum(1).sqrt()
    ratio = torch.where(l2 > 0, l1 / l2.clamp_min(1e-300), n**0.5)
    return float(((n**0.5 - ratio) / (n**0.5 - 1)).mean())


def gini(a: Tensor) -> float:
    """1 − 2 Σₖ (|a|₍ₖ₎/‖a‖₁)(n − k + ½)/n, mean over samples (Hurley and Rickard 2009, table I)."""
    return _gini(_sorted_magnitudes(a))


def removable(a: Tensor) -> float:
    """Largest share of a sample's units, smallest first, that holds at most 1 % of ‖a‖₂²; mean over samples."""
    return _removable(_sorted_magnitudes(a))


def treves_rolls(a: Tensor) -> tuple[float, float]:
    """(1 − ⟨r⟩²/⟨r²⟩)/(1 − 1/n) with r = |a| (Treves and Rolls 1991; Vinje and Gallant 2000).

    Returns:
        Population sparseness (over units, mean over samples) and lifetime sparseness (over samples, mean over
        units); rows or units that are all 0 are left out, and 0 stands where none is left.
    """
    r = a.abs().double()
    return _treves_rolls(r), _treves_rolls(r.T)


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
    names = ("zeros", "near_zero", "hoyer", "gini", "removable", "treves_rolls_population", "treves_rolls_lifetime")
    if not bool(live.any()):
        return measures | dict.fromkeys(names, 0.0)
    kept = a[:, live]
    magnitudes = _sorted_magnitudes(kept)
    values = (
        zeros(kept),
        near_zero(kept),
        hoyer(kept),
        _gini(magnitudes),
        _removable(magnitudes),
        *treves_rolls(kept),
    )
    return measures | dict(zip(names, values, strict=True))


def _sorted_magnitudes(a: Tensor) -> np.ndarray:
    """`[N, F]` |a|, ascending along units, in float64; numpy sorts rows several times faster than torch."""
    return np.sort(a.abs().cpu().numpy(), axis=1).astype(np.float64)


def _gini(magnitudes: np.ndarray) -> float:
    n = magnitudes.shape[1]
    total = magnitudes.sum(1)
    weights = (n - np.arange(1, n + 1) + 0.5) / n
    share = np.divide(magnitudes @ weights, total, out=np.full_like(total, 0.5), where=total > 0)
    return float(np.mean(1.0 - 2.0 * share))


def _removable(magnitudes: np.ndarray) -> float:
    energy = np.cumsum(magnitudes**2, axis=1)
    total = energy[:, -1:]
    return float(np.mean((energy <= (1.0 - ENERGY) * total) & (total > 0)))


def _treves_rolls(r: Tensor) -> float:
    n = r.shape[1]
    second = r.square().mean(1)
    used = second > 0
    if n < 2 or not bool(used.any()):
        return 0.0
    ratio = r.mean(1)[used].square() / second[used]
    return float(((1.0 - ratio) / (1.0 - 1.0 / n)).mean())
