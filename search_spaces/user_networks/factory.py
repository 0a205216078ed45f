"""The function that makes a user's network: called, and held to what it must give."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from search_spaces.user_networks.failures import NetworkError, what_was_raised
from search_spaces.user_networks.helpers import activate
from search_spaces.user_networks.source import Source

Make = Callable[[], nn.Module]

_FORMS = "NAME(input_shape, outputs) or NAME(input_shape, outputs, activation, dropout)"


class Factory:
    """The function that makes a user's network.

    Args:
        source: Where it is found.

    Raises:
        NetworkError: The file raises, or has no such function, or it wants other arguments.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.takes_modules  # noqa: B018 - refuses other arguments

    @cached_property
    def takes_modules(self) -> bool:
        """Whether it is given `activation` and `dropout`: the four-argument form."""
        make = self.source.load()
        if not callable(make):
            raise self.refused(f"is a {type(make).__name__}, and a function is needed: {_FORMS}")
        try:
            signature = inspect.signature(make)
        except (TypeError, ValueError):
            raise self.refused(f"does not tell its arguments; {_FORMS} is needed") from None
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [each.name for each in signature.parameters.values() if each.kind in kinds]
        required = [name for name in names if signature.parameters[name].default is inspect.Parameter.empty]
        takes_modules = len(required) == 4 or names[2:4] == ["activation", "dropout"]
        try:
            signature.bind(*[None] * (4 if takes_modules else 2))
        except TypeError as error:
            raise self.refused(f"has the arguments {signature} ({error}); {_FORMS} is needed") from None
        return takes_modules

    def __call__(self, input_shape: tuple[int, ...], outputs: int, *places: Make) -> nn.Module:
        """The network.

        Args:
            input_shape: Shape of one sample's features.
            outputs: C, number of outputs.
            places: `activation` and `dropout`, in the four-argument form.

        Raises:
            NetworkError: The function raises, or returns no module.
        """
        make = self.source.load()
        activate(self.source.root)
        try:
            network = make(input_shape, outputs, *places)
        except Exception as error:
            raise self.refused(
                f"raised for input_shape={input_shape}, outputs={outputs}: "
                f"{what_was_raised(error, self.source.file)}; mend the function"
            ) from None
        if not isinstance(network, nn.Module):
            raise self.refused(f"returned a {type(network).__name__}, and a torch.nn.Module is needed")
        return network

    def check_equal(self, first: nn.Module, second: nn.Module) -> None:
        """Refuses a function that gave two networks under the same seed of torch's generator.

        Raises:
            NetworkError: Their state dicts differ, or hold what is no tensor; the text names the first one.
        """
        states = one, other = first.state_dict(), second.state_dict()
        for name, tensor in one.items():
            if is_lazy(tensor):
                raise self.refused(
                    f"gives a module whose {name} has no shape yet, as those of nn.LazyLinear; give all sizes, which "
                    "follow from input_shape"
                )
            if not isinstance(tensor, Tensor):
                raise self.refused(
                    f"gives a module whose state dict holds a {type(tensor).__name__} under {name}, and tensors are "
                    "needed; make it a buffer"
                )
        for name in {**one, **other}:
            here, there = ("nothing" if name not in state else list(state[name].shape) for state in states)
            if here != there:
                raise self.refused(
                    f"gives another network from call to call: {name} is {here} and then {there}; it must depend on "
                    "its arguments alone"
                )
            if not torch.equal(one[name].nan_to_num(), other[name].nan_to_num()):
                raise self.refused(
                    f"gives other values of {name} from call to call, though torch's generator is seeded; draw them "
                    "with torch's own generator"
                )

    def refused(self, what: str) -> NetworkError:
        """The error that says what is wrong with it."""
        return NetworkError(f"--network: {self.source.name} in {self.source.file} {what}")
