"""Every entry of the registry against torch's own layer, autograd, and numerical integration."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from documents import code_words, table_rows
from torch import Tensor

from search_spaces import ACTIVATIONS, Activation

# One slot each; the learned slope may leave the range that is searched.
SLOPES = (0.0, 0.01, 0.25, 1.0)
LEARNED_SLOPES = (-0.5, 0.0, 0.25, 2.5)
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6}

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=list(ACTIVATIONS))
every_dtype = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def slopes_of(activation: Activation) -> tuple[float, ...]:
    if activation.drawn_slope is not None:
        return (activation.slope_in_eval(0.0),) * 2
    return LEARNED_SLOPES if activation.slope == "learned" else SLOPES


def inputs(dtype: torch.dtype) -> Tensor:
    """`[N, F]` pre-activations: zeros, tiny ones, extremes, kinks and ordinary ones, of both signs."""
    tiny = [1e-300, 1e-45, 1e-38, 1e-20, 1e-8, 1e-4]
    special = torch.tensor([0.0, *tiny, 0.5, 1.0, 3.0, 6.0, 19.9, 20.0, 20.1, 50.0], dtype=torch.float64)
    ordinary = 3.0 * torch.randn(66, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.cat([special, -special, ordinary]).to(dtype).reshape(6, 16)


def stacked(values: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """A tensor with a slot too many on either side, and its contiguous slice that holds `values` in every slot."""
    whole = torch.full((slots + 2, *values.shape), 7.0, dtype=values.dtype)
    whole[1:-1] = values
    return whole, whole[1:-1]


def reference(activation: Activation, slope: float, z: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """Output and input gradient of torch's own layer, by autograd."""
    leaf = z.clone().requires_grad_()
    output = activation.module(slope).eval().to(z.dtype)(leaf)
    output.backward(g)
    assert leaf.grad is not None
    return output.detach(), leaf.grad


def derivative(activation: Activation, slope: float, z: Tensor) -> Tensor:
    return reference(activation, slope, z, torch.ones_like(z))[1]


def second_moment(activation: Activation, slope: float) -> float:
    """E f(z)² for z ~ N(0, 1), by the trapezoidal rule."""
    z = torch.linspace(-12.0, 12.0, 48001, dtype=torch.float64)
    with torch.no_grad():
        f = activation.module(slope).double().eval()(z).numpy()
    density = np.exp(-(z.numpy() ** 2) / 2.0) / math.sqrt(2.0 * math.pi)
    return float(np.trapezoid(f * f * density, z.numpy()))


@every_activation
def test_name_is_the_key(activation: Activation) -> None:
    assert ACTIVATIONS[activation.name] is activation


