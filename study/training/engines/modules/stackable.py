"""Whether slots can train together under `torch.func.vmap`: tried once, on a few random samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from search_spaces.architectures import Architecture
from study.training.engines.base import Sizes
from study.training.engines.modules.first_weights import build
from study.training.engines.modules.places import activation_places, channels_last, dropout_places
from study.training.engines.modules.stacked_networks import StackedNetworks
from study.training.engines.modules.torch_generator import seeded
from study.training.engines.modules.training_loss import Batch, training_loss
from study.training.failures import is_out_of_memory

STACKED_DEVICES = {"cuda"}
"""Types of device on which slots train together. On the processor vmap is slower than one slot after the other."""
TRIED_SAMPLES = 4
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}
"""Share of the largest value by which what is computed together may differ from what is computed one by one."""


def structure(hyperparameters: Hyperparameters) -> Hyperparameters:
    """What trials that may train together have in common: all that says which parameters their networks have."""
    learned = ACTIVATIONS[hyperparameters.activation].slope == "learned"
    same = Hyperparameters()
    return replace(
        hyperparameters,
        activation=hyperparameters.activation if learned else same.activation,
        negative_slope=same.negative_slope,
        initialization=same.initialization,
        dropout=same.dropout,
        learning_rate=same.learning_rate,
        weight_decay=same.weight_decay,
        l1=same.l1,
        l2=same.l2,
        bias=same.bias,
    )


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is tried.

    Attributes:
        architecture: Builds the networks.
        sizes: Sizes of the data.
        device: Where they are to train.
        side_by_side: Whether the channels of images lie side by side in memory.
        last_batch: Samples of an epoch's last batch.
    """

    architecture: Architecture
    sizes: Sizes
    device: torch.device
    side_by_side: bool
    last_batch: int

    def refusal(self, slots: Sequence[Hyperparameters]) -> str | None:
        """Why slots of one structure cannot train together, in one line; None where they can.

        A step and an evaluation of all of them together are held against those one by one: losses, gradients, buffers
        and outputs must agree.

        Args:
            slots: One slot of each kind that is to train together.
        """
        try:
            for samples in sorted({TRIED_SAMPLES, min(TRIED_SAMPLES, self.last_batch)}):
                self._compare(slots, samples)
        except Exception as error:  # whatever torch.func or the user's code raises
            if is_out_of_memory(error):
                raise
            return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        return None

    def _compare(self, slots: Sequence[Hyperparameters], samples: int) -> None:
        """Raises where a pass of so many samples gives other values together than one by one."""
        batch = self._batch(samples)
        networks = [self._network(slot, number) for number, slot in enumerate(slots)]
        alone = []
        for network, slot in zip(networks, slots, strict=True):
            before = [buffer.clone() for buffer in network.buffers()]
            with _drawing(network, self.device):
                loss, outputs = training_loss(network, network, _loss, batch, l1=slot.l1, l2=slot.l2)
            found = _Found.of(loss, outputs, list(network.parameters()), [b.clone() for b in network.buffers()])
            with torch.no_grad():
                found.tensors["outputs in eval mode"] = [network.eval()(batch[0])]
                for buffer, value in zip(network.buffers(), before, strict=True):
                    buffer.copy_(value)
            alone.append(found)
            network.train()
        stack = StackedNetworks(networks, slots)
        with _drawing(stack.template, self.device):
            losses, outputs = stack.losses(_loss, batch)
        together = _Found.of(losses, outputs, list(stack.parameters.values()), list(stack.buffers.values()))
        stack.train(False)
        with torch.no_grad():
            together.tensors["outputs in eval mode"] = [stack.outputs(batch[0])]
        for number, found in enumerate(alone):
            found.check(together, number)

    def _batch(self, samples: int) -> Batch:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(samples, *self.sizes.input_shape, generator=generator).to(self.device, self._dtype)
        return channels_last(x) if self.side_by_side else x, torch.zeros(samples, device=self.device), None

    def _network(self, slot: Hyperparameters, seed: int) -> nn.Module:
        network = build(self.architecture, slot, self.sizes.input_shape, self.sizes.outputs, torch_seed=seed)
        network.to(self.device, self._dtype)
        if self.side_by_side:
            for parameter in network.parameters():
                parameter.data = channels_last(parameter.data)
        return network.train()

    @property
    def _dtype(self) -> torch.dtype:
        user, sizes = self.architecture.user, self.sizes
        takes_float64 = user is None or user.check(sizes.input_shape, sizes.outputs).takes_float64
        return torch.float64 if takes_float64 else torch.float32


def _loss(outputs: Tensor, y: Tensor, weights: Tensor | None) -> Tensor:
    """A loss whose gradients are not 0, whatever the targets are."""
    return outputs.square().mean()


@contextmanager
def _drawing(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Lets a network draw the numbers that every other one draws here."""
    for activation in activation_places(network):
        activation.generator = np.random.default_rng(0)
    for dropout in dropout_places(network):
        dropout.generator = np.random.default_rng(0)
    with seeded(0, device):
        yield


@dataclass(frozen=True)
class _Found:
    """What a step and an evaluation gave, by name; a gradient that there is not is None."""

    tensors: dict[str, list[Tensor | None]]

    @classmethod
    def of(cls, loss: Tensor, outputs: Tensor, parameters: Sequence[Tensor], buffers: Sequence[Tensor]) -> _Found:
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        gradients = torch.autograd.grad(loss.sum(), trained, allow_unused=True)
        return cls(
            {
                "losses": [loss.detach()],
                "outputs": [outputs.detach()],
                "gradients": list(gradients),
                "buffers": list(buffers),
            }
        )

    def check(self, together: _Found, slot: int) -> None:
        """Raises where what was found of all slots together is not what this is, of one of them."""
        for name, tensors in self.tensors.items():
            scale = max((float(each.abs().max()) for each in tensors if each is not None and each.numel()), default=0.0)
            for one, of_all in zip(tensors, together.tensors[name], strict=True):
                same = (one is None) == (of_all is None)
                if one is not None and of_all is not None:
                    difference = (one.double() - of_all[slot].double()).abs()
                    same = bool((difference <= TOLERANCE.get(one.dtype, 0.0) * scale).all())
                if not same:
                    raise ValueError(f"together they have other {name} than one by one")
