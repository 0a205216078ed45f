"""The activations: their kernels, their gain, what their slope does, where they saturate, how figures draw them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from search_spaces import kernels

Forward = Callable[[Tensor, Tensor, Tensor, Tensor], None]
Backward = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], None]


@dataclass(frozen=True)
class Mark:
    """How figures draw an activation.

    Attributes:
        colour: Colour of lines and markers, as `#rrggbb`.
        symbol: Plotly's name of the marker.
    """

    colour: str
    symbol: str


@dataclass(frozen=True, kw_only=True)
class Activation:
    """One activation.

    The two kernels act on contiguous slices of the stack, in place where torch lets them:

    * `forward(z, slope, a, scratch)` fills `a` with f(z);
    * `backward(g, z, a, slope, scratch)` turns `g` = dL/da into dL/dz, in place.

    `z`, `a`, `g`, `scratch` are `[S, N, F]`, `slope` is `[S, 1, 1]`; in training `[1, N, F]` where it is drawn, the
    same for all slots. What `scratch` holds afterwards means nothing.

    Attributes:
        name: Name in `ACTIVATIONS`.
        module: Torch's own layer for a given slope, any parameter of it in float64; what the kernels are tested
            against.
        forward: See above.
        backward: See above.
        gain: Gain for a given slope: of `torch.nn.init.calculate_gain` where torch has one, else
            1/√E f(z)² for z ~ N(0, 1), so that the second moment is kept (He et al. 2015, eq. 10).
        slope: What `negative_slope` is to it: nothing, a constant, or the start of a learned parameter.
        drawn_slope: The range from which training draws a slope for each unit and sample, uniformly; the network has
            their mean in eval mode. None: nothing is drawn.
        max_derivative: Largest |f′| for a given slope; infinity where |f′| grows without end.
        saturated_output: Range outside of which an output counts as saturated; None: it does where |f′| < 0.05 of
            its maximum, or < 0.05 where it has none.
        spread: Whether f(0) ≠ 0, so that units that only pad the stack must be cleared.
        mark: How figures draw it; None: in grey, with a marker that no other activation has.
    """

    name: str
    module: Callable[[float], nn.Module]
    forward: Forward
    backward: Backward
    gain: Callable[[float], float]
    slope: Literal["none", "fixed", "learned"] = "none"
    drawn_slope: tuple[float, float] | None = None
    max_derivative: Callable[[Tensor | float], Tensor | float] = lambda slope: 1.0
    saturated_output: tuple[float, float] | None = None
    spread: bool = False
    mark: Mark | None = None

    @property
    def has_slope(self) -> bool:
        """Whether `negative_slope` has a meaning for it."""
        return self.slope != "none"

    def slope_in_eval(self, negative_slope: float) -> float:
        """The slope that the kernels are given in eval mode: `negative_slope`, or the mean of those that are drawn.

        Args:
            negative_slope: The trial's.
        """
        return negative_slope if self.drawn_slope is None else sum(self.drawn_slope) / 2.0

    @property
    def is_torch_layer(self) -> bool:
        """Whether `module` is a layer of `torch.nn`, so that it can be named where reluctant is not installed."""
        layer = type(self.module(0.0))
        return layer is getattr(nn, layer.__name__, None)

    def saturated(self, z: Tensor, a: Tensor, slope: Tensor | float) -> Tensor:
        """Which outputs lie where the function is flat.

        Args:
            z: `[N, F]` pre-activations, or `[S, N, F]`.
            a: Activations of `z`.
            slope: Negative slope, where the activation has one; `[S, 1, 1]` where each network has its own.

        Returns:
            Bool, as `z`.
        """
        if self.saturated_output is not None:
            low, high = self.saturated_output
            return (a < low) | (a > high)
        derivative = torch.ones_like(z)
        slope = torch.as_tensor(slope, dtype=z.dtype, device=z.device)
        self.backward(derivative, z, a, slope, torch.empty_like(z))
        largest = self.max_derivative(slope)
        if isinstance(largest, float) and largest == math.inf:
            largest = 1.0
        return derivative.abs() < 0.05 * largest


def _constant(value: float) -> Callable[[object], float]:
    return lambda slope: value


def _leaky_gain(slope: float) -> float:
    return math.sqrt(2.0 / (1.0 + slope * slope))


def _one_or_slope(slope: Tensor | float) -> Tensor:
    return torch.as_tensor(slope).abs().clamp_min(1.0)


class ReLUSquared(nn.Module):
    """max(z, 0)² (So et al. 2021, Primer, section 4)."""

    def forward(self, z: Tensor) -> Tensor:
        """`[...]` pre-activations in, activations out."""
        return nn.functional.relu(z).square()


RRELU_SLOPES = (1.0 / 8.0, 1.0 / 3.0)
"""The range of torch's `nn.RReLU`, that of the winners of a competition whom Xu et al. 2015 follow (section 3.4)."""

ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation(
            name="relu",
            module=lambda slope: nn.ReLU(),
            forward=kernels.relu,
            backward=kernels.relu_backward,
            gain=_constant(math.sqrt(2.0)),
            mark=Mark("#2277dd", "circle"),
        ),
        Activation(
            name="relu6",
            module=lambda slope: nn.ReLU6(),
            forward=kernels.relu6,
            backward=kernels.relu6_backward,
            gain=_constant(1.414),
            mark=Mark("#2277dd", "triangle-nw"),
        ),
        # E max(z, 0)⁴ for z ~ N(0, 1) is 3/2.
        Activation(
            name="relu_squared",
            module=lambda slope: ReLUSquared(),
            forward=kernels.relu_squared,
            backward=kernels.relu_squared_backward,
            gain=_constant(math.sqrt(2.0 / 3.0)),
            max_derivative=_constant(math.inf),
            mark=Mark("#2277dd", "hexagon2"),
        ),
        Activation(
            name="leaky_relu",
            module=nn.LeakyReLU,
            forward=kernels.leaky_relu,
            backward=kernels.leaky_relu_backward,
            gain=_leaky_gain,
            slope="fixed",
            max_derivative=_one_or_slope,
            mark=Mark("#dd8800", "diamond"),
        ),
        Activation(
            name="rrelu",
            module=lambda slope: nn.RReLU(*RRELU_SLOPES),
            forward=kernels.rrelu,
            backward=kernels.rrelu_backward,
            gain=_constant(_leaky_gain(sum(RRELU_SLOPES) / 2.0)),
            drawn_slope=RRELU_SLOPES,
            mark=Mark("#dd8800", "triangle-ne"),
        ),
        Activation(
            name="prelu",
            module=lambda slope: nn.PReLU(init=slope, dtype=torch.float64),
            forward=kernels.prelu,
            backward=kernels.prelu_backward,
            gain=_leaky_gain,
            slope="learned",
            max_derivative=_one_or_slope,
            mark=Mark("#994422", "square"),
        ),
        Activation(
            name="elu",
            module=lambda slope: nn.ELU(),
            forward=kernels.elu,
            backward=kernels.elu_backward,
            gain=_constant(1.245),
            mark=Mark("#00aabb", "triangle-up"),
        ),
        # With α = 1 it is ELU. With any other its derivative has no jump at 0, where ELU's has one (Barron 2017).
        Activation(
            name="celu",
            module=lambda slope: nn.CELU(kernels.CELU_ALPHA),
            forward=kernels.celu,
            backward=kernels.celu_backward,
            gain=_constant(1.331),
            mark=Mark("#00aabb", "triangle-se"),
        ),
        # Self-normalizing with `lecun_normal` weights and alpha dropout (Klambauer et al. 2017, sections 2 and 3). The
        # first can be searched. `dropout` is the ordinary one for SELU as for all: at rates above 0 it moves the mean
        # and the variance that SELU would keep.
        Activation(
            name="selu",
            module=lambda slope: nn.SELU(),
            forward=kernels.selu,
            backward=kernels.selu_backward,
            gain=_constant(0.75),
            max_derivative=_constant(kernels.SELU_ALPHA * kernels.SELU_SCALE),
            mark=Mark("#00aabb", "triangle-left"),
        ),
        Activation(
            name="gelu",
            module=lambda slope: nn.GELU(),
            forward=kernels.gelu,
            backward=kernels.gelu_backward,
            gain=_constant(1.534),
            max_derivative=_constant(1.1289),
            mark=Mark("#cc3377", "hexagon"),
        ),
        Activation(
            name="silu",
            module=lambda slope: nn.SiLU(),
            forward=kernels.silu,
            backward=kernels.silu_backward,
            gain=_constant(1.677),
            max_derivative=_constant(1.0998),
            mark=Mark("#bb6611", "hexagram"),
        ),
        Activation(
            name="mish",
            module=lambda slope: nn.Mish(),
            forward=kernels.mish,
            backward=kernels.mish_backward,
            gain=_constant(1.487),
            max_derivative=_constant(1.0885),
            mark=Mark("#cc3377", "triangle-right"),
        ),
        Activation(
            name="softplus",
            module=lambda slope: nn.Softplus(),
            forward=kernels.softplus,
            backward=kernels.softplus_backward,
            gain=_constant(1.042),
            spread=True,
            mark=Mark("#dd8800", "bowtie"),
        ),
        Activation(
            name="softsign",
            module=lambda slope: nn.Softsign(),
            forward=kernels.softsign,
            backward=kernels.softsign_backward,
            gain=_constant(2.337),
            mark=Mark("#aa0099", "hourglass"),
        ),
        Activation(
            name="tanh",
            module=lambda slope: nn.Tanh(),
            forward=kernels.tanh,
            backward=kernels.tanh_backward,
            gain=_constant(5.0 / 3.0),
            saturated_output=(-0.95, 0.95),
            mark=Mark("#aa0099", "triangle-down"),
        ),
        Activation(
            name="hardtanh",
            module=lambda slope: nn.Hardtanh(),
            forward=kernels.hardtanh,
            backward=kernels.hardtanh_backward,
            gain=_constant(1.392),
            mark=Mark("#aa0099", "triangle-sw"),
        ),
        Activation(
            name="sigmoid",
            module=lambda slope: nn.Sigmoid(),
            forward=kernels.sigmoid,
            backward=kernels.sigmoid_backward,
            gain=_constant(1.0),
            max_derivative=_constant(0.25),
            saturated_output=(0.05, 0.95),
            spread=True,
            mark=Mark("#ff5588", "pentagon"),
        ),
        Activation(
            name="hardswish",
            module=lambda slope: nn.Hardswish(),
            forward=kernels.hardswish,
            backward=kernels.hardswish_backward,
            gain=_constant(1.737),
            max_derivative=_constant(1.5),
            mark=Mark("#994422", "diamond-tall"),
        ),
        Activation(
            name="identity",
            module=lambda slope: nn.Identity(),
            forward=kernels.identity,
            backward=kernels.identity_backward,
            gain=_constant(1.0),
            mark=Mark("#5599ff", "cross"),
        ),
    )
}