@every_dtype
@every_activation
def test_kernels_equal_torch(activation: Activation, dtype: torch.dtype) -> None:
    slopes = slopes_of(activation)
    values = inputs(dtype)
    upstream = torch.randn(values.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(dtype)
    whole_z, z = stacked(values, len(slopes))
    whole_a, a = stacked(torch.full_like(values, math.nan), len(slopes))
    whole_g, g = stacked(upstream, len(slopes))
    whole_scratch, scratch = stacked(torch.full_like(values, math.nan), len(slopes))
    column = torch.tensor(slopes, dtype=dtype)[:, None, None]

    activation.forward(z, column, a, scratch)
    outputs = a.clone()
    scratch.fill_(math.nan)
    activation.backward(g, z, a, column, scratch)

    for slot, slope in enumerate(slopes):
        output, gradient = reference(activation, slope, values, upstream)
        tolerance = TOLERANCE[dtype]
        torch.testing.assert_close(a[slot], output, rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(g[slot], gradient, rtol=tolerance, atol=tolerance)
        assert torch.isfinite(a[slot]).all()
        assert torch.isfinite(g[slot]).all()
    assert torch.equal(z, values.expand_as(z)), "z is read again by the next pass"
    assert torch.equal(a, outputs), "a is what the next layer saw"
    for whole in (whole_z, whole_a, whole_g, whole_scratch):
        assert (whole[[0, -1]] == 7.0).all(), "a neighbour in the stack was touched"


@every_activation
def test_not_finite_stays_not_finite(activation: Activation) -> None:
    """A network that diverged must be seen to have diverged."""
    z = torch.full((1, 2, 16), math.nan)
    a, scratch = torch.zeros_like(z), torch.zeros_like(z)
    activation.forward(z, torch.full((1, 1, 1), 0.1), a, scratch)
    assert a.isnan().all()


@every_activation
@pytest.mark.parametrize("slope", [0.01, 0.3])
def test_gain(activation: Activation, slope: float) -> None:
    try:
        expected = torch.nn.init.calculate_gain({"identity": "linear"}.get(activation.name, activation.name), slope)
    except ValueError:
        expected = 1.0 / math.sqrt(second_moment(activation, slope))
    assert activation.gain(slope) == pytest.approx(expected, abs=1e-3)


@every_activation
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_largest_derivative(activation: Activation, slope: float) -> None:
    def largest(bound: float) -> float:
        z = torch.linspace(-bound, bound, 120_001, dtype=torch.float64)
        return float(derivative(activation, slope, z).abs().max())

    stated = activation.max_derivative(slope)
    if stated == math.inf:
        assert largest(60.0) > 1.5 * largest(30.0)
    else:
        assert stated == pytest.approx(largest(30.0), abs=5e-4)


def test_largest_derivative_of_a_learned_slope_beyond_one() -> None:
    assert ACTIVATIONS["prelu"].max_derivative(-2.5) == 2.5


@every_activation
def test_spread_says_whether_zero_goes_to_zero(activation: Activation) -> None:
    z, a = torch.zeros(1, 1, 16, dtype=torch.float64), torch.empty(1, 1, 16, dtype=torch.float64)
    activation.forward(z, torch.full((1, 1, 1), 0.1, dtype=torch.float64), a, torch.empty_like(z))
    assert bool((a != 0.0).all()) == activation.spread
    assert bool((a != 0.0).any()) == activation.spread


@pytest.mark.parametrize("name", [name for name, each in ACTIVATIONS.items() if each.drawn_slope is not None])
def test_kernels_equal_torch_given_the_same_drawn_slopes(name: str) -> None:
    """Torch's layer says in `noise` which slopes it drew; all slots share those of the stack."""
    activation, z = ACTIVATIONS[name], inputs(torch.float64)
    assert activation.drawn_slope is not None
    g = torch.randn(z.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    noise, generator = torch.zeros_like(z), torch.Generator().manual_seed(4)
    expected = torch.ops.aten.rrelu_with_noise(z, noise, *activation.drawn_slope, True, generator)
    gradient = torch.ops.aten.rrelu_with_noise_backward(g, z, noise, *activation.drawn_slope, True, False)
    low, high = activation.drawn_slope
    drawn = noise[z < 0]
    assert low <= float(drawn.min()) < float(drawn.max()) <= high
    stack, scratch = z.repeat(3, 1, 1), torch.empty(3, *z.shape, dtype=z.dtype)
    a, upstream = torch.empty_like(stack), g.repeat(3, 1, 1)
    slope = torch.where(z > 0, low, noise)[None]  # torch notes 1 where z > 0
    activation.forward(stack, slope, a, scratch)
    activation.backward(upstream, stack, a, slope, scratch)
    torch.testing.assert_close(a, expected.expand_as(a), rtol=1e-15, atol=0.0)
    torch.testing.assert_close(upstream, gradient.expand_as(a), rtol=1e-15, atol=0.0)


@every_activation
def test_role_of_the_slope(activation: Activation) -> None:
    z = torch.full((2, 1, 16), -2.0)
    a = torch.empty_like(z)
    activation.forward(z, torch.tensor([0.1, 0.2])[:, None, None], a, torch.empty_like(z))
    assert torch.equal(a[0], a[1]) == (activation.slope == "none" and activation.drawn_slope is None)
    parameters = [parameter.item() for parameter in activation.module(0.2).parameters()]
    assert parameters == ([0.2] if activation.slope == "learned" else [])
    assert (activation.gain(0.1) == activation.gain(0.5)) == (activation.slope == "none")


@every_activation
@pytest.mark.parametrize("slope", [0.01, 0.3])
def test_saturated_where_the_function_is_flat(activation: Activation, slope: float) -> None:
    z = 4.0 * torch.randn(40, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.no_grad():
        a = activation.module(slope).double().eval()(z)
    steepness = derivative(activation, slope, z).abs()
    largest = activation.max_derivative(slope)
    largest = 1.0 if largest == math.inf else largest
    flat = steepness < 0.05 * largest
    if activation.saturated_output is not None:
        low, high = activation.saturated_output
        flat = (a < low) | (a > high)
        assert bool((steepness[flat] < 0.25 * largest).all())
    before = z.clone(), a.clone()
    assert torch.equal(activation.saturated(z, a, activation.slope_in_eval(slope)), flat)
    assert torch.equal(z, before[0])
    assert torch.equal(a, before[1])


def test_saturated_outputs_of_tanh_and_sigmoid() -> None:
    z = torch.tensor([[-2.0, -1.5, 0.0, 1.5, 2.0, 3.5]], dtype=torch.float64)
    for name, function, expected in (
        ("tanh", torch.tanh, [True, False, False, False, True, True]),
        ("sigmoid", torch.sigmoid, [False, False, False, False, False, True]),
    ):
        assert ACTIVATIONS[name].saturated(z, function(z), 0.0)[0].tolist() == expected


@every_activation
def test_saturated_stays_on_its_device(activation: Activation) -> None:
    """Guards against a slope made on the processor beside activations that lie elsewhere."""
    z = torch.zeros(4, 16, device="meta")
    assert activation.saturated(z, z, 0.1).device == z.device


def test_the_registry_holds_what_the_documentation_lists() -> None:
    rows = table_rows("search-spaces.md", "## Activations")
    slopes = {name: slope for names, slope, *_ in rows for name in code_words(names)}
    assert len(slopes) > 1
    assert set(slopes) <= set(ACTIVATIONS)
    kinds = {"constant": "fixed", "learned": "learned", "–": "none"}
    assert {name: kinds[slope.split(",")[0]] for name, slope in slopes.items()} == {
        name: ACTIVATIONS[name].slope for name in slopes
    }
