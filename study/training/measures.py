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
    return _over_all_units(a)["zeros"]


def near_zero(a: Tensor) -> float:
    """Share of activations with |a| ≤ 0.01 × the layer's root mean square; the same for every scale of `a`."""
    return _over_all_units(a)["near_zero"]


def hoyer(a: Tensor) -> float:
    """(√n − ‖a‖₁/‖a‖₂)/(√n − 1), mean over samples (Hoyer 2004, section 3.1); 0 where n = 1."""
    return _over_all_units(a)["hoyer"]


def gini(a: Tensor) -> float:
    """1 − 2 Σₖ (|a|₍ₖ₎/‖a‖₁)(n − k + ½)/n, mean over samples (Hurley and Rickard 2009, table I)."""
    return _over_all_units(a)["gini"]


def removable(a: Tensor) -> float:
    """Largest share of a sample's units, smallest first, that holds at most 1 % of ‖a‖₂²; mean over samples."""
    return _over_all_units(a)["removable"]


def treves_rolls(a: Tensor) -> tuple[float, float]:
    """(1 − ⟨r⟩²/⟨r²⟩)/(1 − 1/n) with r = |a| (Treves and Rolls 1991; Vinje and Gallant 2000).

    Returns:
        Population sparseness (over units, mean over samples) and lifetime sparseness (over samples, mean over
        units); rows or units that are all 0 are left out, and the value is 0 where none is left.
    """
    measures = _over_all_units(a)
    return measures["treves_rolls_population"], measures["treves_rolls_lifetime"]


def _over_all_units(a: Tensor) -> dict[str, float]:
    """The sparsity measures of `[N, F]` activations whose units all count as live."""
    measures = _Magnitudes(a[None], _Workspace(a[None]), all_live=True).measures()
    return {name: float(value) for name, value in measures.items()}


def layer_measures(
    a: Tensor, saturated: Tensor, *, with_threshold: bool = False, counted_only: bool = False
) -> dict[str, float]:
    """Every measure of one layer of one network; `[N, F]` as in `stacked_measures`, `saturated` is bool."""
    saturation = saturated.sum().double() / saturated.numel()
    measures = stacked_measures(a[None], saturation[None], with_threshold=with_threshold, counted_only=counted_only)
    return {name: float(value) for name, value in measures.items()}


def stacked_measures(
    a: Tensor, saturation: Tensor, *, with_threshold: bool = False, counted_only: bool = False
) -> dict[str, Tensor]:
    """Every measure of one layer, in S networks at a time.

    Args:
        a: `[S, N, F]` activations, contiguous.
        saturation: `[S]` float64 share of outputs where the activation function is flat.
        with_threshold: Whether `clamp_threshold` is among them.
        counted_only: Whether only shares are measured that are counted, without sorting any activations: `zeros`,
            `near_zero`, `raw_zeros`, and the shares of units and of outputs.

    Returns:
        `[S]` float64 each: the sparsity measures over live units, `treves_rolls_population` and `_lifetime` over live
        units, `raw_zeros` over all units, and the shares `dead`, `dormant`, `live` of units and `saturation` of
        outputs; `clamp_threshold` is the largest number of the dtype of `a` that counts as near zero.
    """
    samples, units = a.shape[1:]
    workspace = _Workspace(a)
    found: list[dict[str, Tensor]] = []
    for start in range(0, len(a), workspace.slots):
        part = a[start : start + workspace.slots]
        magnitudes = _Magnitudes(part, workspace, sort=not counted_only)
        silent, live = magnitudes.silent, magnitudes.live
        measures = {
            "raw_zeros": silent.sum(1) / (samples * units),
            "dead": (silent == samples).double().mean(1),
            "dormant": (~live).double().mean(1),
            "live": live.double().mean(1),
            "saturation": saturation[start : start + workspace.slots],
        } | magnitudes.measures()
        found.append(measures | ({CLAMP_THRESHOLD: magnitudes.clamp_threshold()} if with_threshold else {}))
    return {name: torch.cat([measures[name] for measures in found]) for name in found[0]}


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


