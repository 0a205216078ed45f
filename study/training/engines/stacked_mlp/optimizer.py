"""Adam and SGD over a stack, each slot with a learning rate and a weight decay of its own."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor

from study.training.budget import BETAS, EPSILON, MOMENTUM
from study.training.engines.stacked_mlp.stack import Run, Stack


class _Update:
    """Parameters that share a learning rate and a weight decay, updated by one of torch's fused kernels."""

    def __init__(
        self,
        run: Run,
        kind: str,
        parameters: list[Tensor],
        gradients: list[Tensor],
        rate: float,
        decay: float,
        name: str,
    ) -> None:
        self.run, self._kind = run, kind
        self._parameters, self._gradients = [run.of(p) for p in parameters], [run.of(g) for g in gradients]
        self._rate, self._decay, self._name = rate, decay, name
        self._first = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._second = [torch.zeros_like(parameter) for parameter in self._parameters] if name == "adam" else []
        # The kernel wants a step counter for each parameter; it is the same one.
        self._steps = torch.zeros((), dtype=torch.float32, device=parameters[0].device)
        self._began = False

    def moments(self, slot: int) -> dict[str, Tensor]:
        """Views of one slot's moments, by name."""
        orders = {"first": self._first, "second": self._second}
        return {
            f"{order}.{self._kind}.{index}": moment[slot - self.run.start]
            for order, moments in orders.items()
            for index, moment in enumerate(moments)
        }

    def begin_after(self, steps: int) -> None:
        """Counts so many steps as made."""
        self._began = steps > 0
        self._steps.fill_(float(steps))

    def step(self) -> None:
        if self._name == "adam":
            self._steps.add_(1.0)
            torch._fused_adam_(
                self._parameters,
                self._gradients,
                self._first,
                self._second,
                [],
                [self._steps] * len(self._parameters),
                lr=self._rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=self._decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
        else:
            torch._fused_sgd_(
                self._parameters,
                self._gradients,
                self._first,
                weight_decay=self._decay,
                momentum=MOMENTUM,
                lr=self._rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=not self._began,
            )
        self._began = True


class Optimizer:
    """Updates a stack's parameters from its gradients, as `torch.optim.Adam` or `SGD` would each slot's.

    Neighbouring slots with equal learning rate and weight decay share a kernel call. PReLU's slopes get no
    weight decay (He et al. 2015, section 2.1).
    """

    def __init__(self, stack: Stack, name: str) -> None:
        weight_gradients, bias_gradients, slope_gradients = stack.gradients
        parameters = [*stack.weights, *stack.biases]
        gradients = [*weight_gradients, *bias_gradients]
        self._updates: list[_Update] = []

        def key(slot: int) -> tuple[float, float]:
            return stack.slots[slot].learning_rate, stack.slots[slot].weight_decay

        for (rate, decay), group in groupby(range(len(stack.slots)), key=key):
            members = list(group)
            run = Run(members[0], members[-1] + 1)
            self._updates.append(_Update(run, "parameter", parameters, gradients, rate, decay, name))
            for other, activation in stack.runs:
                learned = Run(max(run.start, other.start), min(run.stop, other.stop))
                if activation.slope == "learned" and learned.start < learned.stop:
                    self._updates.append(_Update(learned, "slope", stack.slopes, slope_gradients, rate, 0.0, name))

    def step(self) -> None:
        """Updates every parameter once."""
        for update in self._updates:
            update.step()

    def state(self, slot: int) -> dict[str, Tensor]:
        """Views of one slot's moments, by name, padding included."""
        return {
            name: moment
            for update in self._updates
            if update.run.start <= slot < update.run.stop
            for name, moment in update.moments(slot).items()
        }

    def begin_after(self, steps: int) -> None:
        """Counts so many steps as made; the moments are copied into what `state` gives."""
        for update in self._updates:
            update.begin_after(steps)
