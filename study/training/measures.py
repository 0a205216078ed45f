"""Sparsity and health of layers' activations, in eval mode on held-out samples.

`a` are `[N, F]` activations of one layer, one row a sample, or `[S, N, F]` of a layer in S networks. Sparsity is over
live units, so that a dead or collapsed unit earns nothing; a sample whose live units are all 0 counts as not sparse
where a ratio of norms has no value.

A clamped network is one whose activations up to a threshold are set to 0 in every hidden layer, as
`torch.nn.functional.hardshrink` does (hard thresholding, Donoho and Johnstone 1994; for ReLU it is the FATReLU of
Kurtz et al. 2020). The threshold of a layer is that of `near_zero`, on the validation part of the network as it was
trained.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from study.training.outcome import CLAMP_THRESHOLD

NEAR_ZERO = 0.01
DORMANT = 0.01
ENERGY = 0.99


def live_units(a: Tensor) -> Tensor:
    """`[F]`, or `[S, F]`, bool: E|aᵢ| > 0.01 × the layer's mean of E|a|.

    The complement of dormant (Sokar et al. 2023, eq. 1).
    """
    return _live(a.abs().mean(-2))


def _live(strengths: Tensor) -> Tensor:
    """`[..., F]` bool, from `[..., F]` E|aᵢ| in any unit."""
    return strengths > DORMANT * strengths.mean(-1, keepdim=True)


def zeros(a: Tensor) -> float:
    """Share of activations that are exactly 0."""
    return float(_magnitudes(a).zeros())


def near_zero(a: Tensor) -> float:
    """Share of activations with |a| ≤ 0.01 × the layer's root mean square; the same for every scale of `a`."""
    return float(_magnitudes(a).near_zero())


def hoyer(a: Tensor) -> float:
    """(√n − ‖a‖₁/‖a‖₂)/(√n − 1), mean over samples (Hoyer 2004, section 3.1); 0 where n = 1."""
    return float(_magnitudes(a).hoyer())


def gini(a: Tensor) -> float:
    """1 − 2 Σₖ (|a|₍ₖ₎/‖a‖₁)(n − k + ½)/n, mean over samples (Hurley and Rickard 2009, table I)."""
    return float(_magnitudes(a).gini())


def removable(a: Tensor) -> float:
    """Largest share of a sample's units, smallest first, that holds at most 1 % of ‖a‖₂²; mean over samples."""
    return float(_magnitudes(a).removable())


def treves_rolls(a: Tensor) -> tuple[float, float]:
    """(1 − ⟨r⟩²/⟨r²⟩)/(1 − 1/n) with r = |a| (Treves and Rolls 1991; Vinje and Gallant 2000).

    Returns:
        Population sparseness (over units, mean over samples) and lifetime sparseness (over samples, mean over
        units); rows or units that are all 0 are left out, and the value is 0 where none is left.
    """
    magnitudes = _magnitudes(a)
    return float(magnitudes.population()), float(magnitudes.lifetime())


def layer_measures(a: Tensor, saturated: Tensor, *, with_threshold: bool = False) -> dict[str, float]:
    """Every measure of one layer of one network; `[N, F]` as in `stacked_measures`."""
    measures = stacked_measures(a[None], saturated[None], with_threshold=with_threshold)
    return {name: float(value) for name, value in measures.items()}


def stacked_measures(a: Tensor, saturated: Tensor, *, with_threshold: bool = False) -> dict[str, Tensor]:
    """Every measure of one layer, in S networks at a time.

    Args:
        a: `[S, N, F]` activations.
        saturated: `[S, N, F]` bool, where the activation function is flat.
        with_threshold: Whether `clamp_threshold` is among them.

    Returns:
        `[S]` float64 each: the sparsity measures over live units, `treves_rolls_population` and `_lifetime` over live
        units, `raw_zeros` over all units, and the shares `dead`, `dormant`, `live` of units and `saturation` of
        outputs; `clamp_threshold` is the largest number of the dtype of `a` that counts as near zero.
    """
    live = live_units(a)
    silent = a == 0
    magnitudes = _Magnitudes(a, live)
    measures = {
        "raw_zeros": silent.double().mean((1, 2)),
        "dead": silent.all(1).double().mean(1),
        "dormant": (~live).double().mean(1),
        "live": live.double().mean(1),
        "saturation": saturated.double().mean((1, 2)),
    } | magnitudes.measures()
    return measures | {CLAMP_THRESHOLD: magnitudes.clamp_threshold()} if with_threshold else measures