def measured_at_once(device: str) -> int:
    """Activations that are measured together on a type of device: what stays in a cache, or fills a GPU."""
    return 2**18 if device == "cpu" else 2**25


def _sorted_at_once(device: str) -> int:
    """Activations of which sorted rows and their sums are held together, in double precision."""
    return 2**16 if device == "cpu" else 2**25


class _Workspace:
    """Memory that the measures of a layer's networks share: getting new pages for each of them costs more than they do.

    Attributes:
        slots: Networks that are measured together.
        rows: Samples whose sorted activations are held together.
        r: `[slots, N, F]` magnitudes.
        wide: `[slots, N, F]` float64.
        sorted: `[slots, rows, F]`.
        counted: `[slots, rows, F]`, of 0 and 1.
        chunk: `[slots, rows, F]` float64.
        energy: `[slots, rows, F]` float64.
    """

    def __init__(self, a: Tensor) -> None:
        networks, samples, units = a.shape
        device = a.device.type
        self.slots = min(networks, max(1, measured_at_once(device) // (samples * units)))
        self.rows = min(samples, max(1, _sorted_at_once(device) // (self.slots * units)))
        double = torch.float64
        self.r = a.new_empty(self.slots, samples, units)
        self.wide = a.new_empty(self.slots, samples, units, dtype=double)
        self.sorted, self.counted = (a.new_empty(self.slots, self.rows, units) for _ in range(2))
        self.chunk, self.energy = (a.new_empty(self.slots, self.rows, units, dtype=double) for _ in range(2))


class _Magnitudes:
    """|a| of one layer over its live units, and the sums that several measures share, in float64.

    Squares of float32 would overflow, or vanish, long before a network does. Networks differ in how many units live:
    those that do not are set to 0, so that they come first in every sorted row, add nothing, and are not counted.

    Args:
        a: `[S, N, F]` activations of as many networks as the workspace has room for.
        workspace: Is overwritten.
        all_live: Whether every unit counts as live.
        sort: Whether rows are sorted; else what depends on their order, and moments of the magnitudes, are left out.

    Attributes:
        live: `[S, F]` bool, as from `live_units`.
        silent: `[S, F]` float64 number of samples for which a unit is 0.
    """

    def __init__(self, a: Tensor, workspace: _Workspace, *, all_live: bool = False, sort: bool = True) -> None:
        networks, self._samples, units = a.shape
        self._dtype, self._workspace, self._sorts = a.dtype, workspace, sort
        r = torch.abs(a, out=workspace.r[:networks])
        strengths = r.mean(1)
        self.live = torch.ones_like(strengths, dtype=torch.bool) if all_live else _live(strengths)
        self._r = r.mul_(self.live[:, None])
        self._units = self.live.sum(1).double()
        self._gone = units - self._units
        self.silent = torch.zeros_like(self.live, dtype=torch.float64)
        # Every second of these is used: torch adds up neighbours in another order, and so rounds otherwise.
        self._total = self.silent.new_empty(networks, self._samples, 2)[..., 0]
        if sort:
            wide = workspace.wide[:networks].copy_(r)
            self._unit_sums = wide.sum(1)
            self._unit_squares = wide.square_().sum(1)
            self._l1, self._weighted, self._held = (wide.new_empty(networks, self._samples) for _ in range(3))
            n = self._units[:, None]
            rank = torch.arange(1, units + 1, device=a.device) - self._gone[:, None]
            self._rank_weights = ((n - rank + 0.5) / n)[:, None]
        for start in range(0, self._samples, workspace.rows):
            self._add(a, slice(start, start + workspace.rows))

    def _add(self, a: Tensor, rows: slice) -> None:
        """Adds up some samples, each for itself, in memory that stays in the cache."""
        of_rows, workspace = a[:, rows], self._workspace
        ordered, counted, chunk, energy = (
            x[: of_rows.shape[0], : of_rows.shape[1]]
            for x in (workspace.sorted, workspace.counted, workspace.chunk, workspace.energy)
        )
        # As floats, of which sums are exact up to 2²⁴ and several times faster than those of bool.
        self.silent += torch.eq(of_rows, 0.0, out=counted).sum(1)
        if not self._sorts:
            self._total[:, rows] = chunk.copy_(self._r[:, rows]).square_().sum(2)
            return
        _sort_rows(ordered.copy_(self._r[:, rows]))
        chunk.copy_(ordered)
        self._l1[:, rows] = chunk.sum(2)
        # Not a matrix product, whose rounding would depend on which networks share the batch.
        self._weighted[:, rows] = torch.mul(chunk, self._rank_weights, out=energy).sum(2)
        torch.cumsum(chunk.square_(), 2, out=energy)
        self._total[:, rows] = energy[..., -1]
        bound = (1.0 - ENERGY) * self._total[:, rows, None]
        self._held[:, rows] = torch.le(energy, bound, out=chunk).sum(2)

    def measures(self) -> dict[str, Tensor]:
        measures = {"zeros": self._share((self.silent * self.live).sum(1)), "near_zero": self._near_zero()}
        if self._sorts:
            measures |= {
                "hoyer": self._hoyer(),
                "gini": self._gini(),
                "removable": self._removable(),
                "treves_rolls_population": _treves_rolls(self._l1, self._total, self._units[:, None]),
                "treves_rolls_lifetime": _treves_rolls(
                    self._unit_sums, self._unit_squares, torch.full_like(self._units, self._samples)[:, None]
                ),
            }
        return {name: torch.where(self._units > 0, value, 0.0) for name, value in measures.items()}

    def clamp_threshold(self) -> Tensor:
        """The threshold of `near_zero`, rounded down to the dtype of the activations: the same are below it."""
        return self._rounded_threshold().double()

    def _rounded_threshold(self) -> Tensor:
        threshold = NEAR_ZERO * (self._total.mean(1) / self._units).sqrt()
        exact = torch.where(self._units > 0, threshold, 0.0)
        rounded = exact.to(self._dtype)
        below = torch.nextafter(rounded, torch.zeros_like(rounded))
        return torch.where(rounded.double() > exact, below, rounded)

    def _near_zero(self) -> Tensor:
        near = torch.zeros_like(self._units)
        threshold = self._rounded_threshold()[:, None, None]
        for r in torch.split(self._r, self._workspace.rows, 1):
            counted = self._workspace.counted[: r.shape[0], : r.shape[1]]
            near += torch.le(r, threshold, out=counted).sum(2).double().sum(1)
        return self._share(near - self._gone * self._samples)

    def _hoyer(self) -> Tensor:
        root = self._units.sqrt()[:, None]
        ratio = torch.where(self._total > 0, self._l1 / self._total.sqrt(), root)
        return torch.where(self._units > 1, ((root - ratio) / (root - 1)).mean(1), 0.0)

    def _gini(self) -> Tensor:
        share = torch.where(self._l1 > 0, self._weighted / self._l1, 0.5)
        return (1.0 - 2.0 * share).mean(1)

    def _removable(self) -> Tensor:
        held = self._held - self._gone[:, None]
        return self._share(torch.where(self._total > 0, held, 0.0).sum(1))

    def _share(self, count: Tensor) -> Tensor:
        """Of all activations of live units."""
        return count / (self._samples * self._units)


def _treves_rolls(sums: Tensor, squares: Tensor, n: Tensor) -> Tensor:
    used = (squares > 0) & (n > 1)
    ratio = torch.where(used, (sums / n).square() / (squares / n), 1.0)
    return torch.where(used, (1.0 - ratio) / (1.0 - 1.0 / n), 0.0).sum(1) / used.sum(1).clamp_min(1)


def _sort_rows(r: Tensor) -> None:
    """Sorts the rows of `[S, N, F]`, in place."""
    if r.device.type == "cpu":
        r.numpy().sort(axis=2)  # several times faster than torch
    else:
        r.copy_(r.sort(2).values)
