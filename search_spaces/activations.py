"""The activations: what each computes on a stacked tensor, its derivative, its gain, and what its slope does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

aten = torch.ops.aten

Forward = Callable[[Tensor, Tensor, Tensor, Tensor], None]
Backward = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], None]


@dataclass(frozen=True, kw_only=True)
class Activation:
    """One activation.

    The two kernels act on contiguous slices of the stack, in place where torch lets them:

    * `forward(z, slope, a, scratch)` fills `a` with f(z);
    * `backward(g, z, a, slope, scratch)` turns `g` = dL/da into dL/dz, in place.

    `z`, `a`, `g`, `scratch` are `[S, N, F]`, `slope` is `[S, 1, 1]`. What `scratch` holds afterwards means nothing.

    Attributes:
        name: Name in `ACTIVATIONS`.
        module: Torch's own layer for a given slope, any parameter of it in float64; what the kernels are tested
            against.
        forward: See above.
        backward: See above.
        gain: Gain for a given slope: of `torch.nn.init.calculate_gain` where torch has one, else
            1/√E f(z)² for z ~ N(0, 1), so that the second moment is kept (He et al. 2015, eq. 10).
        slope: What `negative_slope` is to it: nothing, a constant, or the start of a learned parameter.
        max_derivative: Largest |f′| for a given slope.
        saturated_output: Range outside of which an output counts as saturated; None: it does where |f′| < 0.05 of
            its maximum.
        spread: Whether f(0) ≠ 0, so that units that only pad the stack must be cleared.
    """

    name: str
    module: Callable[[float], nn.Module]
    forward: Forward
    backward: Backward
    gain: Callable[[float], float]
    slope: Literal["none", "fixed", "learned"] = "none"
    max_derivative: Callable[[float], float] = lambda slope: 1.0
    saturated_output: tuple[float, float] | None = None
    spread: bool = False

    def saturated(self, z: Tensor, a: Tensor, slope: float) -> Tensor:
        """Which outputs lie where the function is flat.

        Args:
            z: `[N, F]` pre-activations.
            a: `[N, F]` activations of `z`.
            slope: Negative slope, where the activation has one.

        Returns:
            `[N, F]` bool.
        """
        if self.saturated_output is not None:
            low, high = self.saturated_output
            return (a < low) | (a > high)
        derivative = torch.ones_like(z)
        self.backward(derivative, z, a, z.new_full((1, 1), slope), torch.empty_like(z))
        return derivative.abs() < 0.05 * self.max_derivative(slope)


def _constant(value: float) -> Callable[[float], float]:
    return lambda slope: value


def _relu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.clamp_min(z, 0.0, out=a)


def _relu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.threshold_backward.grad_input(g, z, 0.0, grad_input=g)


def _leaky_relu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    # max(z, slope · z) is leaky ReLU for slopes from 0 to 1, and no other can be searched.
    torch.mul(z, slope, out=a)
    torch.maximum(z, a, out=a)


def _leaky_relu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    torch.gt(z, 0.0, out=scratch)
    torch.maximum(scratch, slope, out=scratch)
    g.mul_(scratch)


def _prelu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.clamp_max(z, 0.0, out=scratch)
    torch.clamp_min(z, 0.0, out=a)
    a.addcmul_(scratch, slope)


def _prelu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    torch.le(z, 0.0, out=scratch)
    scratch.mul_(slope - 1.0).add_(1.0)
    g.mul_(scratch)


def _elu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.elu.out(z, out=a)


def _elu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.elu_backward.grad_input(g, 1.0, 1.0, 1.0, True, a, grad_input=g)


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _selu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.elu.out(z, _SELU_ALPHA, _SELU_SCALE, 1.0, out=a)


def _selu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.elu_backward.grad_input(g, _SELU_ALPHA, _SELU_SCALE, 1.0, True, a, grad_input=g)


def _gelu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.gelu.out(z, out=a)


def _gelu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.gelu_backward.grad_input(g, z, grad_input=g)


def _silu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.silu.out(z, out=a)


def _silu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.silu_backward.grad_input(g, z, grad_input=g)


def _mish(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.mish.out(z, out=a)


def _mish_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    g.copy_(aten.mish_backward(g, z))


def _softplus(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.softplus.out(z, out=a)


def _softplus_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.softplus_backward.grad_input(g, z, 1.0, 20.0, grad_input=g)


def _softsign(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.abs(z, out=scratch)
    scratch.add_(1.0)
    torch.div(z, scratch, out=a)


def _softsign_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    torch.abs(z, out=scratch)
    scratch.add_(1.0)
    g.div_(scratch).div_(scratch)


def _tanh(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    # 2σ(2z) − 1: several times faster than torch.tanh, and equal to the last bit of a 1.
    torch.mul(z, 2.0, out=a)
    torch.sigmoid(a, out=a)
    a.mul_(2.0).sub_(1.0)


def _tanh_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.tanh_backward.grad_input(g, a, grad_input=g)


def _sigmoid(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.sigmoid(z, out=a)


def _sigmoid_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.sigmoid_backward.grad_input(g, a, grad_input=g)


def _hardswish(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.hardswish.out(z, out=a)


def _hardswish_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.hardswish_backward.out(g, z, out=scratch)
    g.copy_(scratch)


def _identity(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    a.copy_(z)


def _identity_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    pass


def _leaky_gain(slope: float) -> float:
    return math.sqrt(2.0 / (1.0 + slope * slope))


def _one_or_slope(slope: float) -> float:
    return max(1.0, abs(slope))


ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation(
            name="relu",
            module=lambda slope: nn.ReLU(),
            forward=_relu,
            backward=_relu_backward,
            gain=_constant(math.sqrt(2.0)),
        ),
        Activation(
            name="leaky_relu",
            module=nn.LeakyReLU,
            forward=_leaky_relu,
            backward=_leaky_relu_backward,
            gain=_leaky_gain,
            slope="fixed",
            max_derivative=_one_or_slope,
        ),
        Activation(
            name="prelu",
            module=lambda slope: nn.PReLU(init=slope, dtype=torch.float64),
            forward=_prelu,
            backward=_prelu_backward,
            gain=_leaky_gain,
            slope="learned",
            max_derivative=_one_or_slope,
        ),
        Activation(
            name="elu", module=lambda slope: nn.ELU(), forward=_elu, backward=_elu_backward, gain=_constant(1.245)
        ),
        # Self-normalizing with `lecun_normal` weights and alpha dropout (Klambauer et al. 2017, sections 2 and 3). The
        # first can be searched. `dropout` is the ordinary one for SELU as for all: at rates above 0 it moves the mean
        # and the variance that SELU would keep.
        Activation(
            name="selu",
            module=lambda slope: nn.SELU(),
            forward=_selu,
            backward=_selu_backward,
            gain=_constant(0.75),
            max_derivative=_constant(_SELU_ALPHA * _SELU_SCALE),
        ),
        Activation(
            name="gelu",
            module=lambda slope: nn.GELU(),
            forward=_gelu,
            backward=_gelu_backward,
            gain=_constant(1.534),
            max_derivative=_constant(1.1289),
        ),
        Activation(
            name="silu",
            module=lambda slope: nn.SiLU(),
            forward=_silu,
            backward=_silu_backward,
            gain=_constant(1.677),
            max_derivative=_constant(1.0998),
        ),
        Activation(
            name="mish",
            module=lambda slope: nn.Mish(),
            forward=_mish,
            backward=_mish_backward,
            gain=_constant(1.487),
            max_derivative=_constant(1.0885),
        ),
        Activation(
            name="softplus",
            module=lambda slope: nn.Softplus(),
            forward=_softplus,
            backward=_softplus_backward,
            gain=_constant(1.042),
            spread=True,
        ),
        Activation(
            name="softsign",
            module=lambda slope: nn.Softsign(),
            forward=_softsign,
            backward=_softsign_backward,
            gain=_constant(2.337),
        ),
        Activation(
            name="tanh",
            module=lambda slope: nn.Tanh(),
            forward=_tanh,
            backward=_tanh_backward,
            gain=_constant(5.0 / 3.0),
            saturated_output=(-0.95, 0.95),
        ),
        Activation(
            name="sigmoid",
            module=lambda slope: nn.Sigmoid(),
            forward=_sigmoid,
            backward=_sigmoid_backward,
            gain=_constant(1.0),
            max_derivative=_constant(0.25),
            saturated_output=(0.05, 0.95),
            spread=True,
        ),
        Activation(
            name="hardswish",
            module=lambda slope: nn.Hardswish(),
            forward=_hardswish,
            backward=_hardswish_backward,
            gain=_constant(1.737),
            max_derivative=_constant(1.5),
        ),
        Activation(
            name="identity",
            module=lambda slope: nn.Identity(),
            forward=_identity,
            backward=_identity_backward,
            gain=_constant(1.0),
        ),
    )
}
