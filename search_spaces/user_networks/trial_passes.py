"""A few forward passes of a user's network, before any training: what it takes, gives and draws."""

from __future__ import annotations

import inspect
import pickle
import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from search_spaces.user_networks.factory import Factory
from search_spaces.user_networks.failures import what_was_raised

_SAMPLES = 3


class TrialPasses:
    """Forward passes of networks that a user's function makes, on a few normal draws.

    Args:
        factory: The function.
        input_shape: Shape of one sample's features.
        outputs: C, number of outputs.
    """

    def __init__(self, factory: Factory, input_shape: tuple[int, ...], outputs: int) -> None:
        self._factory, self._outputs = factory, outputs
        self._x = torch.randn(_SAMPLES, *input_shape, generator=torch.Generator().manual_seed(0))

    def __call__(self, network: nn.Module) -> None:
        """Runs one in eval mode, then one in training mode.

        Raises:
            NetworkError: The network raises.
        """
        self._run(network.eval())
        self._run(network.train())

    def check(self, network: nn.Module) -> None:
        """Refuses a network that takes other inputs, gives other outputs, or predicts at random.

        Raises:
            NetworkError: The text says what is needed.
        """
        refused = self._factory.refused
        if not list(network.parameters()):
            raise refused("gives a module without parameters, which cannot be trained")
        signature = inspect.signature(network.forward)
        try:
            signature.bind(None)
        except TypeError:
            raise refused(
                f"gives a module whose forward takes {signature}; it must take one input, x of shape (N, *input_shape)"
            ) from None
        found, again = self._run(network.eval()), self._run(network)
        if not isinstance(found, Tensor):
            raise refused(f"gives a module whose forward returns a {type(found).__name__}; a tensor is needed")
        # One sample too: the last batch of an epoch may be one.
        for x, outputs in ((self._x, found), (self._x[:1], self._run(network, self._x[:1]))):
            needed = (len(x), self._outputs)
            if tuple(outputs.shape) != needed:
                raise refused(
                    f"gives a module whose outputs are {tuple(outputs.shape)} for {len(x)} sample{'s'[: len(x) - 1]}, "
                    f"and {needed} are needed: (N, outputs)"
                )
        if not torch.equal(found.nan_to_num(), again.nan_to_num()):
            raise refused(
                "gives a module that draws random numbers in eval mode, so that its predictions are not reproducible; "
                "draw them only where self.training is true"
            )

    def check_equal(self, first: nn.Module, second: nn.Module) -> None:
        """Refuses two networks of equal weights that predict differently: the function makes another one at each call.

        Raises:
            NetworkError: The text says what is needed.
        """
        one, other = self._run(first.eval()), self._run(second.eval())
        same_shape = isinstance(one, Tensor) and one.shape == other.shape
        if not same_shape or not torch.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True):
            raise self._factory.refused(
                "gives another network from call to call: with equal weights, the outputs for the same samples differ; "
                "it must depend on its arguments alone"
            )

    def check_gradients(self, network: nn.Module) -> None:
        """Refuses a network that cannot be trained, because its outputs do not lead back to parameters.

        Raises:
            NetworkError: The text says what was raised.
        """
        for mode in ("eval", "training"):
            try:
                network.train(mode == "training")(self._x).sum().backward()
            except Exception as error:
                raise self._factory.refused(
                    f"gives a module whose gradients cannot be computed in {mode} mode: "
                    f"{what_was_raised(error, self._factory.source.file)}"
                ) from None

    def draws(self, network: nn.Module) -> bool:
        """Whether a network draws from torch's generator in training.

        Raises:
            NetworkError: It draws from the generator of numpy or random.
        """
        before, others = torch.get_rng_state(), _other_generators()
        self._run(network.train())
        if _other_generators() != others:
            raise self._factory.refused(
                "gives a module that draws from the global generator of numpy or random, which cannot be seeded for "
                "each replicate; draw with torch"
            )
        return not torch.equal(torch.get_rng_state(), before)

    def takes_float64(self, network: nn.Module) -> bool:
        """Whether a network computes in float64 too; one that makes float32 tensors by itself may not."""
        return self._takes(network.double(), self._x.double())

    def takes_channels_last(self, network: nn.Module) -> bool:
        """Whether a network takes images whose channels lie side by side in memory; one that calls `view` may not."""
        if self._x.dim() != 4:
            return False
        for parameter in network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return self._takes(network, self._x.contiguous(memory_format=torch.channels_last))

    def _takes(self, network: nn.Module, x: Tensor) -> bool:
        """Whether a network runs forward and backward."""
        try:
            network.train()(x).sum().backward()
            network.eval()(x)
        except Exception:  # whatever the user's code raises
            return False
        return True

    @torch.no_grad()
    def _run(self, network: nn.Module, x: Tensor | None = None) -> Any:
        x = self._x if x is None else x
        try:
            return network(x)
        except Exception as error:
            mode = "training" if network.training else "eval"
            raise self._factory.refused(
                f"gives a module that raises in {mode} mode on float32 inputs of shape {tuple(x.shape)}: "
                f"{what_was_raised(error, self._factory.source.file)}; {_remedy(x)}"
            ) from None


def _remedy(x: Tensor) -> str:
    """What helps a network that raises for `[N, F]` rows of a table, or for `[N, C, H, W]` images."""
    kinds = {2: ("a table", "images (N, C, H, W)"), 4: ("images (N, C, H, W)", "a table (N, F)")}
    if x.dim() not in kinds:
        return "mend the module"
    seen, other = kinds[x.dim()]
    return f"the data are {seen}: mend the module, or give {other} if it reads those"


def _other_generators() -> bytes:
    return pickle.dumps((np.random.get_state(), random.getstate()))