class ZeroCount:
    """The share of zeros over live units of one layer in S networks, from chunks of the samples."""

    def __init__(self) -> None:
        self._samples = 0
        self._zeros: Tensor | float = 0.0
        self._strengths: Tensor | float = 0.0

    def add(self, a: Tensor) -> None:
        """Counts the zeros of `[S, N, F]` activations."""
        self._samples += a.shape[1]
        self._zeros = (a == 0).sum(1) + self._zeros
        self._strengths = a.abs().sum(1, dtype=torch.float64) + self._strengths

    def share(self) -> Tensor:
        """`[S]` float64 share, as `zeros` of all samples at once; 0 where no unit lives."""
        assert isinstance(self._zeros, Tensor)
        assert isinstance(self._strengths, Tensor)
        live = _live(self._strengths)
        units = live.sum(1).double()
        return torch.where(units > 0, (self._zeros * live).sum(1) / (self._samples * units), 0.0)


def _magnitudes(a: Tensor) -> _Magnitudes:
    return _Magnitudes(a[None], a.new_ones((1, a.shape[1]), dtype=torch.bool))


class _Magnitudes:
    """|a| of one layer over its live units, and the sums that several measures share, in float64.

    Squares of float32 would overflow, or vanish, long before a network does. Networks differ in how many units live:
    those that do not are set to 0, so that they come first in every sorted row, add nothing, and are not counted.
    """

    def __init__(self, a: Tensor, live: Tensor) -> None:
        r = a.abs().mul_(live[:, None])
        self._dtype = a.dtype
        self._samples = r.shape[1]
        self._units = live.sum(1).double()
        self._gone = r.shape[2] - self._units
        self._sorted = _sorted_rows(r).double()
        self._l1 = self._sorted.sum(2)
        self._energy = self._sorted.square().cumsum(2)
        self._total = self._energy[..., -1]
        self._unit_sums = r.sum(1, dtype=torch.float64)
        self._unit_squares = r.double().square().sum(1)

    def measures(self) -> dict[str, Tensor]:
        measures = {
            "zeros": self.zeros(),
            "near_zero": self.near_zero(),
            "hoyer": self.hoyer(),
            "gini": self.gini(),
            "removable": self.removable(),
            "treves_rolls_population": self.population(),
            "treves_rolls_lifetime": self.lifetime(),
        }
        return {name: torch.where(self._units > 0, value, 0.0) for name, value in measures.items()}

    def zeros(self) -> Tensor:
        return self._share((self._sorted == 0).sum((1, 2)) - self._gone * self._samples)

    def near_zero(self) -> Tensor:
        near = self._sorted <= self._threshold()[:, None, None]
        return self._share(near.sum((1, 2)) - self._gone * self._samples)

    def clamp_threshold(self) -> Tensor:
        """The threshold of `near_zero`, rounded down to the dtype of the activations: the same are below it."""
        exact = torch.where(self._units > 0, self._threshold(), 0.0)
        rounded = exact.to(self._dtype)
        below = torch.nextafter(rounded, torch.zeros_like(rounded))
        return torch.where(rounded.double() > exact, below, rounded).double()

    def _threshold(self) -> Tensor:
        return NEAR_ZERO * (self._total.mean(1) / self._units).sqrt()

    def hoyer(self) -> Tensor:
        root = self._units.sqrt()[:, None]
        ratio = torch.where(self._total > 0, self._l1 / self._total.sqrt(), root)
        return torch.where(self._units > 1, ((root - ratio) / (root - 1)).mean(1), 0.0)

    def gini(self) -> Tensor:
        n = self._units[:, None]
        rank = torch.arange(1, self._sorted.shape[2] + 1, device=n.device) - self._gone[:, None]
        weights = (n - rank + 0.5) / n
        # Not a matrix product, whose rounding would depend on which networks share the batch.
        share = torch.where(self._l1 > 0, (self._sorted * weights[:, None]).sum(2) / self._l1, 0.5)
        return (1.0 - 2.0 * share).mean(1)

    def removable(self) -> Tensor:
        held = (self._energy <= ((1.0 - ENERGY) * self._total)[:, :, None]).sum(2) - self._gone[:, None]
        return self._share(torch.where(self._total > 0, held, 0.0).sum(1))

    def population(self) -> Tensor:
        return _treves_rolls(self._l1, self._total, self._units[:, None])

    def lifetime(self) -> Tensor:
        return _treves_rolls(self._unit_sums, self._unit_squares, torch.full_like(self._units, self._samples)[:, None])

    def _share(self, count: Tensor) -> Tensor:
        """Of all activations of live units."""
        return count / (self._samples * self._units)


def _treves_rolls(sums: Tensor, squares: Tensor, n: Tensor) -> Tensor:
    used = (squares > 0) & (n > 1)
    ratio = torch.where(used, (sums / n).square() / (squares / n), 1.0)
    return torch.where(used, (1.0 - ratio) / (1.0 - 1.0 / n), 0.0).sum(1) / used.sum(1).clamp_min(1)


def _sorted_rows(r: Tensor) -> Tensor:
    # On the processor numpy sorts rows several times faster than torch.
    return torch.from_numpy(np.sort(r.numpy(), axis=2)) if r.device.type == "cpu" else r.sort(2).values
