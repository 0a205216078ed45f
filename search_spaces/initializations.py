"""The initializations: how standard draws, shared by all trials, become a layer's weights and biases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Weights = Callable[[Tensor, float, int], Tensor]
Reference = Callable[[Tensor, float], object]


@dataclass(frozen=True, kw_only=True)
class Initialization:
    """One way to start a layer.

    Attributes:
        name: Name in `INITIALIZATIONS`.
        weights: `weights(z, gain, fan_out)` turns `[F_in, F_out]` standard normal draws into weights, for y = x W. The
            same draws serve every initialization, so that two of them differ by their rule alone; a uniform
            rule uses 2Φ(z) − 1, which is uniform on (−1, 1). A convolution's F_in are the inputs of one of its
            outputs, channels and positions of the kernel; its fan-out is F_out times the positions of the kernel.
        reference: `reference(weight, negative_slope)` fills torch's `[F_out, F_in]` weight by torch's own function
            for a layer before leaky ReLU; what `weights` is tested against.
        law: What single weights are drawn from, or that the matrix is semi-orthogonal.
        uses_gain: Whether the activation's gain matters; the others take gain 1.
        uniform_bias: Biases from U(−1/√F_in, 1/√F_in), as `torch.nn.Linear`; else 0.
        unit_variance: Data-dependent: each layer is then divided by the standard deviation of its
            pre-activations on the first training samples (LSUV, Mishkin and Matas 2016, algorithm 1; with zero
            biases one pass is exact).
    """

    name: str
    weights: Weights
    reference: Reference
    law: Literal["normal", "uniform", "orthogonal"]
    uses_gain: bool = False
    uniform_bias: bool = False
    unit_variance: bool = False

    def bias(self, z: Tensor, fan_in: int) -> Tensor:
        """`[F_out]` biases from `[F_out]` standard normal draws."""
        return _uniform(z) / math.sqrt(fan_in) if self.uniform_bias else torch.zeros_like(z)


def _uniform(z: Tensor) -> Tensor:
    return torch.erf(z / math.sqrt(2.0))


def _kaiming_normal(z: Tensor, gain: float, fan_out: int) -> Tensor:
    return z * (gain / math.sqrt(z.shape[0]))


def _kaiming_uniform(z: Tensor, gain: float, fan_out: int) -> Tensor:
    return _uniform(z) * (gain * math.sqrt(3.0 / z.shape[0]))


def _xavier_normal(z: Tensor, gain: float, fan_out: int) -> Tensor:
    return z * (gain * math.sqrt(2.0 / (z.shape[0] + fan_out)))


def _xavier_uniform(z: Tensor, gain: float, fan_out: int) -> Tensor:
    return _uniform(z) * (gain * math.sqrt(6.0 / (z.shape[0] + fan_out)))


def _orthogonal(z: Tensor, gain: float, fan_out: int) -> Tensor:
    tall = z if z.shape[0] >= z.shape[1] else z.T
    q: Tensor
    q, r = torch.linalg.qr(tall)
    q = q * torch.sign(torch.diagonal(r))
    return gain * (q if z.shape[0] >= z.shape[1] else q.T)


def _torch_default(z: Tensor, gain: float, fan_out: int) -> Tensor:
    return _uniform(z) / math.sqrt(z.shape[0])


def _linear_reference(weight: Tensor, negative_slope: float) -> None:
    """What `torch.nn.Linear` starts from."""
    with torch.no_grad():
        weight.copy_(nn.Linear(weight.shape[1], weight.shape[0]).weight)


INITIALIZATIONS: dict[str, Initialization] = {
    initialization.name: initialization
    for initialization in (
        Initialization(
            name="kaiming_normal",
            weights=_kaiming_normal,
            reference=lambda weight, slope: nn.init.kaiming_normal_(weight, slope, nonlinearity="leaky_relu"),
            law="normal",
            uses_gain=True,
        ),
        Initialization(
            name="kaiming_uniform",
            weights=_kaiming_uniform,
            reference=lambda weight, slope: nn.init.kaiming_uniform_(weight, slope, nonlinearity="leaky_relu"),
            law="uniform",
            uses_gain=True,
        ),
        Initialization(
            name="orthogonal",
            weights=_orthogonal,
            reference=lambda weight, slope: nn.init.orthogonal_(weight, nn.init.calculate_gain("leaky_relu", slope)),
            law="orthogonal",
            uses_gain=True,
        ),
        Initialization(
            name="xavier_normal",
            weights=_xavier_normal,
            reference=lambda weight, slope: nn.init.xavier_normal_(weight),
            law="normal",
        ),
        Initialization(
            name="xavier_uniform",
            weights=_xavier_uniform,
            reference=lambda weight, slope: nn.init.xavier_uniform_(weight),
            law="uniform",
        ),
        Initialization(
            name="lecun_normal",
            weights=_kaiming_normal,
            reference=lambda weight, slope: nn.init.kaiming_normal_(weight, nonlinearity="linear"),
            law="normal",
        ),
        Initialization(
            name="lecun_uniform",
            weights=_kaiming_uniform,
            reference=lambda weight, slope: nn.init.kaiming_uniform_(weight, nonlinearity="linear"),
            law="uniform",
        ),
        Initialization(
            name="torch_default",
            weights=_torch_default,
            reference=_linear_reference,
            law="uniform",
            uniform_bias=True,
        ),
        Initialization(
            name="lsuv",
            weights=_orthogonal,
            reference=lambda weight, slope: nn.init.orthogonal_(weight),
            law="orthogonal",
            unit_variance=True,
        ),
    )
}
