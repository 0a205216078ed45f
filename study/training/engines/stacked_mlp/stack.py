"""The stacked network: the slots of one replicate side by side, with a forward and a backward pass of its own.

Axes: `S` slots, `N` rows of a batch, `F` units, `C` outputs. Every axis but `S` is padded to a multiple of 16. A slot's
results are then bit-identical whichever slots share the batch: batched products round alike only where no tile of
theirs is ragged, and vectorized elementwise kernels only where no slot ends inside a vector. Padding of activations and
of gradients is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from search_spaces import ACTIVATIONS, Activation, Hyperparameters
from search_spaces.perceptron import layer_sizes
from study.tasks import Task

ALIGNMENT = 16


def padded(size: int) -> int:
    """`size`, rounded up to the alignment.

    Example:
        >>> padded(10), padded(64)
        (16, 64)
    """
    return -(-size // ALIGNMENT) * ALIGNMENT


def pad(x: Tensor, *sizes: int) -> Tensor:
    """`x` in the corner of a tensor of zeros of the given sizes; `x` itself where it fits already."""
    if x.shape == sizes and x.is_contiguous():
        return x
    result = x.new_zeros(sizes)
    result[tuple(slice(size) for size in x.shape)] = x
    return result


@dataclass(frozen=True)
class Run:
    """Neighbouring slots that share something: `slots[start:stop]`."""

    start: int
    stop: int

    def of(self, x: Tensor) -> Tensor:
        """The run's slice of a tensor whose first axis is `S`."""
        return x[self.start : self.stop]


@dataclass(frozen=True, eq=False)
class Lane:
    """A run's share of one hidden layer's buffers; cut once, for a cut costs as much as a small kernel.

    Attributes:
        activation: What the run's slots have in common.
        z: `[S, N, F]`, as `a`, `g` and `scratch`: see `Buffers`.
        slope: `[S, 1, 1]`; in training `[1, N, F]` where it is drawn.
        slope_gradient: `[S, 16]`.
        padding: `[S, N, F]` those of `a` that must be cleared, or None.
    """

    activation: Activation
    z: Tensor
    a: Tensor
    g: Tensor
    scratch: Tensor
    slope: Tensor
    slope_gradient: Tensor
    padding: Tensor | None


@dataclass(frozen=True, eq=False)
class Buffers:
    """Every intermediate result of one pass over N rows; reused from step to step.

    Attributes:
        z: `[S, N, F]` pre-activations of each layer, the outputs last.
        a: `[S, N, F]` activations of each hidden layer.
        h: What the next layer sees: `a`, or `a` times `mask`.
        mask: `[S, N, F]` 0 where a unit is dropped, else 1/(1 − rate); empty without dropout.
        g: `[S, N, F]` gradient of the loss with respect to each layer's `z`.
        scratch: `[S, N, F]` for the activations' kernels.
        responses: `[S, N, C]` the task's responses to the outputs, after `Stack.backward`.
        lanes: The runs' shares of each hidden layer.
    """

    z: list[Tensor]
    a: list[Tensor]
    h: list[Tensor]
    mask: list[Tensor]
    g: list[Tensor]
    scratch: list[Tensor]
    responses: Tensor
    lanes: list[list[Lane]]


