"""The kernels of the activations: f(z) and its derivative, which allocate no memory where torch allows it.

Forward kernels have the arguments `(z, slope, a, scratch)` and fill `a` with f(z). Backward kernels have the arguments
`(g, z, a, slope, scratch)` and turn `g` = dL/da into dL/dz in place. `z`, `a`, `g` and `scratch` are contiguous
`[S, N, F]`, `slope` is `[S, 1, 1]`, or `[1, N, F]` where it is drawn; see `search_spaces.activations.Activation`.
"""

from __future__ import annotations

import torch
from torch import Tensor

aten = torch.ops.aten


def relu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.clamp_min(z, 0.0, out=a)


def relu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.threshold_backward.grad_input(g, z, 0.0, grad_input=g)


def relu_squared(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.clamp_min(z, 0.0, out=a)
    a.mul_(a)


def relu_squared_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    torch.clamp_min(z, 0.0, out=scratch)
    g.mul_(scratch).mul_(2.0)


def relu6(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.hardtanh.out(z, 0.0, 6.0, out=a)


def relu6_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.hardtanh_backward.grad_input(g, z, 0.0, 6.0, grad_input=g)


def leaky_relu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    # max(z, slope · z) is leaky ReLU for slopes from 0 to 1; no other slopes can be searched.
    torch.mul(z, slope, out=a)
    torch.maximum(z, a, out=a)


def leaky_relu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    torch.gt(z, 0.0, out=scratch)
    torch.maximum(scratch, slope, out=scratch)
    g.mul_(scratch)


# Randomized leaky ReLU is leaky ReLU with a slope for each unit and sample.
rrelu, rrelu_backward = leaky_relu, leaky_relu_backward


def prelu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.clamp_max(z, 0.0, out=scratch)
    torch.clamp_min(z, 0.0, out=a)
    a.addcmul_(scratch, slope)


def prelu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    torch.le(z, 0.0, out=scratch)
    scratch.mul_(slope - 1.0).add_(1.0)
    g.mul_(scratch)


def elu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.elu.out(z, out=a)


def elu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.elu_backward.grad_input(g, 1.0, 1.0, 1.0, True, a, grad_input=g)


CELU_ALPHA = 0.5


def celu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.elu.out(z, CELU_ALPHA, 1.0, 1.0 / CELU_ALPHA, out=a)


def celu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.elu_backward.grad_input(g, CELU_ALPHA, 1.0, 1.0 / CELU_ALPHA, True, a, grad_input=g)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def selu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.elu.out(z, SELU_ALPHA, SELU_SCALE, 1.0, out=a)


def selu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.elu_backward.grad_input(g, SELU_ALPHA, SELU_SCALE, 1.0, True, a, grad_input=g)


def gelu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.gelu.out(z, out=a)


def gelu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.gelu_backward.grad_input(g, z, grad_input=g)


def silu(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.silu.out(z, out=a)


def silu_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.silu_backward.grad_input(g, z, grad_input=g)


def mish(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.mish.out(z, out=a)


def mish_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    g.copy_(aten.mish_backward(g, z))


def softplus(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.softplus.out(z, out=a)


def softplus_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.softplus_backward.grad_input(g, z, 1.0, 20.0, grad_input=g)


def softsign(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.abs(z, out=scratch)
    scratch.add_(1.0)
    torch.div(z, scratch, out=a)


def softsign_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    torch.abs(z, out=scratch)
    scratch.add_(1.0)
    g.div_(scratch).div_(scratch)


def tanh(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    # 2σ(2z) − 1 is several times faster than torch.tanh; the two differ by at most the last bit of 1.
    torch.mul(z, 2.0, out=a)
    torch.sigmoid(a, out=a)
    a.mul_(2.0).sub_(1.0)


def tanh_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.tanh_backward.grad_input(g, a, grad_input=g)


def hardtanh(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.hardtanh.out(z, -1.0, 1.0, out=a)


def hardtanh_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.hardtanh_backward.grad_input(g, z, -1.0, 1.0, grad_input=g)


def sigmoid(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    torch.sigmoid(z, out=a)


def sigmoid_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.sigmoid_backward.grad_input(g, a, grad_input=g)


def hardswish(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    aten.hardswish.out(z, out=a)


def hardswish_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    aten.hardswish_backward.out(g, z, out=scratch)
    g.copy_(scratch)


def identity(z: Tensor, slope: Tensor, a: Tensor, scratch: Tensor) -> None:
    a.copy_(z)


def identity_backward(g: Tensor, z: Tensor, a: Tensor, slope: Tensor, scratch: Tensor) -> None:
    pass