class Stack:
    """S multilayer perceptrons of one shape.

    Args:
        slots: Hyperparameters of each slot; two at least, sorted so that equal activations are neighbours.
        task: What is learned.
        features: F of the data.
        outputs: C of the data.
        dtype: float32, or float64 for tests.
        device: Where the stack lives.

    Attributes:
        task: What is learned.
        sizes: (fan-in, fan-out) of each layer, without padding.
        weights: `[S, F_in, F_out]` of each layer.
        biases: `[S, 1, F_out]` of each layer.
        slopes: `[S, 16]` negative slope after each hidden layer, 16 times the same (see the module's note); the mean
            of those that are drawn.
        gradients: Of weights, biases and slopes, as three lists.
        runs: Neighbouring slots of the same activation.
        uses_dropout: Whether any slot drops units in training.
        draws_slopes: Whether any slot draws the slopes of its activations in training.
    """

    def __init__(
        self,
        slots: Sequence[Hyperparameters],
        *,
        task: Task,
        features: int,
        outputs: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.slots, self.task = tuple(slots), task
        self.sizes = layer_sizes(slots[0].hidden, features, outputs)
        self._dtype, self._device = dtype, torch.device(device)
        count = len(slots)

        def stack(*shape: int) -> Tensor:
            return torch.zeros(count, *shape, dtype=dtype, device=device)

        self.weights = [stack(padded(fan_in), padded(fan_out)) for fan_in, fan_out in self.sizes]
        self.biases = [stack(1, padded(fan_out)) for _, fan_out in self.sizes]
        slopes = self._column([ACTIVATIONS[slot.activation].slope_in_eval(slot.negative_slope) for slot in slots])
        self.slopes = [slopes.expand(count, ALIGNMENT).clone() for _ in self.sizes[:-1]]
        self.gradients = tuple(
            [torch.zeros_like(parameter) for parameter in group] for group in (self.weights, self.biases, self.slopes)
        )
        self.runs: list[tuple[Run, Activation]] = []
        for name, group in groupby(range(count), key=lambda s: slots[s].activation):
            members = list(group)
            self.runs.append((Run(members[0], members[-1] + 1), ACTIVATIONS[name]))
        self._rate = self._column([slot.dropout for slot in slots])[:, :, None]
        self._keep_scale = 1.0 / (1.0 - self._rate)
        self._l1 = self._column([slot.l1 for slot in slots])[:, :, None]
        self.uses_dropout = any(slot.dropout > 0 for slot in slots)
        self.draws_slopes = any(activation.drawn_slope is not None for _, activation in self.runs)
        self._twice_l2 = 2.0 * self._column([slot.l2 for slot in slots])[:, :, None]
        self._uses_l2 = any(slot.l2 > 0 for slot in slots)
        self._uses_l1 = any(slot.l1 > 0 for slot in slots)
        self._output_padding = stack(1, padded(outputs))[:1]
        self._output_padding[..., outputs:] = task.padded_output
        self._pads_outputs = outputs < padded(outputs) and task.padded_output != 0.0
        self._buffers: dict[tuple[int, bool], Buffers] = {}

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=self._dtype, device=self._device)[:, None]

    def load(self, parameters: Iterable[Sequence[tuple[Tensor, Tensor]]]) -> None:
        """Sets every slot's parameters: `[F_in, F_out]` weights and `[F_out]` biases of each layer."""
        # Assembled on the processor, so that a device copies one piece a layer.
        weights, biases = ([x.cpu() for x in group] for group in (self.weights, self.biases))
        for slot, layers in enumerate(parameters):
            for layer, (weight, bias) in enumerate(layers):
                weights[layer][slot, : weight.shape[0], : weight.shape[1]] = weight
                biases[layer][slot, 0, : bias.shape[0]] = bias
        for ours, loaded in zip([*self.weights, *self.biases], [*weights, *biases], strict=True):
            if ours is not loaded:
                ours.copy_(loaded)

    def parameters(self, slot: int) -> list[tuple[Tensor, Tensor]]:
        """Copies of one slot's `[F_in, F_out]` weights and `[F_out]` biases, without padding."""
        return [
            (weight[slot, :fan_in, :fan_out].clone(), bias[slot, 0, :fan_out].clone())
            for weight, bias, (fan_in, fan_out) in zip(self.weights, self.biases, self.sizes, strict=True)
        ]

    def state(self, slot: int) -> dict[str, Tensor]:
        """Views of all that training changes in one slot, by name, padding included."""
        groups = {"weight": self.weights, "bias": self.biases, "slope": self.slopes}
        return {f"{name}.{layer}": x[slot] for name, group in groups.items() for layer, x in enumerate(group)}

    def buffers(self, rows: int, *, training: bool) -> Buffers:
        """The buffers for passes over so many rows; two kinds of pass with as many rows share none."""
        key = (rows, training)
        if key not in self._buffers:

            def stack(width: int) -> Tensor:
                return torch.empty(len(self.slots), rows, padded(width), dtype=self._dtype, device=self._device)

            hidden = [fan_out for _, fan_out in self.sizes[:-1]]
            z, g = ([stack(fan_out) for _, fan_out in self.sizes] for _ in range(2))
            a, scratch = ([stack(width) for width in hidden] for _ in range(2))
            dropping = training and self.uses_dropout
            drawing = training and self.draws_slopes
            drawn = [z[layer].new_empty(1, *z[layer].shape[1:]) for layer in range(len(hidden)) if drawing]
            self._buffers[key] = Buffers(
                z=z,
                a=a,
                h=[stack(width) for width in hidden] if dropping else a,
                mask=[stack(width) for width in hidden] if dropping else [],
                g=g,
                scratch=scratch,
                responses=stack(self.sizes[-1][1]),
                lanes=[
                    [self._lane(run, activation, layer, drawn, z, a, g, scratch) for run, activation in self.runs]
                    for layer in range(len(hidden))
                ],
            )
        return self._buffers[key]

    def _lane(
        self, run: Run, activation: Activation, layer: int, drawn: Sequence[Tensor], *buffers: Sequence[Tensor]
    ) -> Lane:
        z, a, g, scratch = (run.of(buffer[layer]) for buffer in buffers)
        width = self.sizes[layer][1]
        return Lane(
            activation,
            z,
            a,
            g,
            scratch,
            slope=drawn[layer] if drawn and activation.drawn_slope else run.of(self.slopes[layer])[:, :1, None],
            slope_gradient=run.of(self.gradients[2][layer]),
            padding=a[..., width:] if activation.spread and width < a.shape[2] else None,
        )

    def forward(
        self,
        x: Tensor,
        uniforms: Sequence[Tensor] | None = None,
        *,
        slopes: Sequence[Tensor] = (),
        thresholds: Sequence[Tensor] | None = None,
    ) -> Buffers:
        """One forward pass.

        Args:
            x: `[N, F]` padded features, shared by all slots.
            uniforms: `[N, F]` padded draws from U[0, 1) for each hidden layer, compared to each slot's dropout
                rate; None: eval mode.
            slopes: `[1, N, F]` padded draws from U[0, 1) for each hidden layer, which become the slopes of activations
                that draw them; none in eval mode.
            thresholds: `[S, 1, 1]` magnitude for each hidden layer, up to which activations are set to 0; None: all
                stay as they are.

        Returns:
            The buffers, filled up to the outputs; padded outputs have the value that the task wants.
        """
        buffers = self.buffers(x.shape[0], training=uniforms is not None)
        h = x.expand(len(self.slots), *x.shape)
        for layer in range(len(self.sizes) - 1):
            z, a = buffers.z[layer], buffers.a[layer]
            torch.baddbmm(self.biases[layer], h, self.weights[layer], out=z)
            for lane in buffers.lanes[layer]:
                if slopes and lane.activation.drawn_slope is not None:
                    low, high = lane.activation.drawn_slope
                    torch.mul(slopes[layer], high - low, out=lane.slope).add_(low)
                lane.activation.forward(lane.z, lane.slope, lane.a, lane.scratch)
                if lane.padding is not None:
                    lane.padding.zero_()
            if thresholds is not None:
                kept = torch.abs(a, out=buffers.scratch[layer])
                a.mul_(kept.gt_(thresholds[layer]))
            h = a
            if uniforms is not None and self.uses_dropout:
                mask, h = buffers.mask[layer], buffers.h[layer]
                torch.ge(uniforms[layer], self._rate, out=mask)
                mask.mul_(self._keep_scale)
                torch.mul(a, mask, out=h)
        torch.baddbmm(self.biases[-1], h, self.weights[-1], out=buffers.z[-1])
        if self._pads_outputs:
            buffers.z[-1].add_(self._output_padding)
        return buffers

    def backward(self, x: Tensor, buffers: Buffers, targets: Tensor, row_weights: Tensor, *, penalty: bool) -> None:
        """Fills `gradients` with those of the weighted loss, and the buffers' `responses`, after `forward`.

        Args:
            x: `[N, F]` as in `forward`.
            buffers: What `forward` returned.
            targets: `[N, C]` encoded targets, padded.
            row_weights: `[N]` weight of each row: 1/n for the n rows that are samples, 0 for padding.
            penalty: Whether the penalties on activations belong to the loss.
        """
        weight_gradients, bias_gradients, _ = self.gradients
        responses = self.task.respond(buffers.z[-1], out=buffers.responses)
        g = self.task.gradient(responses, targets, row_weights, out=buffers.g[-1])
        for layer in range(len(self.sizes) - 1, -1, -1):
            h = buffers.h[layer - 1] if layer else x.expand(len(self.slots), *x.shape)
            torch.bmm(h.transpose(1, 2), g, out=weight_gradients[layer])
            torch.sum(g, 1, keepdim=True, out=bias_gradients[layer])
            if layer == 0:
                break
            below = buffers.g[layer - 1]
            torch.bmm(g, self.weights[layer].transpose(1, 2), out=below)
            g = below
            if buffers.mask:
                g.mul_(buffers.mask[layer - 1])
            if penalty and self._uses_l1:
                scratch = torch.sign(buffers.a[layer - 1], out=buffers.scratch[layer - 1])
                scratch.mul_(row_weights[:, None])
                g.addcmul_(scratch, self._l1)
            if penalty and self._uses_l2:
                scratch = torch.mul(buffers.a[layer - 1], row_weights[:, None], out=buffers.scratch[layer - 1])
                g.addcmul_(scratch, self._twice_l2)
            for lane in buffers.lanes[layer - 1]:
                if lane.activation.slope == "learned":
                    torch.clamp_max(lane.z, 0.0, out=lane.scratch)
                    lane.scratch.mul_(lane.g)
                    lane.slope_gradient.copy_(lane.scratch.sum((1, 2))[:, None])
                lane.activation.backward(lane.g, lane.z, lane.a, lane.slope, lane.scratch)
